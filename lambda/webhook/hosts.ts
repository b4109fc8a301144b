/** Git hosts: how each signs its calls and says that a branch moved. A further host is one more row. */
import { fieldsOf } from '../../shared/fields.ts'
import type { Call } from './call.ts'
import { isSecret, isSigned, isSignedAt, MAX_SKEW, parseSignature, SIGNATURE_HEADER } from './signature.ts'

export interface Push {
  branch: string
  sha: string
}
type Payload = Record<string, unknown>

export interface GitHost {
  name: string
  /** Header that only this host sends; its value names the event. */
  header: string
  /** Header without which a call is not looked at. */
  proof: string
  isPush(event: string): boolean
  /** `now`: seconds. */
  verify(call: Call, secrets: readonly string[], now: number): boolean
  /** The same in every delivery of one event. */
  id(call: Call, payload: Payload): string | undefined
  pushes(payload: Payload): Push[]
  /** `owner/name` of the repository; undefined: the call does not say. */
  repository(payload: Payload): string | undefined
}

const hub = (header: string) => (call: Call, secrets: readonly string[]) =>
  isSigned(call.body, /^sha256=(.*)$/.exec(call.headers[header] ?? '')?.[1] ?? '', secrets)

export const HOSTS: readonly GitHost[] = [
  {
    // Gitea and Forgejo send the same headers and fields.
    name: 'GitHub',
    header: 'x-github-event',
    proof: 'x-hub-signature-256',
    isPush: event => event === 'push',
    verify: hub('x-hub-signature-256'),
    id: ({ headers }) => headers['x-github-delivery'],
    pushes: ({ ref, after }) => pushOf(ref, after),
    repository: ({ repository }) => textOf(fieldsOf(repository).full_name),
  },
  {
    name: 'GitLab',
    header: 'x-gitlab-event',
    proof: 'x-gitlab-token',
    isPush: event => event === 'Push Hook',
    verify: ({ headers }, secrets) => isSecret(headers['x-gitlab-token'] ?? '', secrets),
    id: ({ headers }) => headers['idempotency-key'] ?? headers['x-gitlab-event-uuid'],
    pushes: ({ ref, after }) => pushOf(ref, after),
    repository: ({ project }) => textOf(fieldsOf(project).path_with_namespace),
  },
  {
    name: 'Bitbucket',
    header: 'x-event-key',
    proof: 'x-hub-signature',
    isPush: event => event === 'repo:push' || event === 'repo:refs_changed',
    verify: hub('x-hub-signature'),
    id: ({ headers }) => headers['x-request-uuid'] ?? headers['x-request-id'],
    pushes: payload => [...pushesOfCloud(payload), ...pushesOfDataCenter(payload)],
    repository({ repository }) {
      const { full_name: fullName, slug, project } = fieldsOf(repository)
      const key = textOf(fieldsOf(project).key)
      return textOf(fullName) ?? (key && textOf(slug) ? `${key}/${slug}` : undefined)
    },
  },
  {
    name: 'signed by hand',
    header: SIGNATURE_HEADER,
    proof: SIGNATURE_HEADER,
    isPush: () => true,
    verify({ headers, body }, secrets, now) {
      const signature = parseSignature(headers[SIGNATURE_HEADER])
      return signature !== undefined && Math.abs(now - signature.at) <= MAX_SKEW && isSignedAt(body, signature, secrets)
    },
    id: (_, { id }) => textOf(id),
    pushes: ({ branch, commit }) => pushOf(typeof branch === 'string' ? `refs/heads/${branch}` : undefined, commit),
    repository: () => undefined,
  },
]

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined)

/** A branch that was deleted moves to zeros; a tag is no branch. */
function pushOf(ref: unknown, sha: unknown): Push[] {
  const [, branch] = /^refs\/heads\/(.{1,255})$/.exec(textOf(ref) ?? '') ?? []
  const hash = textOf(sha)?.toLowerCase() ?? ''
  return branch && /^[0-9a-f]{40}([0-9a-f]{24})?$/.test(hash) && !/^0+$/.test(hash) ? [{ branch, sha: hash }] : []
}

const listOf = (value: unknown): Payload[] => (Array.isArray(value) ? value.slice(0, 100).map(fieldsOf) : [])

const pushesOfCloud = ({ push }: Payload): Push[] =>
  listOf(fieldsOf(push).changes).flatMap(change => {
    const { type, name, target } = fieldsOf(change.new)
    return type === 'branch' ? pushOf(`refs/heads/${name}`, fieldsOf(target).hash) : []
  })

const pushesOfDataCenter = ({ changes }: Payload): Push[] =>
  listOf(changes).flatMap(({ ref, toHash }) => pushOf(fieldsOf(ref).id, toHash))

/** A webhook may be shared by many repositories: `acme/shop` is `https://git.example.com/scm/acme/shop.git`, whatever the case. */
export function isRepository(address: string, name: string): boolean {
  const path = (text: string) =>
    text
      .toLowerCase()
      .replace(/\.git$/, '')
      .replace(/^[a-z]+:\/\/[^/]*/, '')
      .replace(/^[^/]*:/, '')
  const whole = `/${path(address).replace(/^\/+/, '')}`
  return whole.endsWith(`/${path(name).replace(/^\/+/, '')}`)
}

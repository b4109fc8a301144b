/** The webhook function over fakes: secrets by name, and a launcher that runs its real logic on the store in memory. */
import { createHmac } from 'node:crypto'
import { launch } from '../../lambda/common/launch.ts'
import { receive, type WebhookDeps } from '../../lambda/webhook/receive.ts'
import { makeSecrets } from '../../lambda/webhook/secrets.ts'
import type { TriggerConfig } from '../../shared/config-model.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { configOf, jobOf } from '../fakes/records.ts'

/** What these tests sign with: long enough, and nobody's. */
export const HOOK = 'hook '.repeat(8).trim()
export const CI = 'ci '.repeat(12).trim()
export const SHA = '4f2c1ab0'.repeat(5)

export interface Webhook {
  cloud: FakeCloud
  secrets: Map<string, string>
  /** Reads of Secrets Manager so far. */
  reads: () => number
  post(path: string, body: string, headers: Record<string, string>, event?: Record<string, unknown>): ReturnType<typeof receive>
  starts(): Promise<{ job: string; cause: unknown; overrides: unknown }[]>
}

export function makeWebhook(requestOverrides: Extract<TriggerConfig, { kind: 'request' }>['overrides'] = []): Webhook {
  const commit = { kind: 'commit', name: 'commit' } as const
  const request = { kind: 'request', name: 'request', secret: { name: 'ci', field: null }, overrides: requestOverrides } as const
  const config = configOf([
    jobOf({ name: 'ci', triggers: [commit] }),
    jobOf({ name: 'other', environment: 'staging', triggers: [commit] }),
    jobOf({ name: 'load', triggers: [request] }),
    jobOf({ name: 'nightly' }),
  ])
  const { shop } = config.projects
  if (!shop) throw new Error('the fixture has no project')
  config.projects.shop = { ...shop, webhook: { secret: { name: 'hook', field: null } } }
  const prod = config.environments['shop/prod']
  if (prod) config.environments['shop/staging'] = { ...prod, name: 'staging', branch: 'staging' }
  const cloud = makeCloud(config)
  const secrets = new Map([['hook', HOOK], ['ci', CI]]) // biome-ignore format: a table
  let reads = 0
  const client = {
    send: async (command: { input: { SecretId?: string } }) => {
      reads++
      const value = secrets.get(command.input.SecretId ?? '')
      if (value === undefined) throw new Error('ResourceNotFoundException')
      return { SecretString: value }
    },
  } as unknown as Parameters<typeof makeSecrets>[0]
  const deps: WebhookDeps = {
    ...cloud.deps,
    secrets: makeSecrets(client, cloud.deps.now, cloud.deps.log),
    launchLater: async input => void (await launch(cloud.deps, structuredClone(input))),
    launch: input => launch(cloud.deps, structuredClone(input)),
  }
  return {
    cloud,
    secrets,
    reads: () => reads,
    post: (path, body, headers, event = {}) =>
      receive(deps, {
        rawPath: path,
        headers,
        body,
        isBase64Encoded: false,
        requestContext: { http: { method: 'POST' } },
        ...event,
      }),
    async starts() {
      const runs = await cloud.store.runs((await cloud.store.open('WAIT#')).map(entry => entry.pk.slice(4)))
      return runs.map(({ job, cause, overrides }) => ({ job, cause, overrides }))
    },
  }
}

export const hmac = (body: string, secret: string) => createHmac('sha256', secret).update(body).digest('hex')

/** Headers of a push as GitHub sends them. */
export const github = (body: string, { secret = HOOK, id = 'd-1', event = 'push' } = {}) => ({
  'X-GitHub-Event': event,
  'X-GitHub-Delivery': id,
  'X-Hub-Signature-256': `sha256=${hmac(body, secret)}`,
})
export const pushBody = (over: Record<string, unknown> = {}) =>
  JSON.stringify({ ref: 'refs/heads/main', after: SHA, repository: { full_name: 'acme/shop' }, ...over })

/** Headers of a call signed as docs/triggers.md says. */
export const signed = (body: string, at: number, secret: string) => ({
  'X-Tidemill-Signature': `t=${at},v1=${hmac(`${at}.${body}`, secret)}`,
})

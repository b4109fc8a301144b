/** A git host tells of a push: the jobs that wait for commits on that branch run on it. */
import { createHash } from 'node:crypto'
import type { Config } from '../../shared/config-model.ts'
import { triggersOf } from '../../shared/config-trigger.ts'
import { fullName } from '../../shared/contract.ts'
import { type Call, parseBody, type Reply, reply, UNSIGNED } from './call.ts'
import { type GitHost, HOSTS, isRepository, type Push } from './hosts.ts'
import type { WebhookDeps } from './receive.ts'

export async function receivePush(deps: WebhookDeps, call: Call, name: string): Promise<Reply> {
  // Without a signature nothing is read, from nowhere.
  const host = HOSTS.find(each => call.headers[each.header] !== undefined)
  if (!host || !call.headers[host.proof]) return UNSIGNED
  const config = await deps.configs.load(deps.configs.current)
  const project = Object.hasOwn(config.projects, name) ? config.projects[name] : undefined
  if (!project?.webhook) return UNSIGNED
  const { secret } = project.webhook
  const verify = (secrets: readonly string[]) => host.verify(call, secrets, deps.now().getTime() / 1000)
  if (!verify(await deps.secrets.read(secret)) && !verify(await deps.secrets.read(secret, true))) return UNSIGNED

  if (!host.isPush(call.headers[host.header] ?? '')) return { status: 204 }
  const payload = parseBody(call.body)
  if (!payload) return reply(400, 'The body is not JSON. Choose application/json as the content type of the webhook.')
  const repository = host.repository(payload)
  if (repository !== undefined && !isRepository(project.repository, repository))
    return reply(202, `Nothing starts: ${repository.slice(0, 200)} is not the repository of project ${name}.`)
  return startAll(deps, { config, project: name, host, eventId: eventIdOf(host, call, payload) }, host.pushes(payload))
}

interface Told {
  config: Config
  project: string
  host: GitHost
  eventId: string
}

async function startAll(deps: WebhookDeps, { config, project, host, eventId }: Told, pushes: Push[]): Promise<Reply> {
  const accepted: string[] = []
  for (const { branch, sha } of pushes)
    for (const job of Object.values(config.jobs)) {
      const waits = job.project === project && triggersOf(job, 'commit').length > 0
      if (!waits || config.environments[fullName(project, job.environment)]?.branch !== branch) continue
      const full = fullName(project, job.name)
      // Repeated by Lambda until it is claimed; a repeated delivery of the host makes the same run.
      await deps.launchLater({ kind: 'commit', job: full, branch, sha, eventId })
      deps.log('push taken', { job: full, host: host.name, branch, sha, eventId })
      accepted.push(full)
    }
  return accepted.length
    ? reply(202, `Runs: ${accepted.join(', ')}.`, { jobs: accepted })
    : reply(202, 'Nothing starts: no job waits for a commit on this branch.')
}

/** Of a host that names no event, the signed bytes are its name. */
function eventIdOf(host: GitHost, call: Call, payload: Record<string, unknown>): string {
  const id = host.id(call, payload)
  return id !== undefined && /^[\w.:{}-]{1,128}$/.test(id)
    ? id
    : createHash('sha256')
        .update(id ?? call.body)
        .digest('hex')
}

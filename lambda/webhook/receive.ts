/** Where a call goes: `POST /push/<project>` or `POST /run`. */
import type { CommitInput, LaunchAnswer, RequestInput } from '../../shared/launch-input.ts'
import type { Configs } from '../common/config.ts'
import type { Invoke } from '../common/invoke.ts'
import type { Log } from '../common/log.ts'
import { MAX_BODY, parseCall, type Reply, reply } from './call.ts'
import { receivePush } from './push.ts'
import { receiveRequest } from './request.ts'
import type { Secrets } from './secrets.ts'

export interface WebhookDeps {
  configs: Configs
  secrets: Secrets
  /** Asynchronous: it is repeated until it is claimed, or becomes a dead letter. */
  launchLater: Invoke<CommitInput>
  launch(input: RequestInput): Promise<LaunchAnswer>
  now(): Date
  log: Log
}

export async function receive(deps: WebhookDeps, event: unknown): Promise<Reply> {
  const call = parseCall(event)
  if (!call) return reply(413, `The body is larger than ${MAX_BODY / 1024 / 1024} MB.`)
  const [, project] = /^push\/([\w-]{1,64})$/.exec(call.path) ?? []
  if (project === undefined && call.path !== 'run') return reply(404, 'There is nothing here.')
  if (call.method !== 'POST') return reply(405, 'Only POST is answered.')
  // What throws (a secret that cannot be read, a launcher that fails) is an error of the function: 502 for the caller, who may
  // send the call again as it is, and an alarm for the operator.
  return project === undefined ? receiveRequest(deps, call) : receivePush(deps, call, project)
}

/** The operations. Each is answered, and kept in the audit trail with who asked for it. */
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { fullName } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { plural } from '../../shared/format.ts'
import { forgottenAt } from '../../shared/retention.ts'
import { type ClaimDeps, findJob } from '../common/claim.ts'
import type { Configs } from '../common/config.ts'
import type { Ecs } from '../common/ecs.ts'
import type { CompactRequest, DispatchRequest, EffectsRequest, Invoke, NotifyRequest } from '../common/invoke.ts'
import { describeError } from '../common/log.ts'
import type { Store } from '../common/store.ts'
import { backfill } from './backfill.ts'
import { cancel } from './cancel.ts'
import type { Refused } from './look-up.ts'
import { notifyTest, resendMessages } from './notify.ts'
import { setPaused } from './pause.ts'
import { rebuildHistory } from './rebuild.ts'
import { actorOf, namesOf, parseRequest } from './request.ts'
import { rerun } from './rerun.ts'
import { retryRun } from './retry.ts'
import { startRun } from './start-run.ts'

export interface ApiDeps extends ClaimDeps {
  store: ClaimDeps['store'] &
    Pick<Store, 'endRun' | 'askCancel' | 'pause' | 'pauseEnvironment' | 'audit' | 'reopen' | 'putMessage' | 'resendMessage'>
  configs: Configs
  ecs: Pick<Ecs, 'stop'>
  dispatch: Invoke<DispatchRequest>
  finish: Invoke<EffectsRequest>
  notify: Invoke<NotifyRequest>
  /** Absent where nothing is compacted. */
  compact?: Invoke<CompactRequest>
}

export async function operate(deps: ApiDeps, event: unknown): Promise<ApiResponse> {
  const actor = actorOf(event)
  if (!actor) return { ok: false, status: 403, message: 'The request carries no signed identity.' }
  let request: ApiRequest
  try {
    request = parseRequest(event)
  } catch (error) {
    const answer = refusalOf(error)
    await audit(deps, actor, namesOf(event), answer)
    return answer
  }
  // A question leaves no trace in the trail of deeds.
  if (request.operation === 'whoami') return { ok: true, actor, message: `The caller is ${actor}.` }
  const answer = await perform(deps, actor, request).catch((error: unknown): Refused => {
    if (!(error instanceof UserError)) deps.log('operation failed', { operation: request.operation, error })
    return refusalOf(error)
  })
  await audit(deps, actor, await subjectOf(deps, request, answer), answer)
  return answer
}

type Deed = Exclude<ApiRequest, { operation: 'whoami' }>

function perform(deps: ApiDeps, actor: string, request: Deed): Promise<ApiResponse> {
  switch (request.operation) {
    case 'run':
      return startRun(deps, actor, request)
    case 'cancel':
      return cancel(deps, actor, request.run)
    case 'retry':
      return retryRun(deps, actor, request.run)
    case 'rerun':
      return rerun(deps, actor, request)
    case 'backfill':
      return backfill(deps, actor, request)
    case 'pause':
    case 'resume':
      return setPaused(deps, actor, request)
    case 'rebuild':
      return rebuildHistory(deps, request)
    case 'notify':
      return request.messages ? resendMessages(deps, request.messages) : notifyTest(deps, actor)
  }
}

function refusalOf(error: unknown): Refused {
  if (!(error instanceof UserError))
    return {
      ok: false,
      status: 500,
      message: `The operation failed: ${describeError(error)}`,
      hint: 'It can be repeated with the same idempotency key. The log of the api function has more.',
    }
  return { ok: false, status: 400, message: error.message, ...(error.hint && { hint: error.hint }) }
}

/** What the trail names. */
export interface Subject {
  operation: string
  subject: string
  job?: string
}

async function subjectOf(deps: ApiDeps, request: Deed, answer: ApiResponse): Promise<Subject> {
  const { operation } = request
  if (request.operation === 'notify')
    return { operation, subject: request.messages ? plural(request.messages.length, 'message') : 'test' }
  if (request.operation === 'rebuild') return { operation, subject: 'history' }
  if ('environment' in request) return { operation, subject: request.environment }
  // For a refusal the run is looked up once more: the trail of its job must show it.
  const run = answer.run ?? ('run' in request ? await deps.store.run(request.run).catch(() => undefined) : undefined)
  const subject = 'run' in request ? request.run : run ? run.id : request.job
  if (run) return { operation, subject, job: fullName(run.project, run.job) }
  if (!('job' in request)) return { operation, subject }
  const config = await deps.configs.load(deps.configs.current).catch(() => undefined)
  const job = config && findJob(config, request.job)
  return { operation, subject, ...(job && { job: fullName(job.project, job.name) }) }
}

/** The trail is written after the deed and never undoes it; the idempotency key makes a repeated request harmless. */
async function audit(deps: ApiDeps, actor: string, subject: Subject, answer: ApiResponse): Promise<void> {
  const at = deps.now().toISOString()
  const config = await deps.configs.load(deps.configs.current).catch(() => undefined)
  const expiry = config && { expiresAt: forgottenAt(at, config.retention.runs) }
  const entry = {
    id: `${at}-${deps.random()}`,
    at,
    actor,
    ...subject,
    ok: answer.ok,
    answer: answer.message.slice(0, 1000),
    ...expiry,
  }
  await deps.store.audit(entry).catch(error => deps.log('audit entry was not written', { ...entry, error }))
}

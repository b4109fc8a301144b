/** The operations. Each is answered, and kept in the audit trail with who asked for it. */
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { overrideSteps } from '../../shared/plan-build.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { meant } from '../../shared/suggest.ts'
import { type ClaimDeps, claimRun, findJob } from '../common/claim.ts'
import type { Configs } from '../common/config.ts'
import type { Ecs } from '../common/ecs.ts'
import { finalise } from '../common/finalise.ts'
import type { DispatchRequest, EffectsRequest, Invoke } from '../common/invoke.ts'
import { describeError } from '../common/log.ts'
import type { Store } from '../common/store.ts'
import { actorOf, parseRequest } from './request.ts'
import { retryRun } from './retry.ts'

export interface ApiDeps extends ClaimDeps {
  store: ClaimDeps['store'] & Pick<Store, 'endRun' | 'askCancel' | 'pause' | 'audit' | 'reopen'>
  configs: Configs
  ecs: Pick<Ecs, 'stop'>
  dispatch: Invoke<DispatchRequest>
  finish: Invoke<EffectsRequest>
}

export type Refused = Extract<ApiResponse, { ok: false }>

export async function operate(deps: ApiDeps, event: unknown): Promise<ApiResponse> {
  const actor = actorOf(event)
  if (!actor) return { ok: false, status: 403, message: 'The request carries no signed identity.' }
  let request: ApiRequest
  try {
    request = parseRequest(event)
  } catch (error) {
    return refusalOf(error)
  }
  const answer = await perform(deps, actor, request).catch((error: unknown): Refused => {
    if (!(error instanceof UserError)) deps.log('operation failed', { operation: request.operation, error })
    return refusalOf(error)
  })
  await audit(deps, actor, request, answer)
  return answer
}

function perform(deps: ApiDeps, actor: string, request: ApiRequest): Promise<ApiResponse> {
  if (request.operation === 'run') return startRun(deps, actor, request)
  if (request.operation === 'cancel') return cancel(deps, actor, request.run)
  if (request.operation === 'retry') return retryRun(deps, actor, request.run)
  return setPaused(deps, actor, request)
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

async function startRun(deps: ApiDeps, actor: string, request: Extract<ApiRequest, { operation: 'run' }>): Promise<ApiResponse> {
  const found = await lookUpJob(deps, request.job)
  if ('ok' in found) return found
  const { overrides, idempotencyKey } = request
  if (overrides) overrideSteps(found.steps, overrides)
  const cause = { kind: 'request', actor, idempotencyKey } as const
  const { run, existed } = await claimRun(deps, {
    job: found,
    config: deps.configs.current,
    cause,
    ...(overrides && { overrides }),
  })
  const job = fullName(found.project, found.name)
  // Also for a run that existed: the one who made it may have died before this.
  if (run.status === 'queued') await deps.dispatch({ runs: [run.id] })
  if (isFinal(run.status) && run.effects?.length) await deps.finish({ effects: [run.id] })
  if (run.status === 'skipped' && !existed)
    return {
      ok: false,
      status: 409,
      message: `${job} was not started: ${run.message ?? run.reason}`,
      ...(run.reason === 'paused' && { hint: `tidemill resume ${request.job}` }),
    }
  return {
    ok: true,
    run,
    existed,
    message: existed
      ? `Run ${run.id} of ${job} exists for this idempotency key.`
      : `Run ${run.id} of ${job} is waiting to start.`,
  }
}

async function cancel(deps: ApiDeps, actor: string, id: string): Promise<ApiResponse> {
  const run = await deps.store.run(id)
  if (!run) return { ok: false, status: 404, message: `There is no run ${id} in this installation.`, hint: 'tidemill runs' }
  if (isFinal(run.status)) return alreadyOver(run)
  const at = deps.now().toISOString()
  if (run.status === 'queued') {
    const end = { status: 'cancelled', reason: 'user_cancelled', message: `Cancelled by ${actor} while it waited.` } as const
    const ended = await finalise(deps, { ...run, cancel: { at, actor } }, end, { statuses: ['queued'] })
    if (ended) {
      await deps.finish({ effects: [id] })
      return { ok: true, run: ended, message: `Run ${id} is cancelled; it had not started.` }
    }
  }
  const asked = await deps.store.askCancel(id, { at, actor })
  if (!asked) return alreadyOver((await deps.store.run(id)) ?? run)
  const taskArn = asked.attempts.at(-1)?.taskArn
  // Without a task yet, the dispatcher stops it when it has one; in the line, it ends it there.
  if (taskArn && asked.status !== 'queued') await deps.ecs.stop(taskArn, `cancelled by ${actor}`)
  else await deps.dispatch({ runs: [id] })
  return {
    ok: true,
    run: asked,
    message: `Run ${id} was asked to stop; queries are cancelled and what exists is kept (up to 2 min).`,
  }
}

const alreadyOver = (run: RunRecord): Refused => ({
  ok: false,
  status: 409,
  message: `Run ${run.id} is over already: ${run.status}.`,
})

async function setPaused(
  deps: ApiDeps,
  actor: string,
  request: { operation: 'pause' | 'resume'; job: string },
): Promise<ApiResponse> {
  const found = await lookUpJob(deps, request.job)
  if ('ok' in found) return found
  const job = fullName(found.project, found.name)
  const pause = request.operation === 'pause'
  await deps.store.pause(job, pause ? { at: deps.now().toISOString(), actor } : undefined)
  return {
    ok: true,
    message: pause ? `${job} is paused: no new run starts; a run that goes on is not stopped.` : `${job} may run again.`,
  }
}

async function lookUpJob(deps: ApiDeps, name: string): Promise<JobConfig | Refused> {
  const config = await deps.configs.load(deps.configs.current)
  const job = findJob(config, name)
  if (job) return job
  const full = Object.keys(config.jobs)
  const same = full.filter(each => each.endsWith(`/${name}`))
  if (same.length > 1)
    return { ok: false, status: 404, message: `"${name}" is a job of several projects.`, hint: `Name one: ${same.join(', ')}` }
  const shorts = Object.values(config.jobs).map(each => each.name)
  return { ok: false, status: 404, message: `"${name}" is not a job${meant(name, name.includes('/') ? full : new Set(shorts))}` }
}

/** The trail is written after the deed and never undoes it; the idempotency key makes a repeated request harmless. */
async function audit(deps: ApiDeps, actor: string, request: ApiRequest, answer: ApiResponse): Promise<void> {
  const at = deps.now().toISOString()
  const subject = 'run' in request ? request.run : request.job
  const entry = {
    id: `${at}-${deps.random()}`,
    at,
    actor,
    operation: request.operation,
    subject,
    ok: answer.ok,
    answer: answer.message.slice(0, 1000),
  }
  await deps.store.audit(entry).catch(error => deps.log('audit entry was not written', { ...entry, error }))
}

/** `tidemill run`, and what every new run is answered with. */
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { fullName } from '../../shared/contract.ts'
import { overrideSteps } from '../../shared/plan-build.ts'
import { isFinal } from '../../shared/run.ts'
import { type Claimed, claimRun, findPause } from '../common/claim.ts'
import { isRefused, lookUpJob } from './look-up.ts'
import type { ApiDeps } from './operate.ts'

export async function startRun(
  deps: ApiDeps,
  actor: string,
  request: Extract<ApiRequest, { operation: 'run' }>,
): Promise<ApiResponse> {
  const found = lookUpJob(await deps.configs.load(deps.configs.current), request.job)
  if (isRefused(found)) return found
  const { overrides, idempotencyKey } = request
  if (overrides) overrideSteps(found.steps, overrides)
  const cause = { kind: 'request', actor, idempotencyKey } as const
  const config = deps.configs.current
  const claimed = await claimRun(deps, { job: found, config, cause, ...(overrides && { overrides }) })
  return answerClaim(deps, claimed, `of ${fullName(found.project, found.name)} is waiting to start.`)
}

/** Sees to it that the run goes its way. `text`: of a run that waits, after its id. */
export async function answerClaim(deps: ApiDeps, { run, existed }: Claimed, text: string): Promise<ApiResponse> {
  const job = fullName(run.project, run.job)
  // Also for a run that existed: the one who made it may have died before this.
  if (run.status === 'queued') await deps.dispatch({ runs: [run.id] })
  if (isFinal(run.status) && run.effects?.length) await deps.finish({ effects: [run.id] })
  if (run.status === 'skipped' && !existed) {
    const pause = run.reason === 'paused' ? await findPause(deps.store, run) : undefined
    return {
      ok: false,
      status: 409,
      message: `${job} was not started: ${run.message ?? run.reason}`,
      ...(pause && { hint: `tidemill resume ${pause.resume}` }),
      run,
    }
  }
  const message = existed ? `Run ${run.id} of ${job} exists for this idempotency key.` : `Run ${run.id} ${text}`
  return { ok: true, run, existed, message }
}

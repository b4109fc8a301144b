/** `tidemill retry`: a run that failed or was cancelled goes on with another attempt, on its own commit. */
import type { ApiResponse } from '../../shared/api.ts'
import { fullName } from '../../shared/contract.ts'
import { formatCount, plural } from '../../shared/format.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { resumeOf, settingsOf } from '../../shared/run-settings.ts'
import { findPause, pausedText } from '../common/claim.ts'
import { isRefused, lookUpRun, type Refused, refused } from './look-up.ts'
import type { ApiDeps } from './operate.ts'

/** Attempts of a run in all. Each is kept in its record, which DynamoDB bounds to 400 KB. */
const MAX_ATTEMPTS = 30

export async function retryRun(deps: ApiDeps, actor: string, id: string): Promise<ApiResponse> {
  const run = await lookUpRun(deps.store, id)
  if (isRefused(run)) return run
  const refusal = refuse(run) ?? (await refuseForJob(deps, run))
  if (refusal) return refusal
  const settings = settingsOf(await deps.configs.load(run.config), run)
  const now = deps.now()
  const startBy = new Date(now.getTime() + (settings?.job.startWithinSeconds ?? 0) * 1000).toISOString()
  const retry = { at: now.toISOString(), actor, attempts: run.attempts.length }
  const opened = await deps.store.reopen(run, retry, startBy)
  if (!opened) {
    // Its effects are repeated here: who asks again has them done.
    if (run.effects?.length) await deps.finish({ effects: [id] })
    return refused(`What follows the end of run ${id} (messages, history) is still being done.`, 'Try again in a moment.')
  }
  await deps.dispatch({ runs: [id] })
  return { ok: true, run: opened, message: `Run ${id} goes on with attempt ${run.attempts.length + 1}: ${whatRuns(run)}.` }
}

function whatRuns(run: RunRecord): string {
  const resume = resumeOf(run)
  if (!resume) return 'all of its steps, as nothing was built before'
  const on = `on commit ${resume.commit.slice(0, 7)}`
  if (resume.left === undefined) return `only what is left, ${on}`
  return `the ${resume.left === 1 ? 'one node' : `${formatCount(resume.left)} nodes`} left of the step that did not end well and what comes after it, ${on}`
}

function refuse(run: RunRecord): Refused | undefined {
  const again = `tidemill run ${run.job}`
  if (!isFinal(run.status)) return refused(`Run ${run.id} is not over: ${run.status}.`, `tidemill logs ${run.id} --follow`)
  if (run.status === 'success' || run.status === 'warn')
    return refused(`Run ${run.id} ended well (${run.status}): nothing of it is left to do.`, again)
  if (run.status === 'skipped') return refused(`Run ${run.id} was skipped (${run.reason}): it never began.`, again)
  if (run.attempts.length >= MAX_ATTEMPTS)
    return refused(`Run ${run.id} has had ${plural(run.attempts.length, 'attempt')}, the most a run may have.`, again)
  return undefined
}

async function refuseForJob(deps: ApiDeps, run: RunRecord): Promise<Refused | undefined> {
  const job = fullName(run.project, run.job)
  const current = await deps.configs.load(deps.configs.current)
  if (!settingsOf(current, run))
    return refused(`${job} or its environment ${run.environment} is not in the configuration in force any more.`)
  const own = await deps.configs.load(run.config).catch(() => undefined)
  if (!own || !settingsOf(own, run))
    return refused(`The configuration that run ${run.id} was made with is gone.`, `tidemill run ${run.job}`)
  const pause = await findPause(deps.store, run)
  return pause && refused(`${pausedText(pause)}.`, `tidemill resume ${pause.resume}`)
}

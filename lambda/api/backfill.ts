/** `tidemill backfill`: one run for each slice of a time, in the waiting line behind everything else. */
import type { ApiResponse, BackfillRequest, BackfillRun } from '../../shared/api.ts'
import { BACKFILL_PRIORITY } from '../../shared/backfill.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName, OPEN_PHASE, parseWaiting } from '../../shared/contract.ts'
import { plural } from '../../shared/format.ts'
import { overrideSteps } from '../../shared/plan-build.ts'
import { isFinal, LIMIT, type RunRecord } from '../../shared/run.ts'
import { type Claimed, claimRun, findPause, pausedText } from '../common/claim.ts'
import { isRefused, lookUpJob, type Refused, refused } from './look-up.ts'
import type { ApiDeps } from './operate.ts'

/** A slice that fails so often needs a person, who gives the backfill another name. */
const MAX_RUNS_OF_SLICE = 50

export async function backfill(deps: ApiDeps, actor: string, request: BackfillRequest): Promise<ApiResponse> {
  const job = lookUpJob(await deps.configs.load(deps.configs.current), request.job)
  if (isRefused(job)) return job
  for (const { overrides } of request.slices) if (overrides) overrideSteps(job.steps, overrides)
  const refusal = await refuseForLine(deps, job, request.slices.length)
  if (refusal) return refusal
  const runs: BackfillRun[] = []
  for (const slice of request.slices) runs.push({ start: slice.start, ...(await claimSlice(deps, actor, job, request, slice)) })
  const waiting = runs.filter(each => each.run.status === 'queued').map(each => each.run.id)
  // Also for those that existed: the one who made them may have died before this.
  if (waiting.length) await deps.dispatch({ runs: waiting })
  const made = runs.filter(each => !each.existed).length
  return {
    ok: true,
    runs,
    message: `${plural(made, 'run')} of ${fullName(job.project, job.name)} made for backfill ${request.backfill}.`,
  }
}

/** Before anything is made: a paused job would only get a row of skipped runs. */
async function refuseForLine(deps: ApiDeps, job: JobConfig, count: number): Promise<Refused | undefined> {
  const name = fullName(job.project, job.name)
  const pause = await findPause(deps.store, { project: job.project, job: job.name, environment: job.environment })
  if (pause) return refused(`${pausedText(pause)}.`, `tidemill resume ${pause.resume}`)
  const line = await deps.store.open(OPEN_PHASE.waiting)
  const waiting = line.filter(entry => parseWaiting(entry.sort)?.job === name).length
  if (waiting + count <= LIMIT.waitingRunsPerJob) return undefined
  return refused(
    `${plural(waiting, 'run')} of ${name} wait already; the limit is ${LIMIT.waitingRunsPerJob}.`,
    'Repeat the command when some of them are done: it goes on where it stopped.',
  )
}

/** The run of the slice that ended well or goes on, or a new one. Two who ask at the same moment get the same run. */
async function claimSlice(
  deps: ApiDeps,
  actor: string,
  job: JobConfig,
  { backfill, concurrency, timezone }: BackfillRequest,
  { start, end, overrides }: BackfillRequest['slices'][number],
): Promise<Claimed> {
  for (let number = 1; ; number++) {
    const slice = { backfill, start, end, number, ...(timezone && { timezone }) }
    const claimed = await claimRun(deps, {
      job,
      config: deps.configs.current,
      cause: { kind: 'request', actor, idempotencyKey: `${backfill}/${start}/${number}`, slice },
      ...(overrides && { overrides }),
      fields: { concurrency, priority: BACKFILL_PRIORITY },
    })
    if (!claimed.existed || !needsAnother(claimed.run) || number === MAX_RUNS_OF_SLICE) return claimed
  }
}

const needsAnother = ({ status }: RunRecord) => isFinal(status) && status !== 'success' && status !== 'warn'

/** One look at the waiting line: starts what may start, ends what may not, and says when to look again. */
import { fullName, OPEN_PHASE, parseWaiting } from '../../shared/contract.ts'
import { type RunSettings, settingsOf } from '../../shared/plan-build.ts'
import type { RunRecord } from '../../shared/run.ts'
import { expiredEnd, findPause, pausedEnd } from '../common/claim.ts'
import type { Configs } from '../common/config.ts'
import { finalise } from '../common/finalise.ts'
import type { RunEnd, Store } from '../common/store.ts'
import { findSuperseded, inOrder } from './line.ts'
import { callRunTask, noCapacity, type StartDeps, takePlace } from './start.ts'

export interface DrainDeps extends StartDeps {
  store: StartDeps['store'] & Pick<Store, 'open' | 'runs' | 'job' | 'environment' | 'askCancel'>
  configs: Configs
}

/** At most 15 starts a second: RunTask allows 20 after a burst, and others in the account start tasks too. */
const START_INTERVAL_MS = 1000 / 15

interface Turn {
  deps: DrainDeps
  /** Jobs and environments (full names) in which nothing more starts in this turn, so that nobody is overtaken. */
  closedJobs: Set<string>
  closedEnvironments: Set<string>
  calls: Promise<string | undefined>[]
  nextAt: string | undefined
}

/**
 * `hints`: runs that the index may not show yet. `goOn` is asked before each run (lease, time left).
 * Answers with the next moment at which a waiting run may be tried again, if there is one.
 */
export async function drainLine(
  deps: DrainDeps,
  hints: readonly string[],
  goOn: () => Promise<boolean>,
): Promise<string | undefined> {
  const entries = await deps.store.open(OPEN_PHASE.waiting)
  const ids = new Set([...entries.flatMap(entry => parseWaiting(entry.sort)?.id ?? []), ...hints])
  const waiting = (await deps.store.runs([...ids])).filter(run => run.status === 'queued')
  const settings = await loadSettings(deps, waiting)
  const superseded = findSuperseded(waiting, run => settings.get(run.id)?.job.overlap)
  const turn: Turn = { deps, closedJobs: new Set(), closedEnvironments: new Set(), calls: [], nextAt: undefined }
  for (const run of inOrder(waiting)) {
    if (!(await goOn())) break
    try {
      await handleRun(turn, run, settings.get(run.id), superseded.get(run.id))
    } catch (error) {
      turn.closedJobs.add(fullName(run.project, run.job))
      deps.log('run could not be dispatched', { runId: run.id, error })
    }
  }
  const tryAgain = await Promise.all(turn.calls)
  return [turn.nextAt, ...tryAgain].filter(at => at !== undefined).sort()[0]
}

async function loadSettings(deps: DrainDeps, runs: readonly RunRecord[]): Promise<Map<string, RunSettings>> {
  const found = new Map<string, RunSettings>()
  for (const run of runs) {
    const settings = await deps.configs.load(run.config).then(
      config => settingsOf(config, run),
      error => deps.log('configuration of the run cannot be read', { runId: run.id, config: run.config, error }),
    )
    if (settings) found.set(run.id, settings)
  }
  return found
}

async function handleRun(
  turn: Turn,
  run: RunRecord,
  settings: RunSettings | undefined,
  newer: RunRecord | undefined,
): Promise<void> {
  const { deps, closedJobs, closedEnvironments } = turn
  const now = deps.now()
  const job = fullName(run.project, run.job)
  const environment = fullName(run.project, run.environment)
  const end = endBeforeStart(run, newer, now) ?? (settings ? undefined : withoutSettings(run, now))
  if (end) return endWaiting(deps, run, end)
  if (!settings) return
  // Slices of a backfill wait for each other, whatever else the job does.
  const overlap = run.concurrency ? 'queue' : settings.job.overlap
  if (closedJobs.has(job))
    return overlap === 'skip' && run.attempts.length === 0 ? endWaiting(deps, run, overlapEnd(job)) : undefined
  // What waits keeps later runs of its job behind it, unless they may run side by side.
  const keepOrder = () => void (overlap !== 'allow' && closedJobs.add(job))
  if (run.notBefore && run.notBefore > now.toISOString()) {
    turn.nextAt = [turn.nextAt ?? run.notBefore, run.notBefore].sort()[0]
    return keepOrder()
  }
  if (closedEnvironments.has(environment)) return keepOrder()
  const { answer, started } = await takePlace(deps, run, settings)
  if (started) {
    turn.calls.push(callSafely(deps, started, settings.job.startWithinSeconds))
    await deps.sleep(START_INTERVAL_MS)
  } else if (answer === 'environment-full') {
    closedEnvironments.add(environment)
    keepOrder()
  } else if (answer === 'job-full') {
    if (overlap === 'skip' && run.attempts.length === 0) await endWaiting(deps, run, overlapEnd(job))
    if (overlap === 'cancel') await cancelOlder(deps, job, run)
    closedJobs.add(job)
  } else if (answer === 'paused') {
    const pause = await findPause(deps.store, run)
    if (pause) await endWaiting(deps, run, pausedEnd(pause))
  }
}

/** A call that fails for a reason nobody foresaw is repeated by the sweeper; the others go on. */
const callSafely = (deps: DrainDeps, run: RunRecord, startWithinSeconds: number) =>
  callRunTask(deps, run, startWithinSeconds).catch((error: unknown) => {
    deps.log('start failed', { runId: run.id, error })
    return undefined
  })

function endBeforeStart(run: RunRecord, newer: RunRecord | undefined, now: Date): RunEnd | undefined {
  if (run.cancel)
    return { status: 'cancelled', reason: 'user_cancelled', message: `Cancelled by ${run.cancel.actor} while it waited.` }
  if (newer)
    return {
      status: 'skipped',
      reason: 'superseded',
      message: `Run ${newer.id} of the same schedule took its place in the line.`,
    }
  const late = run.launchTries > 0 && now.toISOString() > run.startBy
  if (late) return { status: 'error', reason: 'launch_capacity', message: noCapacity(run.launchTries, run.lastLaunchError) }
  return expiredEnd(run, now)
}

/** The configuration cannot be read or does not have the job: tried until the time for a start is over. */
const withoutSettings = (run: RunRecord, now: Date): RunEnd | undefined =>
  now.toISOString() <= run.startBy
    ? undefined
    : {
        status: 'error',
        reason: 'internal',
        message: `The configuration ${run.config} of this run cannot be read, or the job is not in it.`,
      }

const overlapEnd = (job: string): RunEnd => ({
  status: 'skipped',
  reason: 'overlap',
  message: `Another run of ${job} was still going.`,
})

async function endWaiting(deps: DrainDeps, run: RunRecord, end: RunEnd): Promise<void> {
  if (await finalise(deps, run, end, { statuses: ['queued'] })) await deps.finish({ effects: [run.id] })
}

/** The older runs of the job are asked to stop; the new one waits until they are final. */
async function cancelOlder(deps: DrainDeps, job: string, run: RunRecord): Promise<void> {
  const { running } = await deps.store.job(job)
  for (const id of running.filter(each => each < run.id)) {
    const older = await deps.store.askCancel(id, { at: deps.now().toISOString(), actor: `run ${run.id} (overlap: cancel)` })
    const taskArn = older?.attempts.at(-1)?.taskArn
    if (taskArn) await deps.ecs.stop(taskArn, `run ${run.id} takes its place`)
  }
}

/** One look at the waiting line: starts what may start, ends what may not, and says when to look again. */
import { fullName, makeRunId } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { expiredEnd, findPause, pausedEnd } from '../common/claim.ts'
import type { Configs } from '../common/config.ts'
import { finalise } from '../common/finalise.ts'
import { noStart } from '../common/no-start.ts'
import type { RunEnd, Store } from '../common/store.ts'
import { inOrder, OLD_MS, OLDEST_EVERY, type Waiting } from './line.ts'
import { callRunTask, type StartDeps, takePlace } from './start.ts'
import type { Candidate, Line } from './waiting.ts'

export interface DrainDeps extends StartDeps {
  store: StartDeps['store'] & Pick<Store, 'open' | 'runs' | 'job' | 'environment' | 'askCancel'>
  configs: Configs
}

/** At most 15 starts a second: RunTask allows 20 after a burst, and others in the account start tasks too. */
export const START_INTERVAL_MS = 1000 / 15
/** Runs that are read at once: what is started in some seconds, and no more than one request gives. */
const PAGE = 100

/** Across all looks of one dispatcher. */
export interface Pace {
  /** Moment of the next start, milliseconds. */
  next: number
}

interface Turn {
  deps: DrainDeps
  line: Line
  pace: Pace
  /** Jobs and environments (full names) in which nothing more starts in this turn, so that nobody is overtaken. */
  closedJobs: Set<string>
  closedEnvironments: Set<string>
  calls: Promise<string | undefined>[]
  nextAt: string | undefined
}

export interface Drained {
  /** The next moment at which a waiting run may be tried again, if there is one. */
  nextAt: string | undefined
  /** `goOn` said no before the end of the line. */
  left: boolean
}

/** `hints`: runs that the index may not show yet. `goOn` is asked before each run (lease, time left). */
export async function drainLine(
  deps: DrainDeps,
  { line, pace, hints }: { line: Line; pace: Pace; hints: readonly string[] },
  goOn: () => Promise<boolean>,
): Promise<Drained> {
  const all = await line.look(hints)
  const ordered = inOrder(all, isTurnOfOldest(deps) ? oldBefore(deps.now()) : '')
  const sets = { closedJobs: new Set<string>(), closedEnvironments: new Set<string>() }
  const turn: Turn = { deps, line, pace, ...sets, calls: [], nextAt: undefined }
  const left = !(await handleAll(turn, ordered, goOn))
  const tryAgain = await Promise.all(turn.calls)
  return { nextAt: [turn.nextAt, ...tryAgain].filter(at => at !== undefined).sort()[0], left }
}

/** By chance and not by count: whoever drains next knows nothing of this turn. */
const isTurnOfOldest = (deps: DrainDeps) => Number.parseInt(deps.random().slice(-2), 16) % OLDEST_EVERY === 0
const oldBefore = (now: Date) => makeRunId(new Date(now.getTime() - OLD_MS), '0'.repeat(12))

/** False: told to stop before the end. */
async function handleAll(turn: Turn, ordered: readonly Waiting[], goOn: () => Promise<boolean>): Promise<boolean> {
  /** Jobs whose runs have all been looked at together. */
  const read = new Map<string, Candidate>()
  const readJobs = new Set<string>()
  for (const [index, waiting] of ordered.entries()) {
    if (!readJobs.has(waiting.job)) {
      const page = ordered.slice(index, index + PAGE).filter(each => !readJobs.has(each.job))
      for (const [id, candidate] of await turn.line.read(page, ordered)) read.set(id, candidate)
      for (const each of page) readJobs.add(each.job)
    }
    const candidate = read.get(waiting.id)
    if (!candidate) continue
    read.delete(waiting.id)
    if (!(await goOn())) return false
    try {
      await handleRun(turn, candidate)
    } catch (error) {
      turn.closedJobs.add(waiting.job)
      turn.line.forget(waiting.id)
      turn.deps.log('run could not be dispatched', { runId: waiting.id, error })
    }
  }
  return true
}

async function handleRun(turn: Turn, { run, settings, newer }: Candidate): Promise<void> {
  const { deps, closedJobs, closedEnvironments } = turn
  const now = deps.now()
  const job = fullName(run.project, run.job)
  const environment = fullName(run.project, run.environment)
  const end = endBeforeStart(run, newer, now) ?? (settings ? undefined : withoutSettings(run, now))
  if (end) return endWaiting(turn, run, end)
  if (!settings) return
  // Slices of a backfill wait for each other, whatever else the job does.
  const overlap = run.concurrency ? 'queue' : settings.job.overlap
  // A run between two attempts may hold its places: it is let through, as nobody gets them before it ends.
  const began = run.attempts.length > 0
  if (closedJobs.has(job) && !began) return overlap === 'skip' ? endWaiting(turn, run, overlapEnd(job)) : undefined
  // What waits keeps later runs of its job behind it, unless they may run side by side.
  const keepOrder = () => void (overlap !== 'allow' && closedJobs.add(job))
  if (run.notBefore && run.notBefore > now.toISOString()) {
    turn.nextAt = [turn.nextAt ?? run.notBefore, run.notBefore].sort()[0]
    return keepOrder()
  }
  if (closedEnvironments.has(environment) && !began) return keepOrder()
  await keepPace(turn)
  const { answer, started } = await takePlace(deps, run, settings)
  if (answer === 'started' || answer === 'changed') turn.line.forget(run.id)
  if (started) {
    turn.pace.next = Math.max(turn.pace.next, deps.now().getTime()) + START_INTERVAL_MS
    turn.calls.push(callSafely(deps, started, settings.job.startWithinSeconds))
  } else if (answer === 'environment-full') {
    closedEnvironments.add(environment)
    keepOrder()
  } else if (answer === 'job-full') {
    if (overlap === 'skip' && !began) await endWaiting(turn, run, overlapEnd(job))
    if (overlap === 'cancel') await cancelOlder(deps, job, run)
    closedJobs.add(job)
  } else if (answer === 'paused') {
    const pause = await findPause(deps.store, run)
    if (pause) await endWaiting(turn, run, pausedEnd(pause))
  }
}

/** By the clock: what a start takes itself (plan, place in the table) is not waited for again. */
async function keepPace({ deps, pace }: Turn): Promise<void> {
  const wait = pace.next - deps.now().getTime()
  if (wait > 0) await deps.sleep(wait)
}

/** A call that fails for a reason nobody foresaw is repeated by the sweeper; the others go on. */
const callSafely = (deps: DrainDeps, run: RunRecord, startWithinSeconds: number) =>
  callRunTask(deps, run, startWithinSeconds, false).catch((error: unknown) => {
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
      message: `Run ${newer.id} of the same trigger took its place in the line.`,
    }
  const late = run.launchTries > 0 && now.toISOString() > run.startBy
  if (late) return noStart(run.launchTries, run.lastLaunchError)
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

async function endWaiting({ deps, line }: Turn, run: RunRecord, end: RunEnd): Promise<void> {
  line.forget(run.id)
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

/** Open runs against what ECS says of their tasks: events that never came, calls never made, limits nobody kept. */
import { OPEN_PHASE, startedBy } from '../../shared/contract.ts'
import { STUCK_START } from '../../shared/outcome.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'
import { secondsLeft, settingsOf } from '../../shared/run-settings.ts'
import type { Ecs } from '../common/ecs.ts'
import { runEffects } from '../common/effects.ts'
import { type EndDeps, endAttempt } from '../common/end-attempt.ts'
import { finalise } from '../common/finalise.ts'
import { noStart, startDeadline } from '../common/no-start.ts'
import type { Store } from '../common/store.ts'
import type { TaskFacts } from '../common/task.ts'

export interface TaskDeps extends EndDeps {
  store: EndDeps['store'] & Pick<Store, 'runs' | 'noteTask' | 'noteRunning' | 'noteTimedOut'>
  ecs: Pick<Ecs, 'describe' | 'find' | 'list' | 'stop'>
}

const MINUTE = 60_000
/** An event is on its way for seconds; then the sweeper does what it would have done. */
const EVENT_MS = 2 * MINUTE
/** RunTask was called within seconds after it was stored, or never. */
const CALL_MS = 2 * MINUTE
/** ECS remembers a client token for the life of the task and an hour: later the same call would make a second task. */
const TOKEN_MS = 50 * MINUTE
/** A task that was just started may not be found yet. */
const UNKNOWN_MS = 5 * MINUTE
/** Image pull included. */
const START_MS = 40 * MINUTE
/** The runner needs up to 2 min to stop; it is given one more. */
const STOP_MS = 3 * MINUTE

/** Runs whose tasks are described with one request. */
const PAGE = 100
/** Runs looked at side by side: most of the time goes into waiting for the answers of AWS. */
const ABREAST = 10

/**
 * Where there are more open runs than the time allows, the next turn goes on behind the last one that this turn came to: so
 * what cannot be repaired holds up nothing. `from`: id of a run; answers with the one to go on behind, if there is one.
 */
export async function sweepTasks(
  deps: TaskDeps,
  open: Store['open'],
  from: string,
  goOn: () => boolean,
): Promise<{ count: number; stoppedAt?: string }> {
  const ids = (await open(OPEN_PHASE.active)).map(entry => entry.pk.slice('RUN#'.length)).sort()
  const start = ids.findIndex(id => id > from)
  const inTurn = start > 0 ? [...ids.slice(start), ...ids.slice(0, start)] : ids
  let count = 0
  for (let at = 0; at < inTurn.length; at += PAGE) {
    const runs = (await deps.store.runs(inTurn.slice(at, at + PAGE))).filter(isActive)
    const tasks = await deps.ecs.describe(runs.flatMap(run => run.attempts.at(-1)?.taskArn ?? []))
    for (let first = 0; first < runs.length; first += ABREAST) {
      const abreast = runs.slice(first, first + ABREAST)
      if (!goOn()) return { count, stoppedAt: before(ids, abreast[0]?.id) }
      const done = await Promise.all(abreast.map(run => sweepTask(deps, run, tasks)))
      count += done.filter(Boolean).length
    }
  }
  return { count }
}

const isActive = (run: RunRecord) => run.status === 'starting' || run.status === 'running'
const before = (ids: readonly string[], id = '') => ids[ids.indexOf(id) - 1] ?? ''

async function sweepTask(deps: TaskDeps, run: RunRecord, tasks: Map<string, TaskFacts>): Promise<boolean> {
  const attempt = run.attempts.at(-1)
  if (!attempt || attempt.outcome) return false
  try {
    const { taskArn } = attempt
    const done = taskArn ? await checkTask(deps, run, attempt, taskArn, tasks.get(taskArn)) : await findTask(deps, run, attempt)
    if (done) deps.log('repaired', { runId: run.id, attempt: attempt.number, done })
    return done !== undefined
  } catch (error) {
    deps.log('run could not be repaired', { runId: run.id, error })
    return false
  }
}

const age = (deps: TaskDeps, since: string | undefined) => deps.now().getTime() - Date.parse(since ?? '')

/** The call is stored, its answer is not: the task is looked for, then the call is repeated with the same token. */
async function findTask(deps: TaskDeps, run: RunRecord, attempt: Attempt): Promise<string | undefined> {
  if (age(deps, attempt.dispatchedAt) < CALL_MS) return undefined
  const [taskArn] = await deps.ecs.find(startedBy(run.id, attempt.number))
  if (taskArn) {
    const kept = await deps.store.noteTask(run.id, attempt.number, taskArn)
    if (kept) await checkTask(deps, kept, { ...attempt, taskArn }, taskArn, (await deps.ecs.describe([taskArn])).get(taskArn))
    return 'task found by startedBy'
  }
  const settings = settingsOf(await deps.configs.load(run.config), run)
  const deadline = startDeadline(run, attempt, settings?.job.startWithinSeconds ?? 0)
  const repeatable = age(deps, attempt.dispatchedAt) < TOKEN_MS
  // AWS answered, if only with an error, and no call of it has made a task that anybody knows.
  if (run.lastLaunchError && (!repeatable || age(deps, deadline) > CALL_MS)) {
    const end = noStart(run.launchTries, run.lastLaunchError)
    const closing = { stoppedAt: deps.now().toISOString(), outcome: end }
    const ended = await finalise(deps, run, end, { attempt: closing, statuses: ['starting'] })
    if (ended) await runEffects(deps, ended)
    return 'start given up'
  }
  if (repeatable) {
    await deps.dispatch({ repair: [run.id] })
    return 'stored call repeated'
  }
  await endAttempt(deps, run, { end: { started: true, forgotten: true } })
  return 'start lost'
}

async function checkTask(
  deps: TaskDeps,
  run: RunRecord,
  attempt: Attempt,
  taskArn: string,
  task: TaskFacts | undefined,
): Promise<string | undefined> {
  if (!task) {
    if (age(deps, attempt.dispatchedAt) < UNKNOWN_MS) return undefined
    await endAttempt(deps, run, { end: { started: true, forgotten: true } })
    return 'task forgotten by ECS'
  }
  if (task.lastStatus === 'STOPPED') {
    if (age(deps, task.stoppedAt) < EVENT_MS) return undefined
    await endAttempt(deps, run, task)
    return 'end without an event'
  }
  const startedAt = task.startedAt ?? attempt.startedAt
  if (run.status === 'starting' && task.lastStatus === 'RUNNING' && startedAt) {
    await deps.store.noteRunning(run.id, attempt.number, { startedAt, eventVersion: task.version })
    return (await stopIfDue(deps, run, attempt, taskArn, startedAt)) ?? 'start without an event'
  }
  return stopIfDue(deps, run, attempt, taskArn, startedAt)
}

async function stopIfDue(deps: TaskDeps, run: RunRecord, attempt: Attempt, taskArn: string, startedAt: string | undefined) {
  if (run.cancel && age(deps, run.cancel.at) > STOP_MS) {
    await deps.ecs.stop(taskArn, `cancelled by ${run.cancel.actor}`)
    return 'cancel repeated'
  }
  if (!startedAt) {
    if (age(deps, attempt.dispatchedAt) < START_MS) return undefined
    await deps.ecs.stop(taskArn, STUCK_START)
    return 'stuck start stopped'
  }
  const settings = settingsOf(await deps.configs.load(run.config), run)
  if (!settings) return undefined
  const limit = secondsLeft(settings.job, run, attempt.number) * 1000 + STOP_MS
  if (age(deps, startedAt) < limit) return undefined
  const noted = await deps.store.noteTimedOut(run.id, attempt.number, deps.now().toISOString())
  if (!noted) return undefined
  await deps.ecs.stop(taskArn, `time limit of ${settings.job.timeoutSeconds} s`)
  return 'stopped at its time limit'
}

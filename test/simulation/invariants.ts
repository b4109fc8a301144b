/** What must be so after every single write, whoever made it. */
import type { Config } from '../../shared/config-model.ts'
import { fullName, PK } from '../../shared/contract.ts'
import { type Effect, isFinal, type RunRecord } from '../../shared/run.ts'
import type { Item } from '../fakes/memory-condition.ts'
import { isAlive, type Task } from './tasks.ts'
import type { World } from './world.ts'

export interface Watch {
  wrote(pk: string, before: Item | undefined, after: Item | undefined): void
  made(task: Task, all: readonly Task[]): void
  /** Between two events: transactions are complete. */
  settle(): void
  /** Ends that were seen, by run and number of retries before: the record as it ended. */
  ends: Map<string, Stored>
  runs: Set<string>
  pauses: Pause[]
}

/** Of a job or an environment (its key); milliseconds since 1970, `to` infinite as long as it holds. */
export interface Pause {
  pk: string
  by: string
  from: number
  to: number
}

/** A run as it stands in the table: the same fields, effects as a set. */
export type Stored = Omit<RunRecord, 'effects'> & { effects?: Set<Effect> }
const recordOf = (item: Item) => item as unknown as Stored
/** What part of a backfill a run is. */
export const sliceOf = ({ cause }: Pick<Stored, 'cause'>) => (cause.kind === 'request' ? cause.slice : undefined)

type Broken = (rule: string, details: string) => void

/** `config`: what is allowed at the same moment is the same in all that are deployed. */
export function makeWatch(world: World, config: Config): Watch {
  const ends = new Map<string, Stored>()
  const runs = new Set<string>()
  const pauses: Pause[] = []
  const dirty = new Set<string>()
  const { violate } = world

  function settle(): void {
    for (const pk of dirty) {
      const item = world.table.items.get(pk)
      if (!item) continue
      if (pk.startsWith('RUN#')) checkPlaces(world, recordOf(item), violate)
      else checkLimit(config, pk, (item.running as Set<string> | undefined)?.size ?? 0, violate)
    }
    dirty.clear()
  }

  return {
    ends,
    runs,
    pauses,
    settle,
    wrote(pk, before, after) {
      if (/^(RUN|JOB|ENV)#/.test(pk)) dirty.add(pk)
      if (/^(JOB|ENV)#/.test(pk)) notePause(pauses, world, pk, before, after)
      if (pk.startsWith('JOB#')) checkStreak(config, pk, before, after, violate)
      if (pk === PK.dispatchLease) checkLease(world, before, after)
      if (!pk.startsWith('RUN#')) return
      if (!after) return violate('a run is never deleted', pk)
      const now = recordOf(after)
      runs.add(now.id)
      if (before) checkStep(recordOf(before), now, violate)
      const key = `${now.id}~${now.retries?.length ?? 0}`
      if (isFinal(now.status) && !ends.has(key)) ends.set(key, now)
    },
    made: (task, all) => checkTask(config, world, task, all),
  }
}

function notePause(pauses: Pause[], { scheduler }: World, pk: string, before: Item | undefined, after: Item | undefined): void {
  const [was, is] = [before, after].map(item => item?.paused as { at: string; actor: string } | undefined)
  if (was?.at === is?.at) return
  const last = pauses.findLast(each => each.pk === pk)
  if (was && last) last.to = scheduler.now()
  if (is) pauses.push({ pk, by: is.actor, from: Date.parse(is.at), to: Number.POSITIVE_INFINITY })
}

/** `deactivate_after`: with the write that counts the failure. */
function checkStreak(config: Config, pk: string, before: Item | undefined, after: Item | undefined, violate: Broken): void {
  const [was, is] = [before, after].map(item => (item?.streak as { failures: number } | undefined)?.failures ?? 0)
  const most = config.jobs[pk.slice(4)]?.deactivateAfter
  const full = most && is && is !== was && is % most === 0
  if (full && !after?.paused) violate('a job that failed so often in a row is paused', `${pk} after ${is}`)
  const byItself = !before?.paused && (after?.paused as { actor: string } | undefined)?.actor.startsWith('tidemill')
  if (byItself && !full) violate('a job is paused by itself only for failures in a row', `${pk} after ${is}`)
}

/** Clocks of processes that are apart by so much may see the end of a lease differently. */
const CLOCKS_MS = 10_000

function checkLease({ scheduler, violate }: World, before: Item | undefined, after: Item | undefined): void {
  if (before?.holder === undefined || after?.holder === undefined || before.holder === after.holder) return
  if (Date.parse(String(before.until)) > scheduler.now() + CLOCKS_MS)
    violate('one dispatcher at a time', `${after.holder} before ${before.holder} had until ${before.until}`)
}

/** What one write may do to a run. */
function checkStep(before: Stored, now: Stored, violate: Broken): void {
  const details = () => `${now.id} ${before.status}/${before.reason} -> ${now.status}/${now.reason}`
  const reopened = (now.retries?.length ?? 0) === (before.retries?.length ?? 0) + 1
  if (isFinal(before.status)) {
    const same = now.status === before.status && now.reason === before.reason && now.endedAt === before.endedAt
    if (!same && !(reopened && now.status === 'queued' && !before.effects)) violate('a final state never changes', details())
    if (!reopened && [...(now.effects ?? [])].some(effect => !before.effects?.has(effect)))
      violate('an effect that is done is not opened again', details())
  } else if (reopened) violate('only a run that is over is opened again', details())
  if (before.cancel && !now.cancel && !reopened) violate('who cancelled is kept', details())
  for (const [index, attempt] of before.attempts.entries()) {
    const later = now.attempts[index]
    // Back to the line: the last one goes if it never had a task.
    if (!later && (attempt.taskArn || attempt.outcome || index !== before.attempts.length - 1))
      violate('an attempt is not forgotten', details())
    if (!later) continue
    if (attempt.taskArn && later.taskArn !== attempt.taskArn) violate('an attempt keeps its task', details())
    if (attempt.outcome && JSON.stringify(attempt.outcome) !== JSON.stringify(later.outcome))
      violate('an attempt ends once', details())
    if (attempt.runTaskInput !== later.runTaskInput) violate('the stored call of an attempt stays', details())
  }
  if (now.attempts.slice(0, -1).some(attempt => !attempt.outcome)) violate('only the last attempt is open', details())
  if (isFinal(now.status) && now.attempts.at(-1) && !now.attempts.at(-1)?.outcome)
    violate('a run that is over has no open attempt', details())
}

function checkPlaces(world: World, run: Stored, violate: Broken): void {
  for (const pk of [`JOB#${fullName(run.project, run.job)}`, `ENV#${fullName(run.project, run.environment)}`]) {
    const holds = (world.table.items.get(pk)?.running as Set<string> | undefined)?.has(run.id) ?? false
    if (isFinal(run.status) && holds) violate('a run that is over holds no place', `${run.id} in ${pk}`)
    if ((run.status === 'starting' || run.status === 'running') && !holds)
      violate('a run that goes on holds its places', `${run.id} in ${pk}`)
  }
}

function checkLimit(config: Config, pk: string, size: number, violate: Broken): void {
  const name = pk.slice(4)
  const limit = pk.startsWith('ENV#')
    ? config.environments[name]?.maxRunning
    : config.jobs[name]?.overlap === 'allow'
      ? undefined
      : 1
  if (limit !== undefined && size > limit) violate('a limit is never exceeded', `${pk} has ${size} of ${limit}`)
}

function checkTask(config: Config, world: World, task: Task, all: readonly Task[]): void {
  const { violate, table } = world
  const runOf = (each: Task) => {
    const item = table.items.get(`RUN#${each.run}`)
    return item && recordOf(item)
  }
  const run = runOf(task)
  if (!run) {
    violate('a task has a run', task.startedBy)
    return
  }
  const others = all.filter(each => each !== task)
  if (others.some(each => each.startedBy === task.startedBy)) violate('an attempt has at most one task, ever', task.startedBy)
  const alive = others.filter(each => isAlive(each)).map(runOf)
  const job = fullName(run.project, run.job)
  if (config.jobs[job]?.overlap !== 'allow' && alive.some(each => each?.job === run.job))
    violate(
      'never two tasks where one is allowed',
      `${job}: ${task.startedBy} beside ${alive.filter(each => each?.job === run.job).map(each => each?.id)}`,
    )
  const backfill = sliceOf(run)?.backfill
  const slices = alive.filter(each => backfill !== undefined && each && sliceOf(each)?.backfill === backfill).length + 1
  if (run.concurrency !== undefined && slices > run.concurrency)
    violate('never more slices at once than were asked for', `${backfill}: ${slices} of ${run.concurrency}`)
  const environment = fullName(run.project, run.environment)
  const limit = config.environments[environment]?.maxRunning ?? 0
  const beside = alive.filter(each => each?.environment === run.environment).length + 1
  if (beside > limit)
    violate('never more tasks than the environment allows', `${environment}: ${beside} of ${limit} with ${task.startedBy}`)
}

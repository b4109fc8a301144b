/** One compactor at a time, by a lease in the table. It takes what is noted, does it, and only then forgets it. */
import { RUN_ID_PATTERN } from '../../shared/contract.ts'
import { fieldsOf } from '../../shared/fields.ts'
import type { CompactLease } from '../common/dynamo-compact.ts'
import type { CompactRequest, Invoke } from '../common/invoke.ts'
import { changeBook } from './book.ts'
import { DAILY, type DailyDeps, daily } from './daily.ts'
import { rowsOfRuns, runsOfNotes } from './find.ts'
import { isRebuildNote, type RebuildDeps, rebuild, rebuildNote, restoreRun } from './rebuild.ts'
import { addRows } from './rows.ts'
import type { Keep } from './turn.ts'

export interface CompactDeps extends Omit<DailyDeps, 'restore'>, Omit<RebuildDeps, 'store'> {
  store: DailyDeps['store'] & { compactLease: CompactLease }
  /** Calls the next compactor, when this one's time is over. */
  compact: Invoke<CompactRequest>
  random(): string
  /** Milliseconds that the Lambda has left. */
  timeLeft(): number
}

/** A compactor that died holds up others for so long; each step of its work takes less. */
const LEASE_MS = 5 * 60_000
/** Kept back for one more step. */
const RESERVE_MS = 3 * 60_000

export async function compact(deps: CompactDeps, event: unknown): Promise<void> {
  const { compactLease: lease } = deps.store
  await lease.note(notesOf(event))
  const holder = deps.random()
  // Who holds it finds the notes before it lets go.
  if (!(await lease.acquire(holder, deps.now().toISOString(), leaseEnd(deps)))) return
  try {
    do {
      if (!(await work(deps, holder))) {
        await lease.handOver(holder)
        return await deps.compact({})
      }
      if (!(await lease.done(holder))) return
    } while (!(await lease.release(holder)))
  } catch (error) {
    // What is noted stays; the next call need not wait for the lease to end.
    await lease.handOver(holder)
    throw error
  }
}

/** False: the time is over before the work is. */
async function work(deps: CompactDeps, holder: string): Promise<boolean> {
  const waiting = new Set((await take(deps, holder)).all)
  const show = async () => {
    const notes = [...waiting].filter(isRunOrDay)
    await showRuns(deps, notes)
    for (const note of notes) waiting.delete(note)
  }
  for (;;) {
    // To be written anew may be an index that cannot be read: that is first. Then comes what an earlier compactor has begun.
    const note = [...waiting]
      .filter(each => !isRunOrDay(each))
      .sort()
      .at(-1)
    const isRebuild = note !== undefined && isRebuildNote(note)
    if (!isRebuild) await show()
    if (note === undefined) return true
    waiting.delete(note)
    for await (const _ of isRebuild ? rebuild(deps, note, keepOf(deps, holder, note)) : dailyOf(deps, holder, note)) {
      for (const fresh of (await take(deps, holder)).fresh) waiting.add(fresh)
      // Who waits for its row in the index does not wait for all the rest.
      if (isRebuild) await show().catch((error: unknown) => deps.log('runs are shown when their pages are made anew', { error }))
      else await show()
      if (deps.timeLeft() <= RESERVE_MS) return false
    }
  }
}

const dailyOf = (deps: CompactDeps, holder: string, note: string) =>
  daily({ ...deps, restore: row => restoreRun(deps, row) }, note, keepOf(deps, holder, note))

function keepOf({ store }: CompactDeps, holder: string, first: string): Keep {
  let note = first
  return async next => {
    const before = note
    note = next ?? ''
    return before === next || store.compactLease.advance(holder, before, next)
  }
}

async function take(deps: CompactDeps, holder: string) {
  const taken = await deps.store.compactLease.take(holder, leaseEnd(deps))
  if (!taken) throw new Error('another compactor has the lease now and goes on')
  return taken
}

/** Takes the runs into the index whose ids or days are noted. */
async function showRuns(deps: CompactDeps, notes: readonly string[]): Promise<void> {
  const rows = await rowsOfRuns(deps, await runsOfNotes(deps, notes.filter(isRunOrDay)))
  if (rows.length === 0) return
  const index = await changeBook(deps, before => addRows(deps.bucket, before, rows))
  if (index) deps.log('index written', { runs: rows.length, days: index.days.length })
}

const leaseEnd = (deps: CompactDeps) => new Date(deps.now().getTime() + LEASE_MS).toISOString()

const DAY = /^\d{4}-\d{2}-\d{2}$/
const isDay = (value: unknown): value is string => typeof value === 'string' && DAY.test(value)
const isRunOrDay = (note: string) => RUN_ID_PATTERN.test(note) || DAY.test(note)

function notesOf(event: unknown): string[] {
  const { day, runs, daily: isDaily, rebuild: span } = fieldsOf(event)
  const ids = Array.isArray(runs) ? runs.filter(id => typeof id === 'string' && RUN_ID_PATTERN.test(id)) : []
  const { from, to } = fieldsOf(span)
  return [
    ...(ids.length ? ids : isDay(day) ? [day] : []),
    ...(isDaily === true ? [DAILY] : []),
    // What was written anew is compacted as well.
    ...(isDay(from) && isDay(to) && from <= to ? [rebuildNote(from, to), DAILY] : []),
  ]
}

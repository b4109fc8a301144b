/** One compactor at a time, by a lease in the table. It takes what is noted, does it, and only then forgets it. */
import { RUN_ID_PATTERN } from '../../shared/contract.ts'
import type { CompactLease } from '../common/dynamo-compact.ts'
import type { CompactRequest, Invoke } from '../common/invoke.ts'
import { changeBook } from './book.ts'
import { type DailyDeps, daily } from './daily.ts'
import { rowsOfRuns, runsOfNotes } from './find.ts'
import { isRebuildNote, type RebuildDeps, rebuild, rebuildNote, restoreRun } from './rebuild.ts'
import { addRows } from './rows.ts'

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
const DAILY = 'daily'

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
  const { all } = await take(deps, holder)
  const notes = new Set(all)
  const takeMore = async () => {
    const { fresh } = await take(deps, holder)
    for (const note of fresh) notes.add(note)
    return fresh
  }
  const hasTime = () => deps.timeLeft() > RESERVE_MS
  // Before anything is added: what is to be written anew may be an index that cannot be read.
  for (const note of [...notes].filter(isRebuildNote)) {
    for await (const _ of rebuild(deps, holder, note)) {
      await takeMore()
      if (!hasTime()) return false
    }
  }
  await showRuns(deps, [...notes])
  const goOn = async () => {
    // Who waits for its row in the index does not wait for files to be compacted.
    await showRuns(deps, await takeMore())
    return hasTime()
  }
  if (notes.has(DAILY)) {
    const restore: DailyDeps['restore'] = row => restoreRun(deps, row)
    for await (const _ of daily({ ...deps, restore })) if (!(await goOn())) return false
  }
  return true
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
  const fields = (value: unknown) => (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
  const { day, runs, daily: isDaily, rebuild: span } = fields(event)
  const ids = Array.isArray(runs) ? runs.filter(id => typeof id === 'string' && RUN_ID_PATTERN.test(id)) : []
  const { from, to } = fields(span)
  return [
    ...(ids.length ? ids : isDay(day) ? [day] : []),
    ...(isDaily === true ? [DAILY] : []),
    // What was written anew is compacted as well.
    ...(isDay(from) && isDay(to) && from <= to ? [rebuildNote(from, to), DAILY] : []),
  ]
}

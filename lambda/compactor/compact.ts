/** One compactor at a time, by a lease in the table. It takes what is noted, does it, and only then forgets it. */
import { RUN_ID_PATTERN } from '../../shared/contract.ts'
import type { Bucket } from '../common/bucket.ts'
import type { CompactLease } from '../common/dynamo-compact.ts'
import type { CompactRequest, Invoke } from '../common/invoke.ts'
import { readBook, writeBook } from './book.ts'
import { type FindDeps, rowsOfRuns, runsOfNotes } from './find.ts'
import { addRows } from './rows.ts'

export interface CompactDeps extends FindDeps {
  store: FindDeps['store'] & { compactLease: CompactLease }
  bucket: Bucket
  /** Calls the next compactor, when this one's time is over. */
  compact: Invoke<CompactRequest>
  now(): Date
  random(): string
  /** Milliseconds that the Lambda has left. */
  timeLeft(): number
}

/** A compactor that died holds up others for so long; each part of its work takes less. */
const LEASE_MS = 5 * 60_000
/** Kept back for the work at hand. */
const RESERVE_MS = 60_000

export async function compact(deps: CompactDeps, event: unknown): Promise<void> {
  const { compactLease: lease } = deps.store
  await lease.note(notesOf(event))
  const holder = deps.random()
  // Who holds it finds the notes before it lets go.
  if (!(await lease.acquire(holder, deps.now().toISOString(), leaseEnd(deps)))) return
  do {
    const notes = await lease.take(holder, leaseEnd(deps))
    if (!notes) return
    try {
      await handle(deps, notes)
    } catch (error) {
      // What is noted stays; the next call need not wait for the lease to end.
      await lease.handOver(holder)
      throw error
    }
    if (!(await lease.done(holder))) return
    if (deps.timeLeft() < RESERVE_MS) {
      await lease.handOver(holder)
      return deps.compact({})
    }
  } while (!(await lease.release(holder)))
}

async function handle(deps: CompactDeps, notes: readonly string[]): Promise<void> {
  const rows = await rowsOfRuns(deps, await runsOfNotes(deps, notes))
  const book = await readBook(deps.bucket)
  const index = await addRows(deps.bucket, book.index, rows)
  if (index === book.index) return
  await writeBook(deps.bucket, { ...book, index: { ...index, at: deps.now().toISOString() } })
  deps.log('index written', { runs: rows.length, days: index.days.length })
}

const leaseEnd = (deps: CompactDeps) => new Date(deps.now().getTime() + LEASE_MS).toISOString()

function notesOf(event: unknown): string[] {
  const { day, runs } = (typeof event === 'object' && event !== null ? event : {}) as Record<string, unknown>
  const ids = Array.isArray(runs) ? runs.filter(id => typeof id === 'string' && RUN_ID_PATTERN.test(id)) : []
  if (ids.length) return ids
  return typeof day === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(day) ? [day] : []
}

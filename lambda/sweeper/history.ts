/** Calls the compactor once a day, and when something is left of which nobody thinks any more. */
import type { CompactRequest, Invoke } from '../common/invoke.ts'
import type { Store } from '../common/store.ts'

export interface HistoryDeps {
  store: Pick<Store, 'compactLease' | 'sweep'>
  /** Absent where nothing is compacted. */
  compact?: Invoke<CompactRequest>
  now(): Date
}

/** A day is closed 36 hours after its end: the work of a day begins at noon, UTC. */
const NOON_MS = 12 * 60 * 60_000

export async function pokeCompactor({ store, compact, now }: HistoryDeps): Promise<number> {
  if (!compact) return 0
  const state = await store.sweep.read()
  const day = new Date(now().getTime() - NOON_MS).toISOString().slice(0, 10)
  if (state && state.compacted !== day) {
    await compact({ daily: true })
    await store.sweep.write({ ...state, compacted: day })
    return 1
  }
  if (!(await store.compactLease.left(now().toISOString()))) return 0
  await compact({})
  return 1
}

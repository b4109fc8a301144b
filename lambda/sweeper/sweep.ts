/** One turn of the sweeper: each repair is safe to repeat, and one that fails holds up no other. */
import { OPEN_PHASE } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { hasOpenEffects, runEffects } from '../common/effects.ts'
import type { OpenEntry, Store } from '../common/store.ts'
import { type HistoryDeps, pokeCompactor } from './history.ts'
import { findLate, type LateDeps } from './late.ts'
import { drainDeadLetters, type LetterDeps } from './letters.ts'
import { findMissed, type MissedDeps } from './missed.ts'
import { freePlaces, type PlaceDeps } from './places.ts'
import { type StrayDeps, stopStrays } from './strays.ts'
import { sweepTasks, type TaskDeps } from './tasks.ts'

export type SweepDeps = TaskDeps &
  MissedDeps &
  LateDeps &
  LetterDeps &
  StrayDeps &
  PlaceDeps &
  HistoryDeps & {
    /** Milliseconds that the Lambda has left. */
    timeLeft(): number
  }

/** Whoever ended a run is left so long to do what follows. */
const EFFECTS_AFTER_MS = 2 * 60_000
/** Kept back for calls under way. */
const RESERVE_MS = 20_000

type Repair = (goOn: () => boolean) => Promise<number>

export async function sweep(deps: SweepDeps): Promise<void> {
  const state = await deps.store.sweep.read()
  const open = readOnce(deps.store)
  // Quick ones first, and a share of the time for each that may take long: none is left out because of another.
  const repairs: Record<string, { repair: Repair; share: number }> = {
    'waiting line': { repair: () => pokeDispatcher(deps, open), share: 1 },
    messages: { repair: () => pokeNotifier(deps, open), share: 1 },
    // Before the missed runs: a schedule that could not reach the launcher may still be in time.
    'dead letters': { repair: goOn => drainDeadLetters(deps, goOn), share: 0.25 },
    'missed runs': { repair: () => findMissed(deps), share: 1 },
    'late runs': { repair: goOn => findLate(deps, open, goOn), share: 0.25 },
    history: { repair: () => pokeCompactor(deps), share: 1 },
    places: { repair: goOn => freePlaces(deps, open, goOn), share: 0.1 },
    'stray tasks': { repair: goOn => stopStrays(deps, goOn), share: 0.1 },
    effects: { repair: goOn => sweepEffects(deps, open, goOn), share: 0.4 },
    tasks: { repair: goOn => repairTasks(deps, open, state?.tasksFrom, goOn), share: 1 },
  }
  const failed: string[] = []
  for (const [name, { repair, share }] of Object.entries(repairs)) {
    const least = Math.max(RESERVE_MS, deps.timeLeft() * (1 - share))
    try {
      const count = await repair(() => deps.timeLeft() > least)
      if (count) deps.log('swept', { what: name, count })
    } catch (error) {
      failed.push(name)
      deps.log('repair failed', { what: name, error })
    }
  }
  if (failed.length) throw new Error(`repairs failed: ${failed.join(', ')}`)
}

/** The index of what is open, read once: every turn reads it, also those that find nothing to do. */
function readOnce(store: Pick<Store, 'open'>): Store['open'] {
  let reading: Promise<OpenEntry[]> | undefined
  return async phase => {
    reading ??= store.open('')
    reading.catch(() => {
      reading = undefined
    })
    return (await reading).filter(entry => entry.sort.startsWith(phase))
  }
}

async function repairTasks(deps: SweepDeps, open: Store['open'], from: string | undefined, goOn: () => boolean): Promise<number> {
  const { count, stoppedAt } = await sweepTasks(deps, open, from ?? '', goOn)
  if (stoppedAt === undefined && from === undefined) return count
  if (stoppedAt !== undefined) deps.log('no time for all open runs', { next: stoppedAt })
  const state = await deps.store.sweep.read()
  if (state) await deps.store.sweep.write({ ...state, tasksFrom: stoppedAt })
  return count
}

/** Also gives a dead dispatcher's lease to a living one, and starts what waited for a back-off. */
async function pokeDispatcher(deps: SweepDeps, open: Store['open']): Promise<number> {
  const waiting = await open(OPEN_PHASE.waiting)
  if (waiting.length) await deps.dispatch({})
  return waiting.length
}

async function pokeNotifier(deps: SweepDeps, open: Store['open']): Promise<number> {
  const unsent = await open(OPEN_PHASE.message)
  if (unsent.length) await deps.notify({})
  return unsent.length
}

/** Who has waited longest first; each that is done leaves the index. */
async function sweepEffects(deps: SweepDeps, open: Store['open'], goOn: () => boolean): Promise<number> {
  const entries = await open(OPEN_PHASE.effects)
  const due = (run: RunRecord) => Date.parse(run.endedAt ?? run.claimedAt) < deps.now().getTime() - EFFECTS_AFTER_MS
  const runs = (await deps.store.runs(entries.map(entry => entry.pk.slice('RUN#'.length)))).filter(due)
  let count = 0
  for (const run of runs) {
    if (!goOn()) break
    if (hasOpenEffects(run)) await runEffects(deps, run)
    // All done, and who did them died before the run left the index.
    else await deps.store.effectDone(run.id, 'history')
    count++
  }
  return count
}

/** One turn of the sweeper: each repair is safe to repeat, and one that fails holds up no other. */
import { OPEN_PHASE } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { hasOpenEffects, runEffects } from '../common/effects.ts'
import { drainDeadLetters, type LetterDeps } from './letters.ts'
import { findMissed, type MissedDeps } from './missed.ts'
import { sweepTasks, type TaskDeps } from './tasks.ts'

export type SweepDeps = TaskDeps & MissedDeps & LetterDeps

/** Whoever ended a run is left so long to do what follows. */
const EFFECTS_AFTER_MS = 2 * 60_000

export async function sweep(deps: SweepDeps): Promise<void> {
  const repairs: Record<string, () => Promise<number>> = {
    // First: a schedule that could not reach the launcher may still be in time.
    'dead letters': () => drainDeadLetters(deps),
    tasks: () => sweepTasks(deps),
    effects: () => sweepEffects(deps),
    'missed runs': () => findMissed(deps),
    'waiting line': () => pokeDispatcher(deps),
    messages: () => pokeNotifier(deps),
  }
  const failed: string[] = []
  for (const [name, repair] of Object.entries(repairs)) {
    try {
      const count = await repair()
      if (count) deps.log('swept', { what: name, count })
    } catch (error) {
      failed.push(name)
      deps.log('repair failed', { what: name, error })
    }
  }
  if (failed.length) throw new Error(`repairs failed: ${failed.join(', ')}`)
}

/** Also gives a dead dispatcher's lease to a living one, and starts what waited for a back-off. */
async function pokeDispatcher(deps: SweepDeps): Promise<number> {
  const waiting = await deps.store.open(OPEN_PHASE.waiting)
  if (waiting.length) await deps.dispatch({})
  return waiting.length
}

async function pokeNotifier(deps: SweepDeps): Promise<number> {
  const unsent = await deps.store.open(OPEN_PHASE.message)
  if (unsent.length) await deps.notify({})
  return unsent.length
}

async function sweepEffects(deps: SweepDeps): Promise<number> {
  const entries = await deps.store.open(OPEN_PHASE.effects)
  const due = (run: RunRecord) => Date.parse(run.endedAt ?? run.claimedAt) < deps.now().getTime() - EFFECTS_AFTER_MS
  const runs = (await deps.store.runs(entries.map(entry => entry.pk.slice('RUN#'.length)))).filter(due)
  for (const run of runs) {
    if (hasOpenEffects(run)) await runEffects(deps, run)
    // All done, and who did them died before the run left the index.
    else await deps.store.effectDone(run.id, 'history')
  }
  return runs.length
}

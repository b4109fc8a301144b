/** What follows the end of a run. Each effect is safe to repeat and is taken out of the run's set when it is done. */
import { EFFECTS, type Effect, isFinal, type RunRecord } from '../../shared/run.ts'
import type { Bucket } from './bucket.ts'
import type { ClaimDeps } from './claim.ts'
import type { Configs } from './config.ts'
import { writeHistory } from './effect-history.ts'
import { sendMessages } from './effect-messages.ts'
import { publishDocs, publishState } from './effect-publish.ts'
import { claimFollowers } from './followers.ts'
import type { CompactRequest, DispatchRequest, Invoke, NotifyRequest } from './invoke.ts'
import type { Store } from './store.ts'

export interface EffectDeps extends ClaimDeps {
  store: ClaimDeps['store'] & Pick<Store, 'fanIn' | 'putFanIn' | 'effectDone' | 'countStreak' | 'putMessage' | 'noteIncident'>
  bucket: Bucket
  configs: Configs
  dispatch: Invoke<DispatchRequest>
  notify: Invoke<NotifyRequest>
  /** Absent where nothing is compacted. */
  compact?: Invoke<CompactRequest>
}

/** People first: a free place, followers and messages do not wait for copies in the bucket, nor for what is wrong with one. */
const ORDER: readonly Effect[] = ['dispatch', 'downstream', 'docs', 'messages', 'history', 'state']

const RUN_EFFECT: Record<Effect, (deps: EffectDeps, run: RunRecord) => Promise<void>> = {
  dispatch: deps => deps.dispatch({}),
  downstream: claimFollowers,
  docs: publishDocs,
  history: writeHistory,
  messages: sendMessages,
  state: publishState,
}

/** Runs the open effects. One that fails stays open and holds up no other; the sweeper comes back to it. */
export async function runEffects(deps: EffectDeps, run: RunRecord): Promise<Effect[]> {
  const open = ORDER.filter(effect => run.effects?.includes(effect))
  const failed: Effect[] = []
  for (const effect of open) {
    try {
      await RUN_EFFECT[effect](deps, run)
      await deps.store.effectDone(run.id, effect)
    } catch (error) {
      failed.push(effect)
      deps.log('effect failed', { runId: run.id, effect, error })
    }
  }
  return failed
}

export const hasOpenEffects = (run: RunRecord) => isFinal(run.status) && EFFECTS.some(effect => run.effects?.includes(effect))

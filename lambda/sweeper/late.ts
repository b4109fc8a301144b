/** Runs that take longer than usual: told once, while something can still be done about it. */
import { fullName, OPEN_PHASE } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { lateAfterSeconds, usualOf, workBegan } from '../../shared/usual.ts'
import { tell } from '../common/effect-messages.ts'
import type { EffectDeps } from '../common/effects.ts'
import { recipients } from '../common/recipients.ts'
import type { Store } from '../common/store.ts'

export interface LateDeps extends EffectDeps {
  store: EffectDeps['store'] & Pick<Store, 'runs' | 'runsBefore' | 'noteLate'>
}

export async function findLate(deps: LateDeps, open: Store['open'], goOn: () => boolean): Promise<number> {
  const entries = await open(OPEN_PHASE.active)
  const runs = await deps.store.runs(entries.map(entry => entry.pk.slice('RUN#'.length)))
  let told = 0
  for (const run of runs) {
    // What somebody changed for one run (steps, variables) has no usual time.
    if (run.status !== 'running' || run.lateAt || run.overrides || !goOn()) continue
    try {
      if (await tellIfLate(deps, run)) told++
    } catch (error) {
      deps.log('run could not be told as late', { runId: run.id, error })
    }
  }
  return told
}

async function tellIfLate(deps: LateDeps, run: RunRecord): Promise<boolean> {
  const startedAt = workBegan(run)
  const config = await deps.configs.load(run.config)
  const job = config.jobs[fullName(run.project, run.job)]
  if (!startedAt || !job?.notify.some(rule => rule.on.includes('late'))) return false
  const now = deps.now()
  const seconds = (now.getTime() - Date.parse(startedAt)) / 1000
  const usual = usualOf(await deps.store.runsBefore(fullName(run.project, run.job), run.id))
  if (!usual || seconds <= lateAfterSeconds(usual)) return false
  const late = { seconds: Math.round(seconds), ...usual }
  await tell(deps, config, run, recipients({ job, run, kind: 'late', streak: undefined, incidents: [], now }), { late })
  // After the messages: a turn that died between the two writes them down again, which changes nothing.
  await deps.store.noteLate(run.id, now.toISOString())
  deps.log('run takes longer than usual', { runId: run.id, ...late })
  return true
}

/** What a task's event means for its run. Events come at least once, late, and in any order. */
import { fieldsOf } from '../../shared/fields.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { hasOpenEffects, runEffects } from '../common/effects.ts'
import { type EndDeps, endAttempt } from '../common/end-attempt.ts'
import type { Store } from '../common/store.ts'
import { parseTask, type TaskFacts } from '../common/task.ts'

export interface FinishDeps extends EndDeps {
  store: EndDeps['store'] & Pick<Store, 'noteTask' | 'noteRunning'>
}

export async function finish(deps: FinishDeps, event: unknown): Promise<void> {
  const { effects, detail } = fieldsOf(event)
  if (Array.isArray(effects)) {
    for (const id of effects) if (typeof id === 'string') await finishEffects(deps, await deps.store.run(id))
    return
  }
  const task = parseTask(detail)
  if (task) await handleTask(deps, task)
  else deps.log('event without a task is ignored')
}

async function finishEffects(deps: FinishDeps, run: RunRecord | undefined): Promise<void> {
  if (run && hasOpenEffects(run)) await runEffects(deps, run)
}

async function handleTask(deps: FinishDeps, task: TaskFacts): Promise<void> {
  const { owner, taskArn, lastStatus } = task
  if (!owner) return deps.log('task of another is ignored', { taskArn })
  const run = await deps.store.run(owner.run)
  const log = { runId: owner.run, attempt: owner.attempt, taskArn, lastStatus }
  if (!run) return deps.log('task of an unknown run is ignored', log)
  if (owner.attempt !== run.attempts.length) return deps.log('task of an earlier attempt is ignored', log)
  if (isFinal(run.status))
    return lastStatus === 'STOPPED' && run.attempts.at(-1)?.taskArn === taskArn ? finishEffects(deps, run) : undefined
  // The dispatcher may not have stored it yet; a second task of an attempt is none of ours.
  const owned = await deps.store.noteTask(run.id, owner.attempt, taskArn)
  if (!owned) return deps.log('task does not belong to the attempt', log)
  if (lastStatus === 'RUNNING') {
    const at = { startedAt: task.startedAt ?? deps.now().toISOString(), eventVersion: task.version }
    if (await deps.store.noteRunning(run.id, owner.attempt, at)) deps.log('task runs', log)
  } else if (lastStatus === 'STOPPED') {
    // The attempt is closed and waits for the next one, whose dispatch may have been lost with its writer.
    if (owned.status === 'queued') return deps.dispatch({ runs: [run.id] })
    await endAttempt(deps, owned, task)
  }
}

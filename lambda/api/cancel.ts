/** `tidemill cancel`: ends a run that waits, asks one that runs to stop. */
import type { ApiResponse } from '../../shared/api.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { finalise } from '../common/finalise.ts'
import { isRefused, lookUpRun, refused } from './look-up.ts'
import type { ApiDeps } from './operate.ts'

export async function cancel(deps: ApiDeps, actor: string, id: string): Promise<ApiResponse> {
  const run = await lookUpRun(deps.store, id)
  if (isRefused(run)) return run
  if (isFinal(run.status)) return alreadyOver(run)
  const at = deps.now().toISOString()
  if (run.status === 'queued') {
    const end = { status: 'cancelled', reason: 'user_cancelled', message: `Cancelled by ${actor} while it waited.` } as const
    const ended = await finalise(deps, { ...run, cancel: { at, actor } }, end, { statuses: ['queued'] })
    if (ended) {
      await deps.finish({ effects: [id] })
      return { ok: true, run: ended, message: `Run ${id} is cancelled; it had not started.` }
    }
  }
  const asked = await deps.store.askCancel(id, { at, actor })
  if (!asked) return alreadyOver((await deps.store.run(id)) ?? run)
  const taskArn = asked.attempts.at(-1)?.taskArn
  // Without a task yet, the dispatcher stops it when it has one; in the line, it ends it there.
  if (taskArn && asked.status !== 'queued') await deps.ecs.stop(taskArn, `cancelled by ${actor}`)
  else await deps.dispatch({ runs: [id] })
  return {
    ok: true,
    run: asked,
    message: `Run ${id} was asked to stop; queries are cancelled and what exists is kept (up to 2 min).`,
  }
}

const alreadyOver = (run: RunRecord) => refused(`Run ${run.id} is over already: ${run.status}.`)

/** Tasks that no run needs: one that a call made although nobody heard of it, one whose stop was lost. */
import { isFinal, type RunRecord } from '../../shared/run.ts'
import type { Ecs } from '../common/ecs.ts'
import type { Log } from '../common/log.ts'
import type { Store } from '../common/store.ts'
import type { TaskFacts } from '../common/task.ts'

export interface StrayDeps {
  store: Pick<Store, 'runs'>
  ecs: Pick<Ecs, 'list' | 'describe' | 'stop'>
  log: Log
}

/** Tasks of others in the cluster, and of runs that the table does not have, are left alone. */
export async function stopStrays(deps: StrayDeps, goOn: () => boolean): Promise<number> {
  let count = 0
  const tasks = [...(await deps.ecs.describe(await deps.ecs.list())).values()].filter(task => task.lastStatus !== 'STOPPED')
  const owners = [...new Set(tasks.flatMap(task => task.owner?.run ?? []))]
  const runs = new Map((await deps.store.runs(owners)).map(run => [run.id, run]))
  for (const task of tasks) {
    const run = runs.get(task.owner?.run ?? '')
    if (!run || isNeeded(run, task)) continue
    if (!goOn()) break
    deps.log('stray task stopped', { runId: run.id, taskArn: task.taskArn, status: run.status })
    await deps.ecs.stop(task.taskArn, 'tidemill: no run needs this task')
    count++
  }
  return count
}

/** An attempt under way may not know its task yet. */
function isNeeded(run: RunRecord, { taskArn, owner }: TaskFacts): boolean {
  if (isFinal(run.status)) return false
  const attempt = run.attempts[(owner?.attempt ?? 0) - 1]
  return attempt !== undefined && !attempt.outcome && (attempt.taskArn ?? taskArn) === taskArn
}

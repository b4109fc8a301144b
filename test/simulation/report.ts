/** What the runner of a task leaves in the bucket. */
import { KEY } from '../../shared/contract.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import { NO_NODES } from '../../shared/run.ts'
import { runOfItem } from '../../shared/run-item.ts'
import type { Report } from './fate.ts'
import type { Storage } from './storage.ts'
import type { Task } from './tasks.ts'
import type { World } from './world.ts'

export function writeReport(world: World, storage: Storage, task: Task, { owners = [], ...report }: Report): void {
  const item = world.table.items.get(`RUN#${task.run}`)
  if (!item) return
  const prefix = KEY.attempt(runOfItem(item), task.attempt)
  const at = new Date(world.scheduler.now()).toISOString()
  const good = report.outcome === 'success' || report.outcome === 'warn'
  const result: RunnerResult = {
    schemaVersion: 1,
    run: task.run,
    attempt: task.attempt,
    ...report,
    commit: { sha: '4f2c1ab'.padEnd(40, '0'), author: 'Ana', subject: 'rename', committedAt: at },
    steps: [
      {
        index: 1,
        name: 'build',
        kind: 'dbt',
        command: 'dbt build',
        status: good ? report.outcome : 'error',
        artifacts: ['manifest.json'],
      },
    ],
    counts: { ...NO_NODES, success: 9, error: owners.length },
    failures: owners.map((owner, index) => ({
      uniqueId: `model.shop.${index}`,
      name: `model_${index}`,
      resourceType: 'model',
      status: 'error',
      owners: [owner],
    })),
    startedAt: task.startedAt ?? at,
    endedAt: at,
    artifactsIncomplete: false,
    docsUploaded: good,
    parts: 1,
  }
  if (good) storage.put(`${KEY.step(prefix, 1, 'build')}manifest.json`, task.run)
  storage.put(KEY.result(prefix), JSON.stringify(result))
}

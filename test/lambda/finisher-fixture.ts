import assert from 'node:assert/strict'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import { NO_NODES, type RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import type { FakeTask } from '../fakes/ecs.ts'
import { configOf, hashOf, jobOf, runId, runOf } from '../fakes/records.ts'

export const ID = runId(1)

export interface Started {
  cloud: FakeCloud
  task: FakeTask
}

export async function started(
  job: Partial<JobConfig> = {},
  others: Partial<JobConfig>[] = [],
  over: Partial<RunRecord> = {},
): Promise<Started> {
  const config = configOf([jobOf(job), ...others.map(jobOf)])
  const cloud = makeCloud(config)
  await cloud.store.claim({ ...runOf(1), config: hashOf(config), ...over })
  return { cloud, task: await startNext(cloud) }
}
export async function startNext(cloud: FakeCloud): Promise<FakeTask> {
  await dispatch(cloud.deps, {})
  cloud.calls.length = 0
  const task = [...cloud.ecs.tasks.values()].at(-1)
  assert.ok(task)
  return task
}

export const steps: RunnerResult['steps'] = [
  { index: 0, name: 'checkout', kind: 'checkout', command: 'git', status: 'success' },
  {
    index: 2,
    name: 'build',
    kind: 'dbt',
    command: 'dbt build',
    status: 'success',
    artifacts: ['manifest.json', 'run_results.json'],
  },
]
export const result = (over: Partial<RunnerResult> = {}): RunnerResult => ({
  schemaVersion: 1,
  run: ID,
  attempt: 1,
  outcome: 'success',
  commit: { sha: '4f2c1ab'.padEnd(40, '0'), author: 'Ana', subject: 'rename', committedAt: '2026-11-21T20:00:00.000Z' },
  steps,
  counts: { ...NO_NODES, success: 9 },
  failures: [],
  startedAt: '2026-11-22T02:01:05.000Z',
  endedAt: '2026-11-22T02:09:50.000Z',
  artifactsIncomplete: false,
  docsUploaded: true,
  parts: 3,
  ...over,
})
export function report(cloud: FakeCloud, given: RunnerResult): void {
  const prefix = KEY.attempt(runOf(1), given.attempt)
  cloud.put(KEY.result(prefix), given)
  cloud.put(`${KEY.docs('shop', 'prod', given.run, given.attempt)}index.html`, {})
  for (const name of ['manifest.json', 'run_results.json'])
    cloud.put(`${KEY.step(prefix, 2, 'build')}${name}`, { made: given.attempt })
}
export const messages = (cloud: FakeCloud) =>
  cloud.message().map(message => `${message.kind} ${message.channel} ${message.target}`)
export const outcomeOf = (run: RunRecord) => [run.status, run.reason].filter(Boolean).join('/')

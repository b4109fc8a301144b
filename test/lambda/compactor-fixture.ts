/** Runs that are over, and a compactor over the table and bucket in memory. */
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { writeHistory } from '../../lambda/common/effect-history.ts'
import { type CompactDeps, compact } from '../../lambda/compactor/compact.ts'
import { dayOfRun, KEY, makeRunId } from '../../shared/contract.ts'
import {
  type DayPage,
  HISTORY_KEY,
  type HistoryIndex,
  type HistoryTable,
  type IndexRun,
  type JobPage,
} from '../../shared/history-index.ts'
import type { NodeResult, RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { attemptOf, configOf, NOW, runOf, scheduled } from '../fakes/records.ts'

/** A run that took so many seconds, claimed so many minutes before or after now. */
export function endedRun(number: number, minutes: number, over: Partial<RunRecord> & { seconds?: number } = {}): RunRecord {
  const { seconds = 60, ...fields } = over
  const claimed = new Date(Date.parse(NOW) + minutes * 60_000)
  const after = (s: number) => new Date(claimed.getTime() + s * 1000).toISOString()
  return runOf(number, {
    id: makeRunId(claimed, number.toString(16).padStart(12, '0')),
    cause: scheduled(claimed.toISOString()),
    status: 'success',
    claimedAt: claimed.toISOString(),
    startedAt: after(30),
    endedAt: after(30 + seconds),
    attempts: [attemptOf(1, { taskArn: 'task', dispatchedAt: after(1), stoppedAt: after(30 + seconds) })],
    ...fields,
  })
}

/** The table as a reader finds it who follows `current.json`: compacted files without what is in the tail, and the files of the tail. */
export async function readTable(cloud: FakeCloud, table: HistoryTable): Promise<Record<string, unknown>[]> {
  const index = cloud.json(HISTORY_KEY.index) as HistoryIndex
  const tail = new Set(index.days.flatMap(day => day.tail))
  const packed = [
    ...index.days.flatMap(day => (day.generation ? [HISTORY_KEY.day(table, day.date, day.generation)] : [])),
    ...index.months.map(month => HISTORY_KEY.month(table, month.month, month.generation)),
  ]
  const rows: Record<string, unknown>[] = []
  for (const key of packed) rows.push(...(await readFile(cloud, key)).filter(row => !tail.has(String(row.run_id))))
  for (const id of tail) rows.push(...(await readFile(cloud, HISTORY_KEY.run(table, dayOfRun(id), id))))
  return rows
}

export async function readFile(cloud: FakeCloud, key: string): Promise<Record<string, unknown>[]> {
  const object = cloud.objects.get(key)
  if (!object) throw new Error(`${key} is named by the index and not there`)
  return parquetReadObjects({ file: object.body.slice().buffer })
}

export const nodesOf = (count: number, word = 'model'): NodeResult[] =>
  Array.from({ length: count }, (_, n) => ({
    uniqueId: `model.shop.${word}_${String(n).padStart(4, '0')}`,
    name: `${word}_${n}`,
    resourceType: 'model',
    status: 'success',
    executionSeconds: n / 10,
    startedAt: NOW,
    endedAt: NOW,
  }))

/** `mayWrite` is asked before each write to bucket and lease. */
export function guard(deps: CompactDeps, mayWrite: (what: string) => void | Promise<void>): CompactDeps {
  const guarded = <T extends object>(calls: T, reads: string[]) =>
    Object.fromEntries(
      Object.entries(calls).map(([name, act]: [string, (...args: unknown[]) => Promise<unknown>]) => [
        name,
        async (...args: unknown[]) => {
          if (!reads.includes(name)) await mayWrite(`${name} ${String(args[0])}`)
          return act(...args)
        },
      ]),
    ) as T
  return {
    ...deps,
    bucket: guarded(deps.bucket, ['read', 'list', 'folders']),
    store: { ...deps.store, compactLease: guarded(deps.store.compactLease, ['left']) },
  }
}

/** `rowsOfFile`: results of nodes in one file. */
export function makeCompactor(cloud: FakeCloud = makeCloud(configOf()), rowsOfFile = 500_000) {
  const calls: object[] = []
  const deps: CompactDeps = { ...cloud.deps, rowsOfFile, compact: async payload => void calls.push(payload) }
  const index = () => cloud.json(HISTORY_KEY.index) as HistoryIndex
  return {
    cloud,
    deps,
    calls,
    index,
    end(run: RunRecord) {
      cloud.store.plant(run)
      return { day: run.claimedAt.slice(0, 10), runs: [run.id] }
    },
    /** As the finisher leaves it: with what the task uploaded, and its files in the history. */
    async finish(run: RunRecord, nodes: NodeResult[] = nodesOf(2)) {
      cloud.store.plant(run)
      const lines = nodes.map(node => JSON.stringify({ type: 'node', step: 1, ...node }))
      const attempt = KEY.attempt(run, run.attempts.length)
      cloud.objects.set(KEY.part(attempt, 1), { body: gzipSync(lines.join('\n')), etag: run.id })
      await writeHistory({ bucket: deps.bucket, configs: deps.configs, log: deps.log }, run)
      return { day: run.claimedAt.slice(0, 10), runs: [run.id] }
    },
    daily: () => compact(deps, { daily: true }),
    poke: (event: unknown) => compact(deps, event),
    day: (date: string): IndexRun[] => {
      const day = index().days.find(each => each.date === date)
      return day ? (cloud.json(day.page) as DayPage).runs : []
    },
    job: (name: string): IndexRun[] => {
      const job = index().jobs.find(each => each.job === name)
      return job ? (cloud.json(job.page) as JobPage).runs : []
    },
  }
}

export type Compactor = ReturnType<typeof makeCompactor>

/** Every run once, with all its nodes. */
export async function assertWhole(made: Compactor, runs: readonly RunRecord[], nodes = 2): Promise<void> {
  const ids = (rows: Record<string, unknown>[]) => rows.map(row => String(row.run_id)).sort()
  assert.deepEqual(ids(await readTable(made.cloud, 'runs')), runs.map(run => run.id).sort())
  assert.deepEqual(ids(await readTable(made.cloud, 'nodes')), runs.flatMap(run => Array(nodes).fill(run.id)).sort())
}

export async function withRuns(days: readonly number[], perDay: number, made: Compactor = makeCompactor()) {
  const runs = days.flatMap(day => Array.from({ length: perDay }, (_, n) => endedRun(day * -100 + n, day * 24 * 60 + n * 20)))
  for (const run of runs) await made.poke(await made.finish(run))
  return { made, runs }
}

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Column } from '../../shared/history-columns.ts'
import { HISTORY_TABLES, type RunNode } from '../../shared/history-index.ts'
import { historyPage } from '../../shared/history-reference.ts'
import { type HistoryInput, historyRows } from '../../shared/history-rows.ts'
import { parseSources } from '../../shared/history-sources.ts'
import { TABLES } from '../../shared/history-tables.ts'
import { NO_NODES } from '../../shared/run.ts'
import { at, attemptOf, environmentOf, requested, runOf } from '../fakes/records.ts'

const commit = { sha: '4f2c1ab'.padEnd(40, '0'), author: 'Ana', subject: 'rename', committedAt: '2026-11-21T20:00:00.000Z' }
const node = (over: Partial<RunNode> = {}): RunNode => ({
  uniqueId: 'model.shop.orders',
  name: 'orders',
  resourceType: 'model',
  status: 'success',
  step: 1,
  attempt: 1,
  ...over,
})
const TASK = 'arn:aws:ecs:eu-central-1:000000000000:task/tidemill/1'
const input = (over: Partial<HistoryInput> = {}): HistoryInput => ({
  run: runOf(1, {
    status: 'error',
    reason: 'test_failures',
    message: '1 of 2 tests failed.',
    startedAt: at(30),
    endedAt: at(630),
    commit,
    counts: { ...NO_NODES, success: 2, fail: 1 },
    attempts: [attemptOf(1, { taskArn: TASK, dispatchedAt: at(0), startedAt: at(30), stoppedAt: at(600) })],
    steps: [{ index: 1, name: 'build', kind: 'dbt', command: 'dbt build', status: 'error', exitCode: 1, startedAt: at(40) }],
  }),
  environment: environmentOf(),
  nodes: [
    node({ executionSeconds: 2.5, rowsAffected: 12, owners: ['ana'], startedAt: at(50), endedAt: at(53) }),
    node({
      uniqueId: 'test.shop.unique_orders_id.1a',
      name: 'unique_orders_id',
      resourceType: 'test',
      status: 'fail',
      failures: 3,
    }),
    node({
      uniqueId: 'unit_test.shop.orders.adds_up',
      name: 'adds_up',
      resourceType: 'unit_test',
      startedAt: at(60),
      endedAt: at(61),
    }),
  ],
  sources: [],
  logCharacters: 1024,
  ...over,
})

test('docs/history.md is that of the code', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/history.md'), 'utf8')
  assert.equal(page, historyPage(), 'docs/history.md is stale: npm run generate')
})

test('a row has exactly the columns of its table, and what is never NULL has a value', () => {
  const sources = parseSources(JSON.stringify({ results: [{ unique_id: 'source.shop.raw.orders', status: 'pass' }] }), {
    step: 1,
    attempt: 1,
  })
  const rows = historyRows(input({ sources }))
  for (const table of HISTORY_TABLES) {
    const columns: readonly Column[] = TABLES[table].columns
    const names = columns.map(column => column.name)
    assert.equal(new Set(names).size, names.length, table)
    assert.ok(rows[table].length > 0, table)
    for (const row of rows[table]) {
      assert.deepEqual(Object.keys(row).sort(), [...names].sort(), table)
      for (const { name, nullable } of columns) {
        const value = (row as Record<string, unknown>)[name]
        assert.ok(value !== undefined && (nullable || value !== null), `${table}.${name}`)
      }
    }
  }
})

test('what ran, how it ended, what it cost', () => {
  const { runs, steps, costs } = historyRows(input())
  const [run] = runs
  assert.deepEqual([run?.status, run?.reason, run?.seconds, run?.queued_seconds], ['error', 'test_failures', 600, 30])
  assert.deepEqual(
    [run?.trigger, run?.triggered_by, run?.scheduled_for?.toISOString()],
    ['schedule', 'default', '2026-11-22T02:00:00.000Z'],
  )
  assert.deepEqual(
    [run?.branch, run?.commit_sha, run?.nodes, run?.nodes_fail, run?.engine],
    ['main', commit.sha, 3, 1, 'core-1.11'],
  )
  assert.deepEqual([steps[0]?.exit_code, steps[0]?.seconds, steps[0]?.nodes, steps[0]?.attempt], [1, null, null, 1])
  const [task, machinery] = costs
  assert.deepEqual([task?.item, task?.vcpu, task?.memory_mib, task?.architecture, task?.seconds], ['task', 1, 2048, 'arm64', 600])
  assert.equal(task?.usd, run?.usd)
  assert.deepEqual([machinery?.item, machinery?.attempt], ['machinery', null])
  assert.ok((machinery?.usd ?? 0) > 0.0003 && (machinery?.usd ?? 0) < 0.002)
})

test('of a run that was opened again the next morning, the time in which it worked', () => {
  const { run } = input()
  const attempts = [
    ...run.attempts,
    attemptOf(2, { taskArn: TASK, dispatchedAt: at(660), startedAt: at(690), stoppedAt: at(790) }),
    attemptOf(3, { taskArn: TASK, dispatchedAt: at(36_000), startedAt: at(36_030), stoppedAt: at(36_230) }),
    attemptOf(4, { dispatchedAt: at(36_240) }),
  ]
  const { runs } = historyRows(input({ run: { ...run, attempts, endedAt: at(36_250) } }))
  assert.deepEqual([runs[0]?.seconds, runs[0]?.busy_seconds], [36_220, 570 + 100 + 200])
  // The clocks of those who noted start and stop differ.
  const backwards = [attemptOf(1, { taskArn: TASK, startedAt: at(30), stoppedAt: at(29) })]
  assert.equal(historyRows(input({ run: { ...run, attempts: backwards } })).runs[0]?.busy_seconds, 0)
})

test('results go to nodes and tests, with what is known of them', () => {
  const { nodes, tests } = historyRows(input())
  assert.deepEqual(
    nodes.map(each => [each.unique_id, each.package_name, each.seconds, each.rows_affected, each.owners, each.commit_sha]),
    [['model.shop.orders', 'shop', 2.5, 12, ['ana'], commit.sha]],
  )
  assert.deepEqual(
    tests.map(each => [each.name, each.status, each.failures, each.tested_node, each.seconds]),
    [
      ['unique_orders_id', 'fail', 3, null, null],
      ['adds_up', 'success', null, 'model.shop.orders', 1],
    ],
  )
})

test('a run without a container has its row and costs nothing', () => {
  const run = runOf(2, { status: 'skipped', reason: 'paused', cause: requested('x'), endedAt: at(1), attempts: [] })
  const rows = historyRows(input({ run, nodes: [] }))
  assert.deepEqual([rows.runs[0]?.usd, rows.runs[0]?.seconds, rows.runs[0]?.busy_seconds], [null, null, null])
  assert.deepEqual([rows.steps, rows.nodes, rows.tests, rows.sources, rows.costs], [[], [], [], [], []])
  const refused = runOf(3, { status: 'error', reason: 'launch_refused', endedAt: at(1), attempts: [attemptOf(1)] })
  assert.deepEqual(historyRows(input({ run: refused, nodes: [] })).costs, [])
})

test('numbers that no column holds are left out, times never run backwards', () => {
  const odd = node({ rowsAffected: 1.5, startedAt: at(60), endedAt: at(50) })
  const large = node({ resourceType: 'test', failures: 2 ** 53 })
  const { run } = input()
  const { runs, nodes, tests } = historyRows(
    input({ run: { ...run, counts: { ...NO_NODES, success: 2 ** 40 } }, nodes: [odd, large] }),
  )
  assert.deepEqual(
    [nodes[0]?.rows_affected, nodes[0]?.seconds, tests[0]?.failures, runs[0]?.nodes_success],
    [null, 0, null, null],
  )
})

test('freshness is read from sources.json as dbt 1.x writes it, and nothing else', () => {
  const results = [
    {
      unique_id: 'source.shop.raw.orders',
      max_loaded_at: '2026-11-20T10:00:00+00:00',
      snapshotted_at: '2026-11-22T02:00:30.5',
      max_loaded_at_time_ago_in_s: 144_030.5,
      status: 'warn',
      criteria: { warn_after: { count: 1, period: 'day' }, error_after: { count: null, period: null }, filter: 'ok' },
      execution_time: 0.2,
    },
    { unique_id: 'source.shop.raw.gone', error: 'Catalog Error: no table', status: 'runtime error' },
    { unique_id: 7, status: 'pass' },
    { unique_id: 'source.shop.raw.x', status: 'no such status' },
    null,
  ]
  const sources = parseSources(JSON.stringify({ results }), { step: 2, attempt: 1 })
  const rows = historyRows(input({ sources })).sources
  assert.deepEqual(
    rows.map(row => [
      row.source_name,
      row.name,
      row.status,
      row.age_seconds,
      row.warn_after_seconds,
      row.error_after_seconds,
      row.message,
    ]),
    [
      ['raw', 'orders', 'warn', 144_030.5, 86_400, null, null],
      ['raw', 'gone', 'error', null, null, null, 'Catalog Error: no table'],
    ],
  )
  assert.equal(rows[0]?.max_loaded_at?.toISOString(), '2026-11-20T10:00:00.000Z')
  assert.equal(rows[0]?.snapshotted_at?.toISOString(), '2026-11-22T02:00:30.500Z')
  for (const text of ['', '[]', '{"results": 1}', '{']) assert.deepEqual(parseSources(text, { step: 1, attempt: 1 }), [])
})

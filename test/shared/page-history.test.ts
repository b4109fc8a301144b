/** What the pages ask of the history, over files as finisher and compactor leave them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { writeTable } from '../../lambda/common/parquet.ts'
import { SCHEMA_VERSION } from '../../shared/contract.ts'
import { HISTORY_KEY, type HistoryIndex } from '../../shared/history-index.ts'
import type { NodeHistory } from '../../shared/page-api.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { configOf } from '../fakes/records.ts'
import { endedRun, makeCompactor, nodesOf } from '../lambda/compactor-fixture.ts'
import { makeHistory } from '../site/history.ts'
import { putTables } from '../site/tables.ts'
import { askOver } from './page-asked.ts'

const options = { timeout: 20_000 }
const DAY = 24 * 60
const MODEL = 'model.shop.model_0001'

const bodies = ({ objects }: FakeCloud) => new Map([...objects].map(([key, { body }]) => [key, body]))
const ids = ({ runs }: NodeHistory) => runs.map(({ run }) => run)
const newestFirst = (runs: readonly RunRecord[]) =>
  runs
    .map(run => run.id)
    .sort()
    .reverse()

test(
  'a node: files of months, of days and of runs; one that was opened again counts once, by its last end',
  options,
  async () => {
    const made = makeCompactor(makeCloud(configOf()), 8)
    const runs = [-45, -44, -43, -3, -1, 0].flatMap((day, i) => [0, 1].map(n => endedRun(i * 10 + n, day * DAY + n * 20)))
    for (const run of runs) await made.poke(await made.finish(run))
    await made.daily()
    const [again] = runs.slice(-6)
    assert.ok(again)
    const failed = nodesOf(2).map(node => ({ ...node, status: 'error' as const, message: 'x'.repeat(1000) }))
    await made.poke(await made.finish({ ...again, status: 'error', endedAt: '2026-11-22T01:00:00.000Z' }, failed))
    const { days, months } = made.index()
    assert.deepEqual(
      [months.length > 0, days.filter(day => day.generation).length, days.flatMap(day => day.tail).length],
      [true, 1, 5],
    )

    const { node, parquets } = askOver(bodies(made.cloud), made.cloud.deps.now())
    const year = await node(MODEL, 366)
    assert.deepEqual(ids(year), newestFirst(runs))
    assert.equal(year.leftOut, undefined)
    const reopened = year.runs.find(({ run }) => run === again.id)
    assert.deepEqual([reopened?.status, reopened?.message?.length], ['error', 400])
    assert.ok(year.runs.every(({ status, message }) => (status === 'success') === (message === undefined)))
    const before = parquets().length
    assert.deepEqual(ids(await node(MODEL, 10)), newestFirst(runs.slice(6)))
    assert.ok(
      !parquets()
        .slice(before)
        .some(key => key.includes('/month=')),
      'only the days that were asked for',
    )
  },
)

test('a node that no run built, of another environment, and before any run has ended: an empty answer', options, async () => {
  const made = makeCompactor()
  const empty = askOver(new Map(), made.cloud.deps.now())
  assert.deepEqual(await empty.node(MODEL), { runs: [] })
  assert.deepEqual(await empty.sources(), { sources: [] })
  await made.poke(await made.finish(endedRun(1, -60)))
  const { node, parquets, sources } = askOver(bodies(made.cloud), made.cloud.deps.now())
  assert.deepEqual(await node(MODEL, 30, 'shop/staging'), { runs: [] })
  assert.deepEqual(parquets(), [], 'the page of the day says that no run of the tail is of that environment')
  assert.deepEqual(await node('model.shop.unknown'), { runs: [] })
  assert.deepEqual(await sources(), { sources: [] })
})

test('names and numbers that can be none are refused', options, async () => {
  const { ask, reads } = askOver(new Map(), new Date())
  const id = encodeURIComponent(MODEL)
  for (const path of [
    `/api/nodes/shop/prod`,
    `/api/nodes/shop/?id=${id}`,
    `/api/nodes/${encodeURIComponent('a/b')}/prod?id=${id}`,
    `/api/nodes/shop/prod?id=${'x'.repeat(1001)}`,
    ...['0', '367', '1.5', 'all'].map(days => `/api/nodes/shop/prod?id=${id}&days=${days}`),
  ])
    await assert.rejects(ask(path), /asked for as|from 1 to 366/, path)
  assert.deepEqual(reads, [])
})

test('an answer that takes too long ends, and says how far back it goes', options, async () => {
  const made = makeCompactor()
  const runs = Array.from({ length: 12 }, (_, i) => endedRun(i, (i - 12) * DAY))
  for (const run of runs) await made.poke(await made.finish(run))
  await made.daily()
  const { node } = askOver(bodies(made.cloud), made.cloud.deps.now(), { late: 4000 })
  const found = await node(MODEL)
  assert.ok(found.runs.length > 0 && found.runs.length < runs.length)
  assert.deepEqual(ids(found), newestFirst(runs).slice(0, found.runs.length), 'the newest ones')
  const missing = newestFirst(runs)[found.runs.length] ?? ''
  assert.equal(found.leftOut?.replaceAll('-', ''), missing.slice(0, 8))
})

test('more runs than an answer holds: the newest of them', options, async () => {
  const now = new Date('2026-11-22T12:00:00Z')
  const { index, objects } = makeHistory({ runs: 60, now })
  const [day] = index.days
  assert.ok(day)
  const row = (n: number) => ({
    run_id: `20261119T${String(100_000 + n)}-aaaaaaaaaaaa`,
    project: 'shop',
    environment: 'prod',
    job: 'nightly',
    claimed_at: now,
    commit_sha: null,
    step: 1,
    attempt: 1,
    earlier_failures: 0,
    unique_id: MODEL,
    name: 'model_1',
    package_name: null,
    resource_type: 'model',
    status: 'success',
    message: null,
    started_at: null,
    ended_at: null,
    seconds: 1,
    rows_affected: null,
    materialized: null,
    relation: null,
    path: null,
    group_name: null,
    owners: null,
    tags: null,
  })
  const packed = { ...day, date: '2026-11-19', generation: 'g', tail: [] }
  const whole: HistoryIndex = { ...index, schemaVersion: SCHEMA_VERSION, days: [packed], months: [] }
  objects.set(HISTORY_KEY.index, JSON.stringify(whole))
  const rows = Array.from({ length: 3100 }, (_, n) => row(n))
  objects.set(HISTORY_KEY.day('nodes', packed.date, 'g'), Buffer.from(writeTable('nodes', rows)))
  const found = await askOver(objects, now).node(MODEL)
  assert.deepEqual([found.runs.length, found.runs[0]?.run, found.leftOut], [3000, rows.at(-1)?.run_id, '2026-11-19'])
})

test('sources: the stalest first, checks newest first; of the tail only files that are there are read', options, async () => {
  const now = new Date('2026-11-22T12:00:00Z')
  const history = makeHistory({ runs: 3000, now })
  putTables(history, 30)
  const { sources, parquets } = askOver(history.objects, now)
  const { sources: found, leftOut } = await sources()
  assert.deepEqual([found.length, leftOut], [2, undefined])
  const rank = found.map(({ checks: [check] }) => ['error', 'warn', 'success'].indexOf(check?.status ?? ''))
  assert.deepEqual(rank, [...rank].sort())
  const own = history.runs.filter(run => run.job === 'nightly' && run.startedAt && run.id >= '20261108').map(run => run.id)
  for (const { checks, warnAfter } of found) {
    assert.deepEqual([checks.map(check => check.run), warnAfter], [own, 14_400])
    assert.ok(checks.every(({ at, loadedAt, age }) => Date.parse(at ?? '') - Date.parse(loadedAt ?? '') === (age ?? 0) * 1000))
  }
  const tail = new Set(history.index.days.flatMap(day => day.tail))
  const ofRuns = parquets().filter(key => key.includes('/run='))
  assert.deepEqual(ofRuns.length, own.filter(run => tail.has(run)).length)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parquetMetadata } from 'hyparquet'
import { HISTORY_KEY, HISTORY_TABLES } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { makeCloud } from '../fakes/cloud.ts'
import { configOf } from '../fakes/records.ts'
import { assertWhole, endedRun, makeCompactor, nodesOf, readFile, readTable, withRuns } from './compactor-fixture.ts'

const options = { timeout: 20_000 }
const DAY = 24 * 60

test('a day that is over for 36 hours becomes one file per table, sorted by node, then by time', options, async () => {
  const { made, runs } = await withRuns([-3, -1, 0], 3)
  await made.daily()
  const days = made.index().days
  assert.deepEqual(
    days.map(day => [day.date, day.packed, day.tail.length]),
    [
      ['2026-11-22', undefined, 3],
      ['2026-11-21', undefined, 3],
      ['2026-11-19', 3, 0],
    ],
  )
  const nodes = await readFile(made.cloud, HISTORY_KEY.day('nodes', '2026-11-19', days[2]?.generation ?? ''))
  const keys = nodes.map(row => `${row.unique_id} ${row.run_id}`)
  assert.deepEqual(keys, [...keys].sort())
  assert.ok(nodes[0]?.claimed_at instanceof Date)
  await assertWhole(made, runs)
})

test('files that became one are removed later, when nobody reads by the old index any more', options, async () => {
  const { made, runs } = await withRuns([-3], 2)
  const own = HISTORY_TABLES.map(table => HISTORY_KEY.run(table, '2026-11-19', runs[0]?.id ?? ''))
  const there = () => own.filter(key => made.cloud.objects.has(key)).length
  await made.daily()
  assert.equal(there(), 6)
  await made.daily()
  assert.equal(there(), 6, 'noted now, not removed')
  made.cloud.advance(3601)
  await made.daily()
  assert.equal(there(), 0)
  await assertWhole(made, runs)
  const index = made.index()
  const pages = [...made.cloud.objects.keys()].filter(key => /index\/(days|jobs)\//.test(key))
  assert.deepEqual(pages.sort(), [...index.days.map(day => day.page), ...index.jobs.map(job => job.page)].sort())
})

test('a file that the index does not know yet stays, and its run is found', options, async () => {
  const { made, runs } = await withRuns([-3], 1)
  const lost = endedRun(77, -2 * DAY)
  await made.finish(lost)
  for (let turn = 0; turn < 3; turn++) {
    await made.daily()
    made.cloud.advance(3601)
  }
  await assertWhole(made, [...runs, lost])
})

test('a day with an open run waits', options, async () => {
  const { made } = await withRuns([-3], 2)
  const { endedAt: _, ...open } = endedRun(99, -3 * DAY)
  made.end({ ...open, status: 'running' })
  await made.daily()
  assert.equal(made.index().days[0]?.generation, undefined)
})

test(
  'a run of a compacted day that ends once more counts by its new files at once, and is compacted again',
  options,
  async () => {
    const { made, runs } = await withRuns([-3], 3)
    await made.daily()
    const [first] = runs
    assert.ok(first)
    const again: RunRecord = { ...first, status: 'error', reason: 'timeout', endedAt: '2026-11-22T01:00:00.000Z' }
    await made.poke(await made.finish(again, nodesOf(2)))
    assert.deepEqual(made.index().days[0]?.tail, [first.id])
    await assertWhole(made, runs)
    assert.equal((await readTable(made.cloud, 'runs')).find(row => row.run_id === first.id)?.status, 'error')
    const before = made.index().days[0]?.generation
    await made.daily()
    const [day] = made.index().days
    assert.deepEqual([day?.tail, day?.packed], [[], 3])
    assert.notEqual(day?.generation, before)
    await assertWhole(made, runs)
    assert.equal((await readTable(made.cloud, 'runs')).find(row => row.run_id === first.id)?.status, 'error')
  },
)

test('a closed month becomes files of at most so many rows; a late run goes into the file of its days', options, async () => {
  const made = makeCompactor(makeCloud(configOf()), 4)
  const { runs } = await withRuns([-40, -39, -38, -30, -3], 2, made)
  await made.daily()
  const months = made.index().months
  assert.deepEqual([...new Set(months.map(month => month.month))], ['2026-10'])
  assert.ok(months.length > 1 && months.every(month => month.from <= month.to))
  assert.deepEqual(
    made.index().days.map(day => day.generation !== undefined),
    [true, false, false, false, false],
  )
  await assertWhole(made, runs)
  const [first] = runs
  assert.ok(first)
  await made.poke(await made.finish({ ...first, endedAt: '2026-11-22T01:00:00.000Z' }))
  await assertWhole(made, runs)
  await made.daily()
  assert.ok(made.index().days.every(day => day.tail.length === 0))
  assert.equal(made.index().months.length, months.length)
  await assertWhole(made, runs)
})

test('a day with more than one file holds is written in several', options, async () => {
  const made = makeCompactor(makeCloud(configOf()), 7)
  const counts = { success: 2, warn: 0, error: 0, fail: 0, skipped: 0, 'no-op': 0 }
  const runs = Array.from({ length: 9 }, (_, n) => endedRun(n, -3 * DAY + n, { counts }))
  for (const run of runs) await made.poke(await made.finish(run))
  await made.daily()
  assert.equal(made.index().months.length, 5)
  await assertWhole(made, runs)
  await made.daily()
  assert.equal(made.index().months.length, 5)
})

test('a run whose files are gone gets them again from its record and its log', options, async () => {
  const { made, runs } = await withRuns([-3], 2)
  for (const table of HISTORY_TABLES) made.cloud.objects.delete(HISTORY_KEY.run(table, '2026-11-19', runs[0]?.id ?? ''))
  await made.daily()
  assert.equal(made.index().days[0]?.packed, 2)
  await assertWhole(made, runs)
})

test('a group of rows says between which nodes it lies, also where ids begin alike', options, async () => {
  const made = makeCompactor()
  const run = endedRun(1, -3 * DAY)
  await made.poke(await made.finish(run, nodesOf(2, 'a_long_name_that_is_the_same_for_many_models')))
  await made.daily()
  const key = HISTORY_KEY.day('nodes', '2026-11-19', made.index().days[0]?.generation ?? '')
  const { row_groups } = parquetMetadata(made.cloud.objects.get(key)?.body.slice().buffer as ArrayBuffer)
  const column = row_groups[0]?.columns.find(each => each.meta_data?.path_in_schema[0] === 'unique_id')
  assert.equal(column?.meta_data?.statistics?.max_value, 'model.shop.a_long_name_that_is_the_same_for_many_models_0001')
})

test('runs that end while files are compacted are shown and not lost', options, async () => {
  const { made, runs } = await withRuns([-40, -39, -5, -4, -3], 2)
  const late = Array.from({ length: 6 }, (_, n) => endedRun(50 + n, (n % 3) - 5 * DAY))
  const pokes = late.map(async run => made.poke(await made.finish(run)))
  await Promise.all([made.daily(), ...pokes, made.daily()])
  await assertWhole(made, [...runs, ...late])
  await made.daily()
  await assertWhole(made, [...runs, ...late])
})

test('the next compactor goes on where the time of this one was over', options, async () => {
  const { made, runs } = await withRuns([-6, -5, -4, -3], 1)
  let left = 200_000
  made.deps.timeLeft = () => {
    left -= 10_000
    return left
  }
  let turns = 0
  for (made.calls.push({ daily: true }); made.calls.length && turns < 50; turns++) {
    left = 260_000
    await made.poke(made.calls.shift())
  }
  assert.ok(turns > 1 && turns < 50, `${turns} turns`)
  assert.ok(made.index().days.every(day => day.tail.length === 0 && day.packed === 1))
  await assertWhole(made, runs)
})

test('a day that cannot be compacted stays readable and holds up no other', options, async () => {
  const { made, runs } = await withRuns([-4, -3], 2)
  const broken = HISTORY_KEY.run('nodes', '2026-11-18', runs[0]?.id ?? '')
  const good = made.cloud.objects.get(broken)
  assert.ok(good)
  made.cloud.objects.set(broken, { body: new TextEncoder().encode('not a Parquet file'), etag: 'broken' })
  await made.daily()
  assert.deepEqual(
    made.index().days.map(day => [day.date, day.packed]),
    [
      ['2026-11-19', 2],
      ['2026-11-18', undefined],
    ],
  )
  assert.ok(made.cloud.lines.some(line => line.includes('files could not be compacted')))
  made.cloud.objects.set(broken, good)
  await made.daily()
  await assertWhole(made, runs)
  assert.ok(made.index().days.every(day => day.packed === 2))
})

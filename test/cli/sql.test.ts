import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { endedRun, withRuns } from '../lambda/compactor-fixture.ts'
import { ask, type Objects, refusal, root } from './sql-ask.ts'
import { makeHistory, runRow } from './sql-history.ts'

/** 60 runs in two months of 200 nodes each, whose messages no compression makes small. */
function largeHistory(): Objects {
  const noise = (text: string) => createHash('sha512').update(text).digest('base64')
  const runs = Array.from({ length: 60 }, (_, i) => runRow(new Date(Date.UTC(2026, 8, 1 + i, 2)).toISOString()))
  const nodes = runs.flatMap(run =>
    Array.from({ length: 200 }, (_, i) => ({
      ...run,
      unique_id: `model.shop.m${i}`,
      seconds: i,
      message: noise(`${run.run_id} ${i}`),
    })),
  )
  return makeHistory({ runs, nodes }, { months: ['2026-09', '2026-10'] })
}
const large = largeHistory()
const sum = (reads: { bytes: number }[]) => reads.reduce((total, { bytes }) => total + bytes, 0)
const isData = ({ key }: { key: string }) => key.endsWith('.parquet')
const totalOf = (objects: Objects, part: string) =>
  Object.entries(objects).reduce((total, [key, bytes]) => (key.includes(part) ? total + bytes.length : total), 0)

test('only the columns that a question reads are fetched, and once', async () => {
  const objects = large
  const cache = join(root, 'columns')
  const question = 'select count(distinct unique_id) as ids, sum(seconds) as total from nodes'
  const first = await ask(objects, question, { cache })
  assert.deepEqual(first.rows, [{ ids: 200, total: 60 * 19_900 }])
  assert.ok(first.reads.every(({ key }) => key.includes('/nodes/')))
  assert.ok(totalOf(objects, '/nodes/') > 900_000)
  const again = await ask(objects, question, { cache })
  assert.deepEqual([again.rows, again.reads.filter(isData)], [first.rows, []])
  // Other columns of the same files: the rest of them, to the last byte.
  const all = await ask(objects, 'select max(length(message)) as most, count(message) as n from nodes', { cache })
  assert.deepEqual(all.rows, [{ most: 88, n: 12_000 }])
  assert.ok(sum(first.reads) + sum(all.reads) <= totalOf(objects, '/nodes/') * 1.05)
})

test('files of days that the conditions leave out are not fetched', async () => {
  const objects = large
  for (const condition of [
    "day >= '2026-10-05'",
    "claimed_at > timestamptz '2026-10-05 01:00:00+00'",
    "run_id like '202610%'",
    "strftime(day, '%Y-%m') = '2026-10'",
    'day between date_trunc($$month$$, date $$2026-10-09$$) and last_day(date $$2026-10-09$$)',
  ]) {
    const { reads, rows } = await ask(objects, `select min(day) as first, count(*) as n from nodes where ${condition}`)
    const months = new Set(reads.map(({ key }) => /month=[\d-]+/.exec(key)?.[0]))
    assert.deepEqual([...months], ['month=2026-10'], condition)
    assert.match(String(rows[0]?.first), /^2026-10-/, condition)
  }
  // Not about the day alone: nothing may be left out.
  const { rows } = await ask(objects, "select count(*) n from nodes where day >= '2026-10-05' or seconds = 0")
  assert.deepEqual(rows, [{ n: 34 * 1 + 26 * 200 }])
})

test('of a file that is needed the row groups of other days are not fetched', async () => {
  const objects = large
  const of = async (condition: string) => {
    const { reads, rows } = await ask(objects, `select count(message) n, max(message) m from nodes where ${condition}`)
    return { bytes: sum(reads), n: rows[0]?.n }
  }
  const month = await of("day between '2026-09-01' and '2026-09-30'")
  const days = await of("day between '2026-09-01' and '2026-09-03'")
  assert.deepEqual([month.n, days.n], [6000, 600])
  assert.ok(days.bytes < month.bytes, `${days.bytes} of ${month.bytes}`)
})

test('a damaged cache, and one that a plan did not fill, are fetched anew', async () => {
  const objects = large
  const cache = join(root, 'damaged')
  const question = 'select sum(length(message)) n from nodes'
  const { rows } = await ask(objects, question, { cache })
  const folder = join(cache, 'sql')
  const sparse = readdirSync(folder).filter(name => name.endsWith('.sparse'))
  assert.equal(sparse.length, 2)
  for (const name of sparse) {
    const path = join(folder, name)
    const bytes = readFileSync(path)
    // As a crash of the machine may leave it: the ranges are noted, their bytes are not there.
    writeFileSync(path, bytes.fill(0, 0, bytes.length - 20_000))
  }
  const again = await ask(objects, question, { cache })
  assert.deepEqual(again.rows, rows)
  assert.ok(again.reads.length > 0)
})

test('files that a compaction replaced meanwhile: the index is read again, once', async () => {
  const runs = [runRow('2026-11-20T02:00:00Z'), runRow('2026-11-20T03:00:00Z')]
  const tail = makeHistory({ runs })
  const compacted = makeHistory({ runs }, { days: ['2026-11-20'] })
  const objects = { ...tail }
  const { rows } = await ask(objects, 'select count(*) n from runs', {
    onRead() {
      for (const key of Object.keys(tail)) delete objects[key]
      const index = JSON.parse(Buffer.from(compacted[HISTORY_KEY.index] ?? '').toString())
      Object.assign(objects, compacted, { [HISTORY_KEY.index]: Buffer.from(JSON.stringify({ ...index, at: 'later' })) })
    },
  })
  assert.deepEqual(rows, [{ n: 2 }])
  // Gone for good: said, not answered with fewer rows.
  delete tail[Object.keys(tail).find(key => key.includes('/runs/')) ?? '']
  assert.match((await refusal(tail, 'from runs')).message, /run=.* is in the index of the history and not in the bucket/)
})

test('a run that was opened again counts once, with its last end', async () => {
  const run = runRow('2026-11-20T02:00:00Z', { status: 'error' })
  const objects = makeHistory({ runs: [run, runRow('2026-11-20T03:00:00Z')] }, { days: ['2026-11-20'] })
  const again = makeHistory({ runs: [{ ...run, status: 'success' }] })
  const index = JSON.parse(Buffer.from(objects[HISTORY_KEY.index] ?? '').toString())
  index.days[0].tail = [run.run_id]
  Object.assign(objects, again, { [HISTORY_KEY.index]: Buffer.from(JSON.stringify(index)) })
  const { rows } = await ask(objects, 'select status, count(*) n from runs group by all')
  assert.deepEqual(rows, [{ status: 'success', n: 2 }])
})

test('what the finisher and the compactor leave is answered from: months, days, single runs, a run that was opened again', {
  timeout: 20_000,
}, async () => {
  const { made, runs } = await withRuns([-40, -39, -3, 0], 3)
  await made.daily()
  const again = { ...endedRun(-40 * -100, -40 * 24 * 60), status: 'error' as const, endedAt: '2026-11-22T13:00:00.000Z' }
  assert.equal(again.id, runs[0]?.id)
  await made.poke(await made.finish(again))
  const { days, months } = made.index()
  assert.ok(months.length > 0 && days.some(day => day.generation) && days.some(day => day.tail.length === 3))
  const objects = Object.fromEntries([...made.cloud.objects].map(([key, { body }]) => [key, body]))
  const counted = await ask(
    objects,
    'select status, count(*) as n, count(distinct run_id) as runs from runs group by all order by 1',
  )
  assert.deepEqual(counted.rows, [
    { status: 'error', n: 1, runs: 1 },
    { status: 'success', n: 11, runs: 11 },
  ])
  const nodes = await ask(objects, `select count(*) as n, min(seconds) as least from nodes where day < '2026-11-01'`)
  assert.deepEqual(nodes.rows, [{ n: 12, least: 0 }])
  assert.ok(nodes.reads.every(({ key }) => !/day=2026-11/.test(key)))
})

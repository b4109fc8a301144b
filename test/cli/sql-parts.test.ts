import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { addSpan, beginSparse, cacheId, findCached, storeWhole, trimCache } from '../../cli/sql-cache.ts'
import { openDatabase } from '../../cli/sql-database.ts'
import { fetchFiles } from '../../cli/sql-fetch.ts'
import { filesOf } from '../../cli/sql-files.ts'
import { relax } from '../../cli/sql-plan.ts'
import { cutSpans, joinSpans, missingSpans } from '../../cli/sql-spans.ts'
import { UserError } from '../../shared/errors.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { fakeBucket } from './fakes.ts'
import { makeHistory, runRow } from './sql-history.ts'

const span = (start: number, end: number) => ({ start, end })

test('ranges: joined over small gaps, what is missing, cut into pieces', () => {
  assert.deepEqual(joinSpans([span(50, 60), span(0, 10), span(5, 20), span(25, 30)], 4), [
    span(0, 20),
    span(25, 30),
    span(50, 60),
  ])
  assert.deepEqual(joinSpans([span(0, 10), span(12, 20)], 3), [span(0, 20)])
  assert.deepEqual(missingSpans([span(0, 100)], [span(20, 30), span(25, 40), span(90, 120)]), [span(0, 20), span(40, 90)])
  assert.deepEqual(missingSpans([span(10, 20), span(30, 40)], [span(0, 50)]), [])
  assert.deepEqual(cutSpans([span(0, 25)], 10), [span(0, 10), span(10, 20), span(20, 25)])
})

test('conditions on ids and times of claims become weaker ones on the day; others stay', () => {
  const cases = {
    "run_id='20261122T010203-aabbccddeeff'": "day='2026-11-22'",
    "run_id IN ('20261122T010203-a', '20261123T010203-b')": "day IN ('2026-11-22', '2026-11-23')",
    "run_id>='202611' AND run_id<'202612'": "day>='2026-11-01' AND day<='2026-12-01'",
    "claimed_at>'2026-11-22 10:00:00'::TIMESTAMP": "day>='2026-11-22'",
    "claimed_at<'2026-11-22 00:00:00'::TIMESTAMP": "day<='2026-11-22'",
    "(CAST(claimed_at AS TIMESTAMP WITH TIME ZONE) >= '2026-11-20 10:00:00+00'::TIMESTAMP WITH TIME ZONE)": "day>='2026-11-20'",
    "status='2026-11-22'": "status='2026-11-22'",
    "run_id!='20261122T010203-aabbccddeeff'": "run_id!='20261122T010203-aabbccddeeff'",
    "run_id='20261122T010203-a' AND status='x'": "run_id='20261122T010203-a' AND status='x'",
  }
  for (const [condition, expected] of Object.entries(cases)) assert.equal(relax(condition), expected)
})

test('files of the days that are wanted: of a month in several files only those that hold one', async () => {
  const day = (date: string, more: object = {}) => ({ date, runs: 1, tail: [], ...more })
  const month = (generation: string, from: string, to: string) => ({ month: '2026-10', generation, from, to })
  const index = {
    schemaVersion: 1,
    at: '',
    days: [day('2026-11-02', { tail: ['r1'] }), day('2026-11-01', { generation: 'd' }), day('2026-10-20'), day('2026-10-05')],
    months: [month('a', '2026-10-01', '2026-10-15'), month('b', '2026-10-16', '2026-10-31')],
  }
  const keys = async (...days: string[]) => {
    const { compacted, single, superseded } = await filesOf(fakeBucket({}), index, 'runs', new Set(days))
    assert.deepEqual(superseded, [])
    return [...compacted, ...single].map(({ key }) => key)
  }
  assert.deepEqual(await keys('2026-10-20'), [HISTORY_KEY.month('runs', '2026-10', 'b')])
  assert.deepEqual(await keys('2026-10-05', '2026-11-01', '2026-11-02'), [
    HISTORY_KEY.month('runs', '2026-10', 'a'),
    HISTORY_KEY.day('runs', '2026-11-01', 'd'),
    HISTORY_KEY.run('runs', '2026-11-02', 'r1'),
  ])
  assert.deepEqual(await keys(), [])
})

test('the cache: parts of several writers, what was used longest ago goes first, what is in use stays', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-sql-cache-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const id = cacheId('region bucket', 'key', 'tag')
  const [one, two] = [
    await beginSparse(folder, id, { size: 100, etag: '"e"' }),
    await beginSparse(folder, id, { size: 100, etag: '"e"' }),
  ]
  await Promise.all([addSpan(folder, id, one, 0, Buffer.alloc(10, 1)), addSpan(folder, id, two, 90, Buffer.alloc(10, 2))])
  const found = await findCached(folder, id)
  assert.deepEqual([found?.size, found?.etag, found?.have], [100, '"e"', [span(0, 10), span(90, 100)]])
  // A command that is killed while it notes a part.
  writeFileSync(join(folder, `${id}.have`), '10 4', { flag: 'a' })
  assert.deepEqual((await findCached(folder, id))?.have, [span(0, 10), span(90, 100)])

  const now = new Date()
  const used = async (name: string, hours: number) => {
    await storeWhole(folder, name, Buffer.alloc(8192))
    const at = new Date(now.getTime() - hours * 3_600_000)
    utimesSync(join(folder, `${name}.parquet`), at, at)
  }
  await used('old', 50)
  await used('older', 90)
  await used('fresh', 0.5)
  await trimCache(folder, 30_000, now)
  assert.deepEqual(
    readdirSync(folder)
      .filter(name => name.endsWith('.parquet'))
      .sort(),
    ['fresh.parquet', 'old.parquet'],
  )
  await trimCache(folder, 0, now)
  assert.deepEqual(readdirSync(folder).sort(), ['fresh.parquet', `${id}.have`, `${id}.sparse`].sort())
})

test('more than is tolerated is refused before it is fetched, and told when it is much', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-sql-most-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const runs = Array.from({ length: 20 }, (_, i) => runRow(new Date(Date.UTC(2026, 8, 1, i)).toISOString()))
  const nodes = runs.flatMap(run =>
    Array.from({ length: 300 }, (_, i) => ({ ...run, message: randomBytes(60).toString('hex') + i })),
  )
  const objects = makeHistory({ runs, nodes }, { months: ['2026-09'] })
  const database = await openDatabase(folder)
  t.after(() => database.close())
  const bucket = fakeBucket(objects)
  const fetcher = { bucket, database, folder, place: 'x', interrupt: new AbortController().signal, tell: () => undefined }
  const files = [{ key: HISTORY_KEY.month('nodes', '2026-09', 'g1') }]
  const wish = { columns: new Set(['message']), days: { first: '2026-09-01', last: '2026-09-30' }, whole: false }
  await assert.rejects(
    fetchFiles(fetcher, files, { ...wish, most: 100_000 }),
    (error: unknown) =>
      error instanceof UserError && /reads \d+ KB .*/.test(error.message) && /--any-size/.test(error.hint ?? ''),
  )
  assert.equal((await fetchFiles(fetcher, files, { ...wish, most: 10_000_000 })).paths.length, 1)
})

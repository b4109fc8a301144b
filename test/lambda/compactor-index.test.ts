import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { NO_NODES } from '../../shared/run.ts'
import { Crash } from '../fakes/cloud.ts'
import { endedRun, makeCompactor } from './compactor-fixture.ts'

const options = { timeout: 10_000 }
const MINUTES = 60 * 24

test('a run that ended is on the page of its day and of its job, and among the newest', options, async () => {
  const made = makeCompactor()
  const run = endedRun(1, 0, {
    ...{ status: 'error', reason: 'node_failures', message: `${'x'.repeat(300)}\nmore` },
    ...{
      counts: { ...NO_NODES, success: 3, error: 1 },
      commit: { sha: 'a'.repeat(40), author: '', subject: '', committedAt: '' },
    },
  })
  await made.poke(made.end(run))
  const index = made.index()
  const [row] = made.day('2026-11-22')
  assert.ok(row?.usd && row.usd > 0)
  assert.equal(row.message?.length, 160)
  const { usd: _, message: __, ...rest } = row
  assert.deepEqual(rest, {
    ...{ id: run.id, project: 'shop', environment: 'prod', job: 'nightly', status: 'error', reason: 'node_failures' },
    ...{
      trigger: 'schedule',
      by: 'default',
      commit: 'a'.repeat(12),
      startedAt: run.startedAt,
      endedAt: run.endedAt,
      seconds: 60,
    },
    ...{ attempts: 1, counts: { success: 3, error: 1 } },
  })
  assert.deepEqual(made.job('shop/nightly'), [row])
  assert.deepEqual(index.newest, [row])
  assert.deepEqual(
    index.days.map(({ page: _, ...day }) => day),
    [{ date: '2026-11-22', runs: 1, failed: 1, usd: row.usd, tail: [run.id] }],
  )
  const [job] = index.jobs
  assert.deepEqual([job?.job, job?.environment, job?.runs, job?.outcomes], ['shop/nightly', 'prod', 1, ['error']])
})

test('the same runs in any order, alone or together, twice, give the same index', options, async () => {
  const runs = Array.from({ length: 60 }, (_, n) =>
    endedRun(n, -n * 47, {
      seconds: 100 + ((n * 37) % 90),
      job: n % 3 ? 'nightly' : 'hourly',
      status: n % 7 ? 'success' : 'error',
    }),
  )
  const orders = [runs, [...runs].reverse(), [...runs].sort((a, b) => (a.id.slice(-1) < b.id.slice(-1) ? -1 : 1))]
  const indexes = []
  for (const [at, order] of orders.entries()) {
    const made = makeCompactor()
    const events = order.map(run => made.end(run))
    if (at === 2) await made.poke({ day: '2026-11-20', runs: events.flatMap(each => each.runs) })
    else for (const event of events) await made.poke(event)
    for (const event of events.slice(0, 9)) await made.poke({ day: event.day })
    const { at: _, ...index } = made.index()
    indexes.push(index)
  }
  assert.deepEqual(indexes[1], indexes[0])
  assert.deepEqual(indexes[2], indexes[0])
  assert.equal(indexes[0]?.newest.length, 60)
  assert.ok(indexes[0]?.jobs[0]?.usualSeconds)
})

test('what is usual is that of the good runs before', options, async () => {
  const made = makeCompactor()
  for (const [n, seconds] of [100, 120, 140, 900].entries()) await made.poke(made.end(endedRun(n, n * 60, { seconds })))
  assert.deepEqual(
    made.job('shop/nightly').map(row => row.usualSeconds),
    [120, undefined, undefined, undefined],
  )
  assert.equal(made.index().jobs[0]?.usualSeconds, 140)
})

test(
  'a run that was opened again keeps its row until it ends, then has the new one and counts by its own files',
  options,
  async () => {
    const made = makeCompactor()
    const run = endedRun(1, 0, { status: 'error', reason: 'timeout' })
    await made.poke(made.end(run))
    const { endedAt: _, ...open } = run
    await made.poke(made.end({ ...open, status: 'running' }))
    assert.equal(made.day('2026-11-22')[0]?.status, 'error')
    await made.poke(made.end({ ...run, status: 'success', endedAt: '2026-11-22T05:00:00.000Z' }))
    assert.deepEqual(
      [made.day('2026-11-22').map(row => row.status), made.index().days[0]?.tail, made.index().jobs[0]?.runs],
      [['success'], [run.id], 1],
    )
  },
)

test(
  'fault 37: dead after each of its writes, the compactor leaves the old index or the new one, and the next call completes it',
  options,
  async () => {
    for (let writes = 0; ; writes++) {
      const made = makeCompactor()
      await made.poke(made.end(endedRun(1, -MINUTES)))
      const before = made.index()
      const event = made.end(endedRun(2, 0, { job: 'hourly' }))
      made.cloud.crashAfter(writes)
      const died = await made.poke(event).then(
        () => false,
        (error: unknown) => error instanceof Crash || Promise.reject(error),
      )
      assert.deepEqual(made.index().days.length === 1 ? made.index() : before, before)
      for (const day of made.index().days) assert.equal(made.day(day.date).length, 1)
      made.cloud.crashAfter(undefined)
      made.cloud.advance(301)
      await made.poke({})
      assert.deepEqual(
        made.index().newest.map(row => row.job),
        ['hourly', 'nightly'],
      )
      if (!died) {
        assert.equal(writes, 3, 'two pages and current.json')
        return
      }
    }
  },
)

test('pokes at the same moment: one compactor writes, none is lost', options, async () => {
  const made = makeCompactor()
  const events = Array.from({ length: 30 }, (_, n) => made.end(endedRun(n, -n * 60)))
  await Promise.all(events.map(event => made.poke(event)))
  assert.equal(made.index().newest.length, 30)
  const written = [...made.cloud.objects.keys()].filter(key => key.startsWith(HISTORY_KEY.root))
  assert.ok(written.length < 30, `${written.length} pages: the holder takes what the others noted together`)
})

test('many runs at once are noted by their day', options, async () => {
  const made = makeCompactor()
  const runs = Array.from({ length: 700 }, (_, n) => made.end(endedRun(n, n / 100, { job: `job_${n % 5}` })).runs[0] ?? '')
  for (let from = 0; from < runs.length; from += 100) await made.deps.store.compactLease.note(runs.slice(from, from + 100))
  const noted = made.cloud.store.table.items.get('LEASE#compactor')?.again as Set<string>
  assert.ok(noted.size < 320, `${noted.size}`)
  await made.poke({})
  assert.equal(made.day('2026-11-22').length, 700)
  assert.equal(made.index().newest.length, 200)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rebuildHistory } from '../../lambda/api/rebuild.ts'
import { HISTORY_KEY, HISTORY_TABLES } from '../../shared/history-index.ts'
import { makeCloud } from '../fakes/cloud.ts'
import { configOf } from '../fakes/records.ts'
import { assertWhole, type Compactor, endedRun, makeCompactor, nodesOf, readTable, withRuns } from './compactor-fixture.ts'

const options = { timeout: 20_000 }

/** What readers find, in an order of its own. */
async function answersOf(made: Compactor) {
  const tables: unknown[] = []
  for (const table of HISTORY_TABLES)
    tables.push(
      (await readTable(made.cloud, table))
        .map(row => JSON.stringify(row, (_, value) => (typeof value === 'bigint' ? `${value}` : value)))
        .sort(),
    )
  const { at: _, days, ...index } = made.index()
  return {
    tables,
    days: days.map(({ date, runs, usd, page }) => ({ date, runs, usd, page })),
    jobs: index.jobs,
    newest: index.newest,
  }
}

async function rebuild(made: Compactor, request: { from?: string; to?: string } = {}): Promise<void> {
  const compact = (payload: object) => made.poke(payload)
  const answer = await rebuildHistory({ ...made.cloud.deps, compact }, { operation: 'rebuild', ...request })
  assert.ok(answer.ok && answer.span)
}

test('a history that was deleted is made again from table and bucket, and answers the same', options, async () => {
  const { made, runs } = await withRuns([-40, -39, -3, 0], 2, makeCompactor(makeCloud(configOf()), 20))
  await made.daily()
  const before = await answersOf(made)
  for (const key of [...made.cloud.objects.keys()]) if (key.startsWith('history/')) made.cloud.objects.delete(key)
  await rebuild(made)
  assert.deepEqual(await answersOf(made), before)
  await assertWhole(made, runs)
  assert.deepEqual([made.index().months.length, made.index().days.filter(day => day.packed).length], [1, 1])
})

test('an index that cannot be read, a page that is gone: the rebuild mends both, and counts no run twice', options, async () => {
  const { made, runs } = await withRuns([-3, 0], 2)
  const before = await answersOf(made)
  made.cloud.objects.delete(made.index().days[0]?.page ?? '')
  await assert.rejects(made.poke(await made.finish(endedRun(500, 1))), /tidemill history rebuild/)
  await rebuild(made)
  assert.deepEqual(made.index().jobs[0]?.runs, runs.length + 1)
  made.cloud.objects.set(HISTORY_KEY.index, { body: new TextEncoder().encode('{"schemaVersion":'), etag: 'half' })
  await rebuild(made)
  assert.deepEqual(
    made.index().jobs.map(job => [job.job, job.runs]),
    [['shop/nightly', runs.length + 1]],
  )
  assert.deepEqual((await answersOf(made)).days.at(-1), before.days.at(-1))
})

test('some days are written anew while all others stay as they are', options, async () => {
  const { made, runs } = await withRuns([-4, -3], 2)
  await made.daily()
  const [kept, renewed] = [...made.index().days].reverse().map(day => day.generation)
  const [, , first] = runs
  assert.ok(first)
  await made.finish(first, nodesOf(2, 'new'))
  await rebuild(made, { from: '2026-11-19', to: '2026-11-19' })
  const [before, after] = [...made.index().days].reverse().map(day => day.generation)
  assert.equal(before, kept)
  assert.notEqual(after, renewed)
  await assertWhole(made, runs)
  const names = (await readTable(made.cloud, 'nodes')).filter(row => row.run_id === first.id).map(row => row.name)
  assert.deepEqual(names.sort(), ['new_0', 'new_1'])
})

test('a rebuild goes on with the day where a compactor stopped', options, async () => {
  const { made, runs } = await withRuns([-6, -5, -4, -3], 1)
  for (const key of [...made.cloud.objects.keys()]) if (key.startsWith('history/')) made.cloud.objects.delete(key)
  let left = 0
  made.deps.timeLeft = () => {
    left -= 20_000
    return left
  }
  made.calls.push({ rebuild: { from: '2026-11-14', to: '2026-11-22' } })
  let turns = 0
  for (; made.calls.length && turns < 60; turns++) {
    left = 440_000
    await made.poke(made.calls.shift())
  }
  assert.ok(turns > 1 && turns < 60, `${turns}`)
  await assertWhole(made, runs)
})

test('days before what is kept are not asked for', options, async () => {
  const cloud = makeCloud(configOf())
  const asked: object[] = []
  const deps = { ...cloud.deps, compact: async (payload: object) => void asked.push(payload) }
  await rebuildHistory(deps, { operation: 'rebuild', from: '2020-01-01' })
  assert.deepEqual(asked, [{ rebuild: { from: '2026-08-24', to: '2026-11-22' } }])
  await assert.rejects(rebuildHistory(deps, { operation: 'rebuild', to: '2020-01-01' }), /There is no history between/)
})

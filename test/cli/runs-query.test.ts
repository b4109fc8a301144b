import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findRuns, resolveRun, timeOfRun } from '../../cli/runs-query.ts'
import { UserError } from '../../shared/errors.ts'
import type { RunRecord } from '../../shared/run.ts'
import { fakeConnection, fakeTable, makeRun, NOW } from './fakes.ts'

/** One run an hour back from now, of alternating jobs. */
const runs = Array.from({ length: 60 }, (_, i) => {
  const at = new Date(NOW.getTime() - i * 3_600_000)
  const id = `${at.toISOString().slice(0, 19).replace(/[-:]/g, '')}-${i.toString(16).padStart(12, '0')}`
  return makeRun(id, { job: i % 2 ? 'hourly' : 'nightly', status: i % 10 === 0 ? 'error' : 'success' })
})
const ids = (found: RunRecord[]) => found.map(run => run.id)

test('runs of all jobs come newest first over days and shards, as many as wanted', async () => {
  assert.deepEqual(ids(await findRuns(fakeTable(runs), { limit: 40 }, NOW)), ids(runs.slice(0, 40)))
})

test('job, status and since each narrow the list', async () => {
  const table = fakeTable(runs)
  const hourly = await findRuns(table, { job: 'shop/hourly', limit: 5 }, NOW)
  assert.deepEqual(ids(hourly), ids(runs.filter(run => run.job === 'hourly').slice(0, 5)))
  const failed = await findRuns(table, { status: ['error'], limit: 100 }, NOW)
  assert.deepEqual(ids(failed), ids(runs.filter(run => run.status === 'error')))
  const since = new Date(NOW.getTime() - 3 * 3_600_000)
  assert.equal((await findRuns(table, { since, limit: 100 }, NOW)).length, 4)
  assert.equal((await findRuns(table, { job: 'shop/nightly', since, limit: 100 }, NOW)).length, 2)
})

test('of a busy day no more is read than needed', async () => {
  const table = fakeTable(runs)
  await findRuns(table, { limit: 3 }, NOW)
  assert.ok(table.reads <= 24, `${table.reads} runs were read for three`)
})

test('a run is found by its id, a part of it, last, or its job', async () => {
  const connection = fakeConnection({ runs })
  const resolve = async (word: string) => (await resolveRun(connection, word, NOW)).id
  const [newest, second] = ids(runs)
  assert.equal(await resolve(newest ?? ''), newest)
  assert.equal(await resolve('last'), newest)
  assert.equal(await resolve('hourly'), second)
  assert.equal(await resolve('shop/hourly'), second)
  assert.equal(await resolve((second ?? '').slice(0, 13)), second)
  assert.equal(await resolve('00003b'), ids(runs)[0x3b])
})

test('a part that fits several runs, or none, is refused with what to do', async () => {
  const connection = fakeConnection({ runs })
  const refusal = (word: string, pattern: RegExp) =>
    assert.rejects(
      resolveRun(connection, word, NOW),
      (error: unknown) => error instanceof UserError && pattern.test(`${error.message} ${error.hint}`),
    )
  await refusal('20261122', /fits 13 runs: .*, … Give more/)
  await refusal('fffffff', /No run and no job is called "fffffff".*shop\/nightly/)
  await refusal('no such thing', /No run and no job/)
  await refusal('20261122T120000-ffffffffffff', /There is no run 20261122T120000-ffffffffffff/)
})

test('an item that is no run we know is said, not shown', async () => {
  const connection = fakeConnection({ runs: [makeRun('20261122T110000-aaaaaaaaaaaa', { status: 'exploded' as never })] })
  await assert.rejects(resolveRun(connection, '20261122T110000-aaaaaaaaaaaa', NOW), /form that this version does not know/)
})

test('the time of a claim is in the id', () => {
  assert.equal(timeOfRun('20261122T010004-9f3ac2d1b7e4').toISOString(), '2026-11-22T01:00:04.000Z')
})

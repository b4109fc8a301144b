import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runEffects } from '../../lambda/common/effects.ts'
import { counts, NO_ENDS, noteEnd } from '../../lambda/common/fan-in.ts'
import type { FanInEnd } from '../../lambda/common/store.ts'
import type { Upstreams } from '../../shared/config-after.ts'
import { causeString } from '../../shared/contract.ts'
import type { FinalStatus, RunRecord } from '../../shared/run.ts'
import { Crash, makeCloud } from '../fakes/cloud.ts'
import { at, configOf, jobOf, runId, runOf } from '../fakes/records.ts'
import { generator } from '../shared/config-helper.ts'

const options = { timeout: 20_000 }
const after: Upstreams = { jobs: ['shop/a', 'shop/b'], status: ['success', 'warn'], partial: false, withinSeconds: null }
const follower = (over: Partial<Upstreams> = {}) =>
  jobOf({ name: 'report', schedules: [], overlap: 'allow', afterAll: { ...after, ...over } })
const cloudWith = (over: Partial<Upstreams> = {}) =>
  makeCloud(configOf([jobOf({ name: 'a' }), jobOf({ name: 'b' }), jobOf({ name: 'c' }), follower(over)]))
type Cloud = ReturnType<typeof cloudWith>

const ended = (cloud: Cloud, job: string, number: number, status: FinalStatus = 'success', over: Partial<RunRecord> = {}) =>
  runOf(number, {
    job,
    status,
    endedAt: at(number * 60),
    config: cloud.config,
    effects: ['downstream'],
    ...over,
    id: runId(number, number * 60),
  })
const end = (cloud: Cloud, job: string, number: number, status?: FinalStatus, over?: Partial<RunRecord>) =>
  runEffects(cloud.deps, ended(cloud, job, number, status, over))

/** Causes of the starts, in the order of their claims. */
async function starts(cloud: Cloud): Promise<string[]> {
  const runs = await cloud.store.runs((await cloud.store.open('WAIT#')).map(entry => entry.pk.slice(4)))
  return runs.filter(run => run.job === 'report').map(run => run.causeString)
}
const startOf = (...numbers: number[]) =>
  `upstream ${numbers
    .map(number => runId(number, number * 60))
    .sort()
    .join('+')} shop/report`

test('a job after two starts once when both have ended, whichever is the last', options, async () => {
  for (const order of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const cloud = cloudWith()
    await end(cloud, order[0], 1)
    assert.deepEqual(await starts(cloud), [])
    await end(cloud, order[1], 2)
    assert.deepEqual(await starts(cloud), [startOf(1, 2)])
    const [run] = await cloud.store.runs((await cloud.store.open('WAIT#')).map(entry => entry.pk.slice(4)))
    assert.deepEqual(run?.cause, {
      kind: 'upstream',
      run: runId(2, 120),
      job: `shop/${order[1]}`,
      status: 'success',
      others: [{ run: runId(1, 60), job: `shop/${order[0]}`, status: 'success' }],
    })
    assert.deepEqual(cloud.calls.at(-1), { to: 'dispatch', payload: { runs: [run?.id] } })
  }
})

test('the cause is the set of runs: the same whoever of them ended last', () => {
  const cause = (run: string, job: string, other: string, otherJob: string) =>
    causeString('shop/report', {
      kind: 'upstream', run, job, status: 'success', others: [{ run: other, job: otherJob, status: 'warn' }],
    }) // biome-ignore format: one line
  assert.equal(cause('r1', 'shop/a', 'r2', 'shop/b'), cause('r2', 'shop/b', 'r1', 'shop/a'))
  assert.notEqual(cause('r1', 'shop/a', 'r2', 'shop/b'), cause('r1', 'shop/a', 'r3', 'shop/b'))
})

test('of a job that ran twice the newest run counts, and what was used starts nothing again', options, async () => {
  const cloud = cloudWith()
  for (const [job, number] of [
    ['a', 1],
    ['a', 2],
    ['b', 3],
    ['b', 4],
  ] as const)
    await end(cloud, job, number)
  assert.deepEqual(await starts(cloud), [startOf(2, 3)])
  await end(cloud, 'a', 5)
  assert.deepEqual(await starts(cloud), [startOf(2, 3), startOf(4, 5)])
})

test('a failure takes the good run before it back; the next good one counts', options, async () => {
  const cloud = cloudWith()
  await end(cloud, 'a', 1)
  await end(cloud, 'a', 2, 'error')
  await end(cloud, 'b', 3)
  assert.deepEqual(await starts(cloud), [])
  await end(cloud, 'a', 4)
  assert.deepEqual(await starts(cloud), [startOf(3, 4)])
})

test('a failed run that goes on and ends well counts; a skipped one says nothing', options, async () => {
  const cloud = cloudWith()
  await end(cloud, 'b', 1)
  await end(cloud, 'a', 2, 'error')
  await end(cloud, 'b', 3, 'skipped')
  // `tidemill retry`: the same run ends again, later.
  await end(cloud, 'a', 2, 'success', { endedAt: at(600) })
  assert.deepEqual(await starts(cloud), [startOf(1, 2)])
})

test('runs of other steps do not count, unless the job says so', options, async () => {
  const overrides = { steps: ['dbt build --select x'] }
  for (const [partial, expected] of [
    [false, []],
    [true, [startOf(1, 2)]],
  ] as const) {
    const cloud = cloudWith({ partial })
    await end(cloud, 'a', 1)
    await end(cloud, 'b', 2, 'success', { overrides })
    assert.deepEqual(await starts(cloud), expected)
  }
  const single = makeCloud(
    configOf([jobOf({ name: 'a' }), jobOf({ name: 'report', after: { job: 'shop/a', status: ['success'] } })]),
  )
  await end(single, 'a', 1, 'success', { overrides })
  assert.deepEqual(await starts(single), [])
  await end(single, 'a', 2, 'success', { overrides: { fullRefresh: true } })
  assert.equal((await starts(single)).length, 1)
  assert.equal(counts(after, runOf(1, { status: 'skipped' })), false)
  const slice = { backfill: 'b', start: at(0), end: at(60), number: 1 }
  const ofBackfill = runOf(1, { status: 'success', cause: { kind: 'request', actor: 'ana', idempotencyKey: 'k', slice } })
  assert.deepEqual([counts(after, ofBackfill), counts({ ...after, partial: true }, ofBackfill)], [false, true])
})

test('with `within`, ends of different days are not put together', options, async () => {
  const day = 24 * 60
  const cloud = cloudWith({ withinSeconds: 12 * 3600 })
  await end(cloud, 'a', 60)
  // Late by a day: it belongs to nothing any more, and does not shift the days after.
  await end(cloud, 'b', day + 30)
  assert.deepEqual(await starts(cloud), [])
  await end(cloud, 'a', day + 60)
  assert.deepEqual(await starts(cloud), [startOf(day + 30, day + 60)])
  const shifted = cloudWith({ withinSeconds: 12 * 3600 })
  await end(shifted, 'b', 30)
  await end(shifted, 'a', day + 1)
  assert.deepEqual(await starts(shifted), [])
  await end(shifted, 'b', day + 90)
  assert.deepEqual(await starts(shifted), [startOf(day + 1, day + 90)])
})

test('fault 01: the same ends delivered again, also long after, start nothing twice', options, async () => {
  const cloud = cloudWith()
  const deliveries = [
    ['a', 1],
    ['b', 2],
    ['a', 1],
    ['b', 2],
    ['a', 3],
    ['a', 1],
    ['b', 2],
    ['b', 4],
    ['a', 3],
    ['b', 4],
  ] as const
  for (const [job, number] of deliveries) await end(cloud, job, number)
  assert.deepEqual(await starts(cloud), [startOf(1, 2), startOf(3, 4)])
})

test('fault 01: two ends at the same moment in many Lambdas make one start', options, async () => {
  const cloud = cloudWith()
  const both = [ended(cloud, 'a', 1), ended(cloud, 'b', 2)]
  const failed = await Promise.all(Array.from({ length: 20 }, (_, i) => runEffects(cloud.deps, both[i % 2] as RunRecord)))
  assert.deepEqual(failed.flat(), [])
  assert.deepEqual(await starts(cloud), [startOf(1, 2)])
  assert.deepEqual((await cloud.store.fanIn('shop/report'))?.due, [])
})

test('fault 35: who dies after any of its writes is completed by the next delivery, with one start', options, async () => {
  let crashes = 0
  for (let writes = 0; ; writes++) {
    const cloud = cloudWith()
    await end(cloud, 'a', 1)
    cloud.crashAfter(writes)
    const failed = await end(cloud, 'b', 2).catch(error => {
      assert.ok(error instanceof Crash)
      return ['downstream']
    })
    cloud.crashAfter(undefined)
    if (failed.length === 0) break
    crashes++
    // A newer run of the other job ends before the delivery comes again: the decided start stays as it is.
    await end(cloud, 'a', 3)
    await end(cloud, 'b', 2)
    const found = await starts(cloud)
    assert.deepEqual(found, writes === 0 ? [startOf(2, 3)] : [startOf(1, 2)], `after ${writes} writes`)
  }
  assert.ok(crashes >= 4, `only ${crashes} crashes`)
})

test('any order of the same ends gives each job one place: no run is used twice, and a rest is never lost', options, () => {
  const random = generator(7)
  const three: Upstreams = { ...after, jobs: ['shop/a', 'shop/b', 'shop/c'] }
  for (let trial = 0; trial < 2000; trial++) {
    const ends: FanInEnd[] = Array.from({ length: 12 }, (_, i) => ({
      job: three.jobs[random(3)] ?? '',
      run: runId(i),
      status: random(5) === 0 ? 'error' : 'success',
      endedAt: at(i),
    }))
    let state = NO_ENDS
    const deliveries = [...ends, ...ends].sort(() => random(3) - 1)
    for (const each of deliveries) state = noteEnd(state, three, each) ?? state
    const used = state.due.flat().map(each => each.run)
    assert.equal(new Set(used).size, used.length, `trial ${trial}`)
    for (const set of state.due)
      assert.deepEqual(
        set.map(each => [each.job, each.status]),
        three.jobs.map(job => [job, 'success']),
      )
    // What is left is the newest run of each job that no start has used.
    for (const job of three.jobs) {
      const newest =
        ends
          .filter(each => each.job === job)
          .map(each => each.run)
          .sort()
          .at(-1) ?? ''
      const waits = state.ends[job]?.run
      assert.ok(newest === '' || waits === newest || (state.used[job] ?? '') === newest, `trial ${trial} ${job}`)
    }
  }
})

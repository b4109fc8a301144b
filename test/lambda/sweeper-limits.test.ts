import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { at, attemptOf, configOf, hashOf, jobOf, runId, runOf, taskArn } from '../fakes/records.ts'
import { request, states, withRuns } from './dispatcher-fixture.ts'

const options = { timeout: 20_000 }

/** A cloud with so many runs whose tasks have ended, and no event of it ever came. */
function withEnded(count: number, change: (run: RunRecord, number: number) => Partial<RunRecord>): FakeCloud {
  const config = configOf([jobOf({ notify: [] })])
  const cloud = makeCloud(config)
  for (let number = 1; number <= count; number++) {
    const attempt = attemptOf(1, { taskArn: taskArn(number), startedAt: at(10) })
    const run = { ...request(number), status: 'running', startedAt: at(10), config: hashOf(config), attempts: [attempt] } as const
    cloud.store.plant({ ...run, attempts: [attempt], ...change({ ...run, attempts: [attempt] }, number) })
    const containers = stopOf(1).containers ?? []
    const task = { taskArn: taskArn(number), startedBy: `${run.id}/1`, input: {}, version: 9, containers }
    cloud.ecs.tasks.set(run.id, { ...task, ...stopOf(1, { stoppedAt: at(60) }) } as never)
  }
  cloud.advance(600)
  return cloud
}

/** A turn in which each reading of what a task left takes seconds. */
async function sweepFor(cloud: FakeCloud, seconds: number): Promise<void> {
  const from = cloud.deps.now().getTime()
  const { bucket } = cloud.deps
  const read: typeof bucket.read = (key, most) => {
    if (key.startsWith('runs/')) cloud.advance(seconds)
    return bucket.read(key, most)
  }
  await sweep({ ...cloud.deps, bucket: { ...bucket, read }, timeLeft: () => 280_000 - (cloud.deps.now().getTime() - from) })
  cloud.advance(300)
}

test(
  'fault 33: more open runs than a turn has time for: the next turn goes on, also past those that nothing can be done about',
  options,
  async () => {
    // The first 60 have a configuration that nobody can read.
    const cloud = withEnded(240, (_, number) => (number <= 60 ? { config: 'f'.repeat(64) } : {}))
    const left = async () => (await cloud.store.open('RUN#')).length
    const after: number[] = []
    for (let turn = 0; turn < 12; turn++) {
      await sweepFor(cloud, 1)
      after.push(await left())
    }
    assert.ok((after[0] ?? 0) > 100, `one turn had no time for all: ${after}`)
    assert.equal(after.at(-1), 60, `what can be ended is ended: ${after}`)
    assert.ok(cloud.lines.some(line => line.includes('no time for all open runs')))
    await sweep(cloud.deps)
    assert.equal((await cloud.store.sweep.read())?.tasksFrom, undefined, 'a whole turn has nothing to go on behind')
  },
)

test(
  'fault 12: a place of a run that is over, or that nobody knows, is given back when somebody waits for it; others stay',
  options,
  async () => {
    const cloud = await withRuns([request(1)], [{}], { maxRunning: 3 })
    cloud.store.plant({ ...runOf(8, { causeString: 'over' }), status: 'error', reason: 'lost', endedAt: at(0) })
    for (const holder of [8, 9]) cloud.store.occupy('shop/nightly', 'shop/prod', runId(holder))
    await dispatch(cloud.deps, {})
    assert.deepEqual(await states(cloud, 1), ['queued'])
    await sweep(cloud.deps)
    assert.deepEqual((await cloud.store.job('shop/nightly')).running, [])
    await dispatch(cloud.deps, {})
    assert.deepEqual(await states(cloud, 1), ['starting'])
    // A run that goes on keeps its place, also between two attempts, however long it takes; without its task it has ended.
    await cloud.store.claim({ ...request(2), config: cloud.config })
    const [task] = cloud.ecs.tasks.values()
    assert.ok(task)
    Object.assign(task, { lastStatus: 'RUNNING', startedAt: at(60) })
    await finish(cloud.deps, taskEvent(task))
    for (const seconds of [30, 7000]) {
      cloud.advance(seconds)
      await sweep(cloud.deps)
      await dispatch(cloud.deps, {})
      assert.deepEqual(await states(cloud, 1, 2), ['running', 'queued'])
    }
    assert.equal(await cloud.store.freePlaces(runId(1), { job: 'shop/nightly', environment: 'shop/prod' }), false)
    cloud.ecs.tasks.clear()
    cloud.advance(300)
    await sweep(cloud.deps)
    await dispatch(cloud.deps, {})
    assert.deepEqual(await states(cloud, 1, 2), ['error/lost', 'starting'])
  },
)

test('a repair that takes all of its share of the time leaves the others theirs', options, async () => {
  const cloud = makeCloud()
  const input = { kind: 'schedule', job: 'shop/gone', schedule: 'default', scheduledFor: '2026-11-22T02:00:00Z' }
  for (let index = 0; index < 400; index++)
    cloud.letters.push({ id: `m${index}`, body: JSON.stringify(input), receipt: `r${index}` })
  await cloud.store.claim({ ...request(1), config: cloud.config })
  const from = cloud.deps.now().getTime()
  const timeLeft = () => 280_000 - (cloud.deps.now().getTime() - from)
  const { remove } = cloud.deps.deadLetters
  cloud.deps.deadLetters.remove = async receipt => {
    cloud.advance(1)
    await remove(receipt)
  }
  await sweep({ ...cloud.deps, timeLeft })
  assert.ok(
    cloud.letters.length > 300 && cloud.letters.length < 340,
    `${cloud.letters.length} letters are left for the next turns`,
  )
  assert.deepEqual(
    cloud.calls.map(call => call.to),
    ['dispatch'],
  )
  assert.ok((await cloud.store.sweep.read())?.checkedUntil, 'missed runs were looked for')
})

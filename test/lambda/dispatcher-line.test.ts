import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finalise } from '../../lambda/common/finalise.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { inOrder } from '../../lambda/dispatcher/line.ts'
import { at, configOf, hashOf, jobOf, runId, runOf, scheduled, taskArn } from '../fakes/records.ts'
import { request, states, withRuns } from './dispatcher-fixture.ts'

const options = { timeout: 10_000 }

/** A cloud with waiting runs, all of them in the configuration of these jobs. */
test('fault 11: two dispatchers at the same moment start one task of a run, and one run of a job', options, async () => {
  const cloud = await withRuns([request(1), request(2)])
  await Promise.all(Array.from({ length: 5 }, () => dispatch(cloud.deps, {})))
  assert.equal(cloud.ecs.tasks.size, 1)
  assert.deepEqual(await states(cloud, 1, 2), ['starting', 'queued'])
})

test('fault 11: who finds the lease held leaves its run to the holder', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.deps.store.open = async () => []
  await cloud.store.lease.acquire('other', at(0), at(60))
  await dispatch(cloud.deps, { runs: [runId(1)] })
  assert.equal(cloud.ecs.calls.length, 0)
  assert.deepEqual(await cloud.store.lease.takeNotes('other', at(60)), [runId(1)])
})

test('fault 12: the lease of a dispatcher that died is taken over with the runs it was told of', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.deps.store.open = async () => []
  await cloud.store.lease.acquire('dead', at(0), at(60))
  await dispatch(cloud.deps, { runs: [runId(1)] })
  cloud.advance(61)
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1), ['starting'])
})

test('fault 02: a scheduled run that waited past its time expires; one that was asked for does not', options, async () => {
  const cloud = await withRuns([runOf(1), request(2, { job: 'other' })], [{}, { name: 'other' }])
  cloud.advance(3600)
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2), ['skipped/expired', 'starting'])
})

const second = runOf(2, { cause: scheduled('2026-11-22T03:00:00.000Z'), causeString: 'schedule 2', startBy: at(5400) })

test('fault 11: overlap queue: the second waits, and starts when the first is over', options, async () => {
  const cloud = await withRuns([runOf(1)], [{ overlap: 'queue' }])
  await dispatch(cloud.deps, {})
  await cloud.store.claim({ ...second, config: cloud.config })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2), ['starting', 'queued'])
})

test('fault 11: overlap skip: the second is skipped', options, async () => {
  const cloud = await withRuns([request(1), request(2)], [{ overlap: 'skip' }])
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2), ['starting', 'skipped/overlap'])
})

test('fault 11: overlap allow: both run', options, async () => {
  const cloud = await withRuns([runOf(1), second], [{ overlap: 'allow' }])
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2), ['starting', 'starting'])
})

test('fault 11: overlap cancel: the first is asked to stop, the second waits for its end', options, async () => {
  const cloud = await withRuns([request(1)], [{ overlap: 'cancel' }])
  await dispatch(cloud.deps, {})
  await cloud.store.claim({ ...request(2), config: cloud.config })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2), ['starting', 'queued'])
  assert.match((await cloud.run(runId(1))).cancel?.actor ?? '', /overlap: cancel/)
  assert.deepEqual(
    cloud.ecs.stopped.map(each => each.taskArn),
    [taskArn(1)],
  )
})

test('fault 11: of the waiting runs of one schedule the newest stays; requests are kept', options, async () => {
  const third = runOf(3, { cause: scheduled('2026-11-22T04:00:00.000Z'), causeString: 'schedule 3', startBy: at(9000) })
  const cloud = await withRuns([request(4, { priority: 5 }), runOf(1), third, second, request(5)])
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 4, 1, 2, 3, 5), [
    'starting',
    'skipped/superseded',
    'skipped/superseded',
    'queued',
    'queued',
  ])
})

test('the environment’s limit holds, higher priority first', options, async () => {
  const jobs = ['a', 'b', 'c'].map(name => ({ name }))
  const runs = [request(1, { job: 'a' }), request(2, { job: 'b', priority: 5 }), request(3, { job: 'c' })]
  const cloud = await withRuns(runs, jobs, { maxRunning: 1 })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2, 3), ['queued', 'starting', 'queued'])
})

test('fault 13: a job paused while its run waits: skipped, with who paused it', options, async () => {
  const cloud = await withRuns([runOf(1)])
  await cloud.store.pause('shop/nightly', { at: at(0), actor: 'local:ana' })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1), ['skipped/paused'])
})

test('fault 13: a run is started with the configuration it was claimed with', options, async () => {
  const old = configOf([jobOf({ steps: [{ name: 'run', args: ['run'] }] })])
  const cloud = await withRuns([])
  cloud.put(`config/${hashOf(old)}.json`, old)
  await cloud.store.claim({ ...runOf(1), config: hashOf(old) })
  await dispatch(cloud.deps, {})
  const plan = cloud.json(`plans/shop/prod/${runId(1)}/1.json`) as { steps: { name: string }[] }
  assert.deepEqual(
    plan.steps.map(step => step.name),
    ['checkout', 'deps', 'run', 'docs'],
  )
})

test('fault 47: a run whose configuration is gone ends with its name, when its time is over', options, async () => {
  const cloud = await withRuns([])
  await cloud.store.claim({ ...runOf(1), config: 'f'.repeat(64) })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1), ['queued'])
  cloud.advance(1800)
  await dispatch(cloud.deps, {})
  assert.match((await cloud.run(runId(1))).status, /skipped|error/)
})

test('no more than 15 starts a second', options, async () => {
  const runs = Array.from({ length: 30 }, (_, i) => request(i + 1, { job: `j${i}` }))
  const cloud = await withRuns(
    runs,
    runs.map(run => ({ name: run.job })),
    { maxRunning: 100 },
  )
  const from = cloud.deps.now().getTime()
  await dispatch(cloud.deps, {})
  assert.equal(cloud.ecs.calls.length, 30)
  assert.ok(cloud.deps.now().getTime() - from >= 29 * 66)
})

test('a run between two attempts goes on in its own place, whoever waits before it', options, async () => {
  const cloud = await withRuns([request(2)], [{ name: 'other', priority: 5 }, {}], { maxRunning: 1 })
  await dispatch(cloud.deps, {})
  const run = await cloud.run(runId(2))
  const outcome = { status: 'error', reason: 'infrastructure' } as const
  await cloud.store.nextAttempt(run, { stoppedAt: at(5), outcome }, { notBefore: at(6), startBy: at(1800) })
  // Of another job, with a higher priority: the environment is full for it, and is not for the one who holds the place.
  await cloud.store.claim({ ...request(1, { job: 'other', priority: 5 }), config: cloud.config })
  cloud.advance(10)
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1, 2), ['queued', 'starting'])
  assert.equal((await cloud.run(runId(2))).attempts.length, 2)
})

test('who has waited for ten minutes goes first in one turn of five, whatever his priority', options, () => {
  const waiting = [
    { id: runId(1), priority: -10 },
    { id: runId(2, 700), priority: 0 },
    { id: runId(3, 30), priority: -5 },
    { id: runId(4, 710), priority: 10 },
  ]
  const numbers = (oldBefore?: string) => inOrder(waiting, oldBefore).map(each => waiting.indexOf(each) + 1)
  assert.deepEqual(numbers(), [4, 2, 3, 1])
  assert.deepEqual(numbers(runId(0, 600)), [1, 3, 4, 2])
})

test('a line of high priority that never ends starves nobody, and keeps four places of five', options, async () => {
  const jobs = Array.from({ length: 400 }, (_, index) => ({ name: `j${index}` }))
  const cloud = await withRuns([], jobs, { maxRunning: 1 })
  const order: string[] = []
  const claim = (number: number, priority: number) =>
    cloud.store.claim({ ...request(number, { job: `j${number}`, priority, id: runId(number, number) }), config: cloud.config })
  // A pull request's run a minute, all before the first scheduled one: the environment can never do them all.
  for (let number = 100; number < 200; number++) await claim(number, -10)
  for (let number = 200; number < 300; number++) await claim(number, 10)
  cloud.advance(20 * 60)
  for (let turn = 0; turn < 60; turn++) {
    await dispatch(cloud.deps, {})
    const [id = ''] = cloud.store.environmentRuns('shop/prod')
    const run = await cloud.run(id)
    order.push(run.priority > 0 ? 'high' : 'low')
    const end = { status: 'success' } as const
    await finalise(cloud.deps, run, end, { attempt: { stoppedAt: at(1300), outcome: end } })
  }
  const low = order.filter(each => each === 'low').length
  assert.ok(low >= 4 && low <= 24, `${low} of 60 places went to low priority`)
})

test('a poke that comes in the middle of a long look is not lost: the line is looked at again', options, async () => {
  const runs = Array.from({ length: 300 }, (_, index) => request(index + 1, { job: `j${index}` }))
  const jobs = [...runs.map(run => ({ name: run.job })), { name: 'urgent', priority: 10 }]
  const cloud = await withRuns(runs, jobs, { maxRunning: 400 })
  const { sleep } = cloud.deps
  let started = 0
  cloud.deps.sleep = async milliseconds => {
    await sleep(milliseconds)
    if (++started !== 30) return
    await cloud.store.claim({ ...request(999, { job: 'urgent', priority: 10 }), config: cloud.config })
    await dispatch(cloud.deps, {})
  }
  await dispatch(cloud.deps, {})
  assert.equal(cloud.ecs.calls.length, 301)
  const place = cloud.ecs.calls.findIndex(call => call.startedBy?.startsWith(runId(999)))
  assert.ok(place < 260, `the urgent run was started as number ${place}`)
})

test('a dispatcher whose time is over lets go and calls the next one; a lease of the dead holds nobody up', options, async () => {
  const runs = Array.from({ length: 40 }, (_, index) => request(index + 1, { job: `j${index}` }))
  const cloud = await withRuns(
    runs,
    runs.map(run => ({ name: run.job })),
    { maxRunning: 100 },
  )
  const from = cloud.deps.now().getTime()
  const timeLeft = () => 21_500 - (cloud.deps.now().getTime() - from)
  await dispatch({ ...cloud.deps, timeLeft }, {})
  const first = cloud.ecs.calls.length
  assert.ok(first > 15 && first < 30, `${first} started`)
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: { runs: [] } }])
  await dispatch(cloud.deps, { runs: [] })
  assert.equal(cloud.ecs.tasks.size, 40)
})

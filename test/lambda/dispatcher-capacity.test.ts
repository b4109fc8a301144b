import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { sizeOfAttempt } from '../../lambda/dispatcher/task-input.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import type { EnvironmentConfig } from '../../shared/config-model.ts'
import { taskCost } from '../../shared/fargate.ts'
import { taskFamily } from '../../shared/resource-names.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { stopOf } from '../fakes/ecs.ts'
import { attemptOf, environmentOf, runId, runOf } from '../fakes/records.ts'
import { request, withRuns } from './dispatcher-fixture.ts'

const options = { timeout: 10_000 }
const ID = runId(1)
const NO_CAPACITY = { kind: 'busy', words: 'RESOURCE:FARGATE: Capacity is unavailable at this time' } as const
const sizeWith = (over: Partial<EnvironmentConfig['size']>) => ({ size: { ...environmentOf().size, ...over } })
const callsOf = (cloud: FakeCloud) =>
  cloud.ecs.calls.map(call => [
    call.capacityProviderStrategy?.[0]?.capacityProvider,
    call.taskDefinition,
    call.networkConfiguration?.awsvpcConfiguration?.subnets?.join(),
  ])
const [arm, x86] = [taskFamily('tidemill', 'shop', 'prod'), taskFamily('tidemill', 'shop', 'prod', 'x86_64')]

test('fault 03: no Spot capacity: on-demand at the next try, in the same subnets', options, async () => {
  const cloud = await withRuns([runOf(1)], [{}], sizeWith({ spot: true }))
  cloud.ecs.answers.push(NO_CAPACITY, NO_CAPACITY)
  await dispatch(cloud.deps, {})
  assert.deepEqual(callsOf(cloud), [
    ['FARGATE_SPOT', arm, 'subnet-a,subnet-b'],
    ['FARGATE', arm, 'subnet-a,subnet-b'],
    ['FARGATE', arm, 'subnet-a'],
  ])
  assert.equal((await cloud.run(ID)).attempts[0]?.capacity, 'FARGATE')
})

test(
  'fault 03: no capacity for ARM: x86 where the environment has both, then both in each subnet; the price follows',
  options,
  async () => {
    const cloud = await withRuns([runOf(1)], [{}], sizeWith({ fallbackArchitecture: 'x86_64' }))
    cloud.ecs.answers.push(NO_CAPACITY, NO_CAPACITY, NO_CAPACITY)
    await dispatch(cloud.deps, {})
    assert.deepEqual(callsOf(cloud), [
      ['FARGATE', arm, 'subnet-a,subnet-b'],
      ['FARGATE', x86, 'subnet-a,subnet-b'],
      ['FARGATE', arm, 'subnet-a'],
      ['FARGATE', x86, 'subnet-a'],
    ])
    const [attempt] = (await cloud.run(ID)).attempts
    assert.equal(attempt?.architecture, 'x86_64')
    const use = { cpu: 1024, memory: 2048, seconds: 3600 }
    assert.ok(taskCost({ ...use, architecture: 'x86_64' }) > taskCost({ ...use, architecture: 'arm64' }))
  },
)

test('fault 04: throttling is no lack of capacity: Spot stays Spot', options, async () => {
  const cloud = await withRuns([runOf(1)], [{}], sizeWith({ spot: true }))
  cloud.ecs.answers.push({ kind: 'busy', words: 'InvalidParameterException: Rate exceeded' })
  await dispatch(cloud.deps, {})
  assert.deepEqual(
    callsOf(cloud).map(([capacity]) => capacity),
    ['FARGATE_SPOT', 'FARGATE_SPOT'],
  )
  assert.equal(cloud.ecs.tasks.size, 1, 'no second task')
})

test('fault 03: a task that was stopped before it started for lack of capacity counts as a refusal', options, () => {
  const message = 'Capacity is unavailable at this time. Please try again later or in a different availability zone'
  const stopped = attemptOf(1, { capacity: 'FARGATE_SPOT', outcome: { status: 'error', reason: 'infrastructure', message } })
  const run = { attempts: [stopped], launchTries: 0 }
  assert.equal(sizeOfAttempt(sizeWith({ spot: true }), run).capacity, 'FARGATE')
  assert.equal(sizeOfAttempt(sizeWith({ fallbackArchitecture: 'x86_64' }), run).architecture, 'x86_64')
})

test(
  'fault 05: RunTask that answers with 500 for ever: its words are in the record, and the run ends with them at its time',
  options,
  async () => {
    const cloud = await withRuns([runOf(1)])
    const words = 'ServerException: Service Unavailable. Please try again later.'
    cloud.ecs.answers.push(...Array.from({ length: 200 }, () => ({ kind: 'unknown' as const, words })))
    await dispatch(cloud.deps, {})
    const waiting = await cloud.run(ID)
    assert.deepEqual([waiting.status, waiting.lastLaunchError, waiting.launchTries], ['starting', words, 1])
    for (let minutes = 0; minutes < 45; minutes += 5) {
      cloud.advance(300)
      await sweep(cloud.deps)
      for (const { to, payload } of cloud.calls.splice(0)) if (to === 'dispatch') await dispatch(cloud.deps, payload)
    }
    const run = await cloud.run(ID)
    assert.deepEqual([run.status, run.reason], ['error', 'launch_capacity'])
    assert.match(run.message ?? '', /in \d+ tries: ServerException: Service Unavailable/)
    assert.ok(Date.parse(run.endedAt ?? '') - Date.parse(run.startBy) < 10 * 60_000, `ended ${run.endedAt}`)
    assert.deepEqual((await cloud.store.job('shop/nightly')).running, [])
    assert.deepEqual(
      cloud.message().map(message => message.kind),
      ['error'],
    )
  },
)

test('fault 07: a task of a call that was given up is stopped when it shows', options, async () => {
  const cloud = await withRuns([request(1)])
  const words = 'TimeoutError'
  cloud.ecs.answers.push(...Array.from({ length: 200 }, () => ({ kind: 'unknown' as const, words })))
  for (let minutes = 0; minutes < 60; minutes += 5) {
    await sweep(cloud.deps)
    for (const { to, payload } of cloud.calls.splice(0)) if (to === 'dispatch') await dispatch(cloud.deps, payload)
    cloud.advance(300)
  }
  assert.equal((await cloud.run(ID)).status, 'error')
  // One of the calls had made a task after all; and there is the task of somebody else in the cluster.
  cloud.ecs.answers.length = 0
  const [input] = cloud.ecs.calls
  assert.ok(input)
  await cloud.ecs.run(input)
  await cloud.ecs.run({ ...input, startedBy: 'ecs-svc/1', clientToken: 'other' })
  const [ghost, other] = [...cloud.ecs.tasks.values()]
  Object.assign(ghost ?? {}, { lastStatus: 'RUNNING' })
  await sweep(cloud.deps)
  assert.deepEqual(
    cloud.ecs.stopped.map(each => each.taskArn),
    [ghost?.taskArn],
  )
  Object.assign(ghost ?? {}, stopOf(143))
  await sweep(cloud.deps)
  assert.equal(cloud.ecs.stopped.length, 1)
  assert.ok(other)
})

test(
  'fault 05: refused after a call without an answer: the run ends at its time, as refused, with the words',
  options,
  async () => {
    const cloud = await withRuns([runOf(1)])
    const words = 'AccessDeniedException: User is not authorized to perform: ecs:RunTask'
    cloud.ecs.answers.push({ kind: 'unknown', words: 'TimeoutError' })
    cloud.ecs.answers.push(...Array.from({ length: 50 }, () => ({ kind: 'refused' as const, words })))
    await dispatch(cloud.deps, {})
    assert.equal((await cloud.run(ID)).status, 'starting', 'the first call may have made a task')
    for (let minutes = 0; minutes < 45; minutes += 5) {
      cloud.advance(300)
      await sweep(cloud.deps)
      for (const { to, payload } of cloud.calls.splice(0)) if (to === 'dispatch') await dispatch(cloud.deps, payload)
    }
    const run = await cloud.run(ID)
    assert.deepEqual(
      [run.status, run.reason, run.message],
      ['error', 'launch_refused', `AWS refused to start the task: ${words}`],
    )
  },
)

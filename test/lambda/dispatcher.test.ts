import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { subnetsOfTry } from '../../lambda/dispatcher/task-input.ts'
import { ENV } from '../../shared/contract.ts'
import { CONTAINER, taskFamily } from '../../shared/resource-names.ts'
import type { RunRecord } from '../../shared/run.ts'
import { at, runId, runOf, taskArn } from '../fakes/records.ts'
import { request, states, withRuns } from './dispatcher-fixture.ts'

const options = { timeout: 10_000 }

/** A cloud with waiting runs, all of them in the configuration of these jobs. */
test('a waiting run gets plan, stored call and task', options, async () => {
  const cloud = await withRuns([runOf(1)])
  await dispatch(cloud.deps, {})
  const run = await cloud.run(runId(1))
  const [attempt] = run.attempts
  assert.deepEqual([run.status, attempt?.taskArn, attempt?.cpu, attempt?.memory], ['starting', taskArn(1), 1024, 2048])
  const [call] = cloud.ecs.calls
  assert.deepEqual(call, JSON.parse(attempt?.runTaskInput ?? ''))
  assert.deepEqual(
    [call?.startedBy, call?.clientToken, call?.taskDefinition],
    [`${run.id}/1`, `${run.id}-1`, taskFamily('tidemill', 'shop', 'prod')],
  )
  assert.deepEqual(call?.capacityProviderStrategy, [{ capacityProvider: 'FARGATE', weight: 1 }])
  const plan = cloud.objects.get(`plans/shop/prod/${run.id}/1.json`)?.body ?? new Uint8Array()
  const sha256 = createHash('sha256').update(plan).digest('hex')
  assert.deepEqual(call?.overrides?.containerOverrides, [
    {
      name: CONTAINER,
      environment: [
        { name: ENV.planKey, value: attempt?.planKey },
        { name: ENV.planSha256, value: sha256 },
      ],
    },
  ])
})

test('a run that the index does not show yet is found by the poke', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.deps.store.open = async () => []
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1), ['queued'])
  await dispatch(cloud.deps, { runs: [runId(1)] })
  assert.deepEqual(await states(cloud, 1), ['starting'])
})

test('fault 03: no capacity is asked for again in other subnets, then the run starts', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.ecs.answers.push({ kind: 'busy', words: 'RESOURCE:FARGATE: Capacity is unavailable at this time' })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1), ['starting'])
  const subnets = cloud.ecs.calls.map(call => call.networkConfiguration?.awsvpcConfiguration?.subnets)
  assert.deepEqual(subnets, [['subnet-a', 'subnet-b'], ['subnet-a']])
  assert.equal(new Set(cloud.ecs.calls.map(call => call.clientToken)).size, 1)
  assert.deepEqual(subnetsOfTry(['a', 'b'], 2), ['b'])
  assert.deepEqual(subnetsOfTry(['a', 'b'], 3), ['a', 'b'])
})

test('fault 03: without capacity until its time is over the run ends with AWS’s words', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.ecs.answers.push(...Array.from({ length: 100 }, () => ({ kind: 'busy' as const, words: 'RESOURCE:FARGATE' })))
  for (let turn = 0; turn < 40; turn++) {
    await dispatch(cloud.deps, {})
    cloud.advance(60)
  }
  const run = await cloud.run(runId(1))
  assert.deepEqual([run.status, run.reason], ['error', 'launch_capacity'])
  assert.match(run.message ?? '', /RESOURCE:FARGATE/)
  assert.deepEqual((await cloud.store.job('shop/nightly')).running, [])
  assert.deepEqual(cloud.calls, [{ to: 'finish', payload: { effects: [run.id] } }])
  assert.ok((run.endedAt ?? '') <= at(1790 + 180), `ended ${run.endedAt}`)
})

test('a requested run has its time to start from the first refusal on, not from its place in the line', options, async () => {
  const cloud = await withRuns([request(1)])
  cloud.advance(7200)
  cloud.ecs.answers.push({ kind: 'busy', words: 'throttled' })
  await dispatch(cloud.deps, {})
  assert.deepEqual(await states(cloud, 1), ['starting'])
})

test('fault 05: a call without an answer is repeated with the same token and adopts the task', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.ecs.answers.push(start => {
    start()
    return { kind: 'unknown', words: 'TimeoutError' }
  })
  await dispatch(cloud.deps, {})
  assert.equal(cloud.ecs.calls.length, 2)
  assert.equal(cloud.ecs.tasks.size, 1)
  assert.equal((await cloud.run(runId(1))).attempts[0]?.taskArn, taskArn(1))
})

test('fault 06: the task that a conflict names is adopted', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.ecs.answers.push(() => ({ kind: 'started', taskArn: taskArn(7), adopted: true }))
  await dispatch(cloud.deps, {})
  assert.equal((await cloud.run(runId(1))).attempts[0]?.taskArn, taskArn(7))
  assert.ok(cloud.lines.some(line => line.includes('task adopted') && line.includes(taskArn(7))))
})

test(
  'fault 07: a dispatcher that died after the call is repaired by the same call; there is no second task',
  options,
  async () => {
    const cloud = await withRuns([runOf(1)])
    // Writes: plan, place. Then the call is made, and the task is never stored.
    cloud.crashAfter(2)
    await dispatch(cloud.deps, {}).catch(() => undefined)
    cloud.crashAfter(undefined)
    assert.equal(cloud.ecs.tasks.size, 1)
    assert.deepEqual(
      [(await cloud.run(runId(1))).status, (await cloud.run(runId(1))).attempts[0]?.taskArn],
      ['starting', undefined],
    )
    await dispatch(cloud.deps, { repair: [runId(1)] })
    assert.equal(cloud.ecs.tasks.size, 1)
    assert.equal((await cloud.run(runId(1))).attempts[0]?.taskArn, taskArn(1))
    assert.deepEqual(cloud.ecs.calls[0], cloud.ecs.calls[1])
  },
)

test('a refusal ends the run at once, with AWS’s words', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.ecs.answers.push({ kind: 'refused', words: 'InvalidParameterException: TaskDefinition is inactive' })
  await dispatch(cloud.deps, {})
  const run = await cloud.run(runId(1))
  assert.deepEqual([run.status, run.reason, run.attempts[0]?.outcome?.reason], ['error', 'launch_refused', 'launch_refused'])
  assert.match(run.message ?? '', /TaskDefinition is inactive/)
})

test('cancelled between place and call: the task is stopped when it is known', options, async () => {
  const cloud = await withRuns([runOf(1)])
  cloud.ecs.answers.push(start => {
    const task = start()
    void cloud.store.askCancel(runId(1), { at: at(1), actor: 'local:ana' })
    return { kind: 'started', taskArn: task.taskArn, adopted: false }
  })
  await dispatch(cloud.deps, {})
  assert.deepEqual(cloud.ecs.stopped, [{ taskArn: taskArn(1), reason: 'cancelled by local:ana' }])
})

test('after out of memory the next attempt is larger, after a Spot interruption on-demand', options, async () => {
  const cloud = await withRuns([], [{}], { size: { cpu: 1024, memory: 2048, disk: 20, architecture: 'arm64', spot: true } })
  const outcome = { status: 'error', reason: 'out_of_memory' } as const
  const spot = { status: 'error', reason: 'spot_interrupted' } as const
  const attempts = [
    {
      ...runOf(1).attempts[0],
      number: 1,
      planKey: '',
      planSha256: '',
      runTaskInput: '',
      capacity: 'FARGATE_SPOT',
      cpu: 1024,
      memory: 2048,
      dispatchedAt: at(0),
      outcome,
    },
    {
      number: 2,
      planKey: '',
      planSha256: '',
      runTaskInput: '',
      capacity: 'FARGATE_SPOT',
      cpu: 1024,
      memory: 3072,
      dispatchedAt: at(0),
      outcome: spot,
    },
  ] satisfies RunRecord['attempts']
  await cloud.store.claim({ ...runOf(1), config: cloud.config, attempts: attempts.slice(0, 1) })
  await cloud.store.claim({ ...request(2, { job: 'nightly' }), config: cloud.config, attempts })
  cloud.store.occupy('shop/nightly', 'shop/prod', runId(1))
  cloud.store.occupy('shop/nightly', 'shop/prod', runId(2))
  await dispatch(cloud.deps, {})
  const sizes = cloud.ecs.calls.map(call => [call.overrides?.memory, call.capacityProviderStrategy?.[0]?.capacityProvider])
  assert.deepEqual(sizes, [
    ['3072', 'FARGATE_SPOT'],
    ['3072', 'FARGATE'],
  ])
})

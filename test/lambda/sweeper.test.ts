import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import { EFFECTS, NO_NODES, type RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { type FakeTask, stopOf } from '../fakes/ecs.ts'
import { at, attemptOf, configOf, hashOf, jobOf, requested, runId, runOf, taskArn } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const ID = runId(1)

async function started(job: Partial<JobConfig> = {}): Promise<{ cloud: FakeCloud; task: FakeTask }> {
  const config = configOf([jobOf(job)])
  const cloud = makeCloud(config)
  await cloud.store.claim({ ...runOf(1, { cause: requested('1'), causeString: 'request 1' }), config: hashOf(config) })
  await dispatch(cloud.deps, {})
  cloud.calls.length = 0
  const [task] = cloud.ecs.tasks.values()
  assert.ok(task)
  return { cloud, task }
}
const change = (task: FakeTask, over: Partial<FakeTask>) => void Object.assign(task, over)
const outcomeOf = (run: RunRecord) => [run.status, run.reason].filter(Boolean).join('/')
const told = (cloud: FakeCloud) => cloud.message().map(message => message.kind)
const runningSince = (seconds: number) => ({ lastStatus: 'RUNNING', version: 3, startedAt: at(seconds) })

test('fault 33: STOPPED never arrives: the sweeper ends the run, with the runner’s result', options, async () => {
  const { cloud, task } = await started()
  change(task, stopOf(1, { startedAt: at(30), stoppedAt: at(60) }))
  const result = {
    schemaVersion: 1,
    run: ID,
    attempt: 1,
    outcome: 'error',
    reason: 'test_failures',
    message: '1 test',
    steps: [],
    counts: NO_NODES,
  }
  cloud.put(KEY.result(KEY.attempt(runOf(1), 1)), result)
  await sweep(cloud.deps)
  assert.equal((await cloud.run(ID)).status, 'starting', 'the event still has time')
  cloud.advance(300)
  await sweep(cloud.deps)
  await sweep(cloud.deps)
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/test_failures')
  assert.deepEqual(told(cloud), ['error'])
})

test('fault 33: a task that ECS has forgotten ends as lost, with one message', options, async () => {
  const { cloud } = await started()
  cloud.ecs.tasks.clear()
  cloud.advance(60)
  await sweep(cloud.deps)
  assert.equal((await cloud.run(ID)).status, 'starting')
  cloud.advance(300)
  await sweep(cloud.deps)
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/lost')
  assert.deepEqual(told(cloud), ['error'])
  assert.deepEqual((await cloud.store.job('shop/nightly')).running, [])
})

test('fault 07: a task that was never stored is found by startedBy', options, async () => {
  const { cloud, task } = await started()
  const run = await cloud.run(ID)
  cloud.store.plant({ ...run, attempts: [attemptOf(1)] })
  change(task, runningSince(20))
  cloud.advance(180)
  await sweep(cloud.deps)
  const repaired = await cloud.run(ID)
  assert.deepEqual([repaired.status, repaired.attempts[0]?.taskArn], ['running', taskArn(1)])
  assert.equal(cloud.ecs.calls.length, 1)
})

test('fault 07: a stored call that was never made is repeated, and after the token’s life given up', options, async () => {
  const { cloud } = await started()
  const run = await cloud.run(ID)
  cloud.ecs.tasks.clear()
  cloud.store.plant({ ...run, attempts: [attemptOf(1)] })
  cloud.advance(180)
  await sweep(cloud.deps)
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: { repair: [ID] } }])
  cloud.advance(3600)
  cloud.calls.length = 0
  await sweep(cloud.deps)
  // It may have run: another attempt would be a second task.
  assert.notEqual((await cloud.run(ID)).status, 'starting')
  assert.deepEqual(
    cloud.calls.filter(call => 'repair' in call.payload),
    [],
  )
})

test('a start without an event is noted; one that takes too long is stopped', options, async () => {
  const { cloud, task } = await started()
  change(task, runningSince(20))
  await sweep(cloud.deps)
  assert.deepEqual([(await cloud.run(ID)).status, (await cloud.run(ID)).startedAt], ['running', at(20)])
  const stuck = await started()
  stuck.cloud.advance(45 * 60)
  await sweep(stuck.cloud.deps)
  assert.match(stuck.cloud.ecs.stopped[0]?.reason ?? '', /did not come up in time/)
})

test('fault 25: the time limit passes and the runner does not end it: stopped, then error/timeout', options, async () => {
  const { cloud, task } = await started({ timeoutSeconds: 600 })
  change(task, runningSince(20))
  await sweep(cloud.deps)
  cloud.advance(620)
  await sweep(cloud.deps)
  assert.equal(cloud.ecs.stopped.length, 0, 'the runner still has time to stop by itself')
  cloud.advance(200)
  await sweep(cloud.deps)
  assert.deepEqual(
    cloud.ecs.stopped.map(each => each.taskArn),
    [taskArn(1)],
  )
  change(task, stopOf(137, { stopCode: 'UserInitiated', startedAt: at(20), stoppedAt: at(900) }))
  cloud.advance(300)
  await sweep(cloud.deps)
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/timeout')
})

test('a cancel that did not reach the task is repeated', options, async () => {
  const { cloud, task } = await started()
  change(task, runningSince(20))
  await cloud.store.askCancel(ID, { at: at(30), actor: 'local:ana' })
  cloud.advance(600)
  await sweep(cloud.deps)
  assert.deepEqual(cloud.ecs.stopped, [{ taskArn: taskArn(1), reason: 'cancelled by local:ana' }])
})

test('fault 35: effects left open are done, and a run without any leaves the index', options, async () => {
  const { cloud } = await started()
  const ended = { ...(await cloud.run(ID)), status: 'error', reason: 'lost', endedAt: at(0), effects: [...EFFECTS] } as const
  cloud.store.plant({ ...ended, effects: [...EFFECTS] })
  await sweep(cloud.deps)
  assert.deepEqual(told(cloud), [], 'who ended it still has time')
  cloud.advance(300)
  await sweep(cloud.deps)
  assert.deepEqual(told(cloud), ['error'])
  assert.equal((await cloud.run(ID)).effects, undefined)
})

test('waiting runs and unsent messages are poked', options, async () => {
  const { cloud } = await started()
  await cloud.store.claim({ ...runOf(2, { cause: requested('2'), causeString: 'request 2' }), config: cloud.config })
  const message = {
    runId: ID,
    kind: 'error',
    channel: 'slack',
    target: '',
    state: 'pending',
    tries: 0,
    createdAt: at(0),
  } as const
  await cloud.store.putMessage({ pk: 'MSG#1', schemaVersion: 1, ...message })
  await sweep(cloud.deps)
  assert.deepEqual(cloud.calls, [
    { to: 'dispatch', payload: {} },
    { to: 'notify', payload: {} },
  ])
})

test('dead letters: a schedule in time is launched, one too late expires, the rest is dropped and noted', options, async () => {
  const cloud = makeCloud()
  const input = (scheduledFor: string) => ({ kind: 'schedule', job: 'shop/nightly', schedule: 'default', scheduledFor })
  const bodies = [
    JSON.stringify(input('2026-11-22T02:00:00Z')),
    JSON.stringify({ requestContext: { functionArn: 'arn:…:launcher' }, requestPayload: input('2026-11-21T02:00:00Z') }),
    JSON.stringify({ requestPayload: { detail: {} } }),
    'not json',
  ]
  for (const [index, body] of bodies.entries()) cloud.letters.push({ id: `m${index}`, body, receipt: `r${index}` })
  await sweep(cloud.deps)
  assert.deepEqual(cloud.letters, [])
  const waiting = await cloud.store.open('WAIT#')
  const over = await cloud.store.open('END#')
  assert.deepEqual([waiting.length, over.length], [1, 1])
  assert.equal(cloud.lines.filter(line => line.includes('dead letter dropped')).length, 2)
})

test('one repair that fails holds up no other, and the turn is marked as failed', options, async () => {
  const { cloud, task } = await started()
  change(task, runningSince(20))
  cloud.deps.deadLetters.receive = async () => {
    throw new Error('AccessDenied')
  }
  await assert.rejects(sweep(cloud.deps), /dead letters/)
  assert.equal((await cloud.run(ID)).status, 'running')
})

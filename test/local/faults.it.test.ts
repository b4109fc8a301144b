import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type AwsError, callAws } from '../../local/aws-json.ts'
import {
  answerOf,
  armFault,
  logWith,
  type makeQueue,
  prepareTasks,
  runInput,
  runTask,
  startTestCloud,
  type TaskDocument,
  type TestCloud,
  taskWith,
  waitFor,
} from './fixture.ts'

const limit = { timeout: 60_000 }
let it: TestCloud
let events: Awaited<ReturnType<typeof makeQueue>>
const seen: TaskDocument[] = []

async function statusesOf(arn: string) {
  for (const { Body } of await events.take()) seen.push(JSON.parse(Body).detail)
  return seen.filter(detail => detail.taskArn === arn).map(detail => detail.lastStatus)
}
const statuses = (arn: string, count: number) =>
  waitFor(`${count} events`, async () => {
    const found = await statusesOf(arn)
    return found.length >= count ? found : undefined
  })
const code = (expected: string, message: RegExp) => (error: AwsError) => error.code === expected && message.test(error.message)

before(async () => {
  it = await startTestCloud()
  events = await prepareTasks(it)
}, limit)
after(() => it?.close(), limit)

test('RunTask refuses as armed, once each, and then starts', limit, async () => {
  const input = runInput('start/1', '')
  const match = { startedBy: 'start/1' }
  const capacity = await armFault(it, { match, fault: { kind: 'capacity' } })
  const throttling = await armFault(it, { match, fault: { kind: 'throttling' } })
  const refuse = await armFault(it, { match, fault: { kind: 'refuse', code: 'AccessDeniedException', message: 'no' } })
  const call = () => callAws(it.ecs, 'ecs', 'RunTask', input)
  await assert.rejects(call(), code('InvalidParameterException', /^Rate exceeded$/))
  await assert.rejects(call(), code('AccessDeniedException', /^no$/))
  const { failures, tasks } = await answerOf<{ failures: object[]; tasks: object[] }>(call())
  assert.deepEqual([failures.length, tasks.length], [1, 0])
  assert.equal((await runTask(it, input)).startedBy, 'start/1')
  for (const fault of [capacity, throttling, refuse]) assert.equal(await fault.injected(), 1)
})

test('an answer that gets lost has started the task: the same token finds it', limit, async () => {
  const input = runInput('start/2', 'setTimeout(() => {}, 1000)')
  const lost = await armFault(it, { match: { startedBy: 'start/2' }, fault: { kind: 'lost-answer' } })
  await assert.rejects(callAws(it.ecs, 'ecs', 'RunTask', input), TypeError)
  const { taskArn } = await runTask(it, input)
  assert.equal(await lost.injected(), 1)
  await taskWith(it, taskArn, 'STOPPED')
  assert.deepEqual(await statuses(taskArn, 4), ['PROVISIONING', 'PENDING', 'RUNNING', 'STOPPED'])
})

test('image, secret and network faults end the start with the words of ECS', limit, async () => {
  for (const [kind, reason] of [
    ['image', /^CannotPullContainerError/],
    ['secret', /^ResourceInitializationError: unable to pull secrets.*AccessDenied/],
    ['network', /^ResourceInitializationError: .*i\/o timeout/],
  ] as const) {
    const startedBy = `${kind}/1`
    const fault = await armFault(it, { match: { startedBy }, fault: { kind } })
    const stopped = await taskWith(it, (await runTask(it, runInput(startedBy, ''))).taskArn, 'STOPPED')
    assert.equal(stopped.stopCode, 'TaskFailedToStart')
    assert.match(stopped.stoppedReason ?? '', reason)
    assert.equal(await fault.injected(), 1)
  }
})

test('out of memory, Spot, a lost host and a forgotten task end a running task', limit, async () => {
  const script = `process.on('SIGTERM', () => { console.log('notice'); process.exit(9) }); console.log('ready'); setInterval(() => {}, 1000)`
  const start = async (startedBy: string, fault: object) => {
    const armed = await armFault(it, { match: { startedBy }, fault: { afterSeconds: 0.5, ...fault } })
    return { armed, taskArn: (await runTask(it, runInput(startedBy, script))).taskArn }
  }
  const memory = await start('end/1', { kind: 'out-of-memory' })
  const spot = await start('end/2', { kind: 'spot', noticeSeconds: 5 })
  const host = await start('end/3', { kind: 'lost-host' })
  const forgotten = await start('end/4', { kind: 'forget' })

  const killed = await taskWith(it, memory.taskArn, 'STOPPED')
  assert.equal(killed.stopCode, 'EssentialContainerExited')
  assert.equal(killed.containers[0]?.exitCode, 137)
  assert.match(killed.containers[0]?.reason ?? '', /^OutOfMemoryError/)

  const taken = await taskWith(it, spot.taskArn, 'STOPPED')
  assert.deepEqual([taken.stopCode, taken.containers[0]?.exitCode], ['SpotInterruption', 9])
  await logWith(it, spot.taskArn, /notice/)
  assert.deepEqual(await statuses(spot.taskArn, 5), ['PROVISIONING', 'PENDING', 'RUNNING', 'RUNNING', 'STOPPED'])

  assert.equal((await taskWith(it, host.taskArn, 'STOPPED')).stopCode, 'InfrastructureHealth')
  await waitFor('MISSING', async () => {
    const answer = await answerOf<{ failures: { reason: string }[] }>(
      callAws(it.ecs, 'ecs', 'DescribeTasks', { cluster: 'cluster', tasks: [forgotten.taskArn] }),
    )
    return answer.failures[0]?.reason === 'MISSING' ? true : undefined
  })
  assert.ok(!(await statusesOf(forgotten.taskArn)).includes('STOPPED'))
  for (const { armed } of [memory, spot, host, forgotten]) assert.equal(await armed.injected(), 1)
})

test('events are doubled, dropped and reordered as armed', limit, async () => {
  const run = async (startedBy: string, fault: object) => {
    const armed = await armFault(it, { match: { startedBy }, fault })
    const { taskArn } = await runTask(it, runInput(startedBy, ''))
    await taskWith(it, taskArn, 'STOPPED')
    assert.equal(await armed.injected(), 1)
    return taskArn
  }
  const doubled = await run('event/1', { kind: 'duplicate-events', times: 3, status: 'STOPPED' })
  const dropped = await run('event/2', { kind: 'drop-events', status: 'STOPPED' })
  const reordered = await run('event/3', { kind: 'reorder-events' })
  const begin = ['PROVISIONING', 'PENDING']
  assert.deepEqual(await statuses(doubled, 6), [...begin, 'RUNNING', 'STOPPED', 'STOPPED', 'STOPPED'])
  assert.deepEqual(await statuses(reordered, 4), [...begin, 'STOPPED', 'RUNNING'])
  // Events are sent in order over all tasks: those of the last task are here, so nothing of this one is to come.
  assert.deepEqual(await statusesOf(dropped), [...begin, 'RUNNING'])
})

test('output that nobody reads for a while arrives later', limit, async () => {
  const fault = await armFault(it, { match: { startedBy: 'stall/1' }, fault: { kind: 'stalled-output', seconds: 1 } })
  const begin = Date.now()
  const { taskArn } = await runTask(it, runInput('stall/1', `console.log('late'); setTimeout(() => {}, 1500)`))
  await logWith(it, taskArn, /late/)
  assert.ok(Date.now() - begin >= 1000)
  assert.equal(await fault.injected(), 1)
})

test('a fault needs the key, and a kind that exists', limit, async () => {
  const url = `${it.cloud.ecsEndpoint}/_faults`
  assert.equal((await fetch(url, { method: 'POST', body: '{}' })).status, 403)
  await assert.rejects(armFault(it, { fault: { kind: 'earthquake' } }))
})

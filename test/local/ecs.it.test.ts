import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { type AwsError, callAws } from '../../local/aws-json.ts'
import { startOf } from '../../local/process.ts'
import {
  answerOf,
  logWith,
  type makeQueue,
  prepareTasks,
  registerDefinition,
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
const seen: { detail: TaskDocument & Record<string, unknown>; resources: string[] }[] = []

/** Events of a task so far, in the order of their arrival. */
async function eventsOf(arn: string) {
  for (const { Body } of await events.take()) seen.push(JSON.parse(Body))
  return seen.filter(event => event.detail.taskArn === arn)
}
const stoppedEvent = (arn: string) =>
  waitFor(`STOPPED of ${arn}`, async () => (await eventsOf(arn)).find(event => event.detail.lastStatus === 'STOPPED'))

before(async () => {
  it = await startTestCloud({ maxTasks: 3 })
  events = await prepareTasks(it)
}, limit)
after(() => it?.close(), limit)

test('a task runs with its own environment only, logs, and says each change once and in order', limit, async () => {
  const { taskArn } = await runTask(
    it,
    runInput('run/1', `console.log(JSON.stringify(process.env)); console.error('err'); process.exitCode = 3`),
  )
  const stopped = await taskWith(it, taskArn, 'STOPPED')
  assert.equal(stopped.stopCode, 'EssentialContainerExited')
  assert.equal(stopped.stoppedReason, 'Essential container in task exited')
  assert.equal(stopped.containers[0]?.exitCode, 3)
  const lines = await logWith(it, taskArn, /^err$/)
  const environment = JSON.parse(lines.find(line => line.startsWith('{')) ?? '')
  delete environment.SCRIPT
  assert.deepEqual(Object.keys(environment).sort(), [
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_DEFAULT_REGION',
    'AWS_ENDPOINT_URL',
    'AWS_EXECUTION_ENV',
    'AWS_REGION',
    'HOME',
    'LANG',
    'LD_LIBRARY_PATH',
    'NODE_NO_WARNINGS',
    'PATH',
    'PYTHONUNBUFFERED',
    'TIDEMILL_WORK_DIR',
    'TMPDIR',
  ])
  assert.ok(!existsSync(environment.TIDEMILL_WORK_DIR), 'its folder is gone with the task')
  const event = await stoppedEvent(taskArn)
  const changes = (await eventsOf(taskArn)).map(({ detail }) => [detail.lastStatus, detail.version])
  assert.deepEqual(changes, [
    ['PROVISIONING', 1],
    ['PENDING', 2],
    ['RUNNING', 3],
    ['STOPPED', 4],
  ])
  assert.deepEqual(event.resources, [taskArn])
  assert.equal(event.detail.startedBy, 'run/1')
  assert.equal(event.detail.group, 'family:family')
  assert.equal(event.detail.cpu, '256')
  assert.match(String(event.detail.createdAt), /^\d{4}-\d\d-\d\dT.*Z$/)
})

test('a client token starts one task; with other parameters it is a conflict that names the task', limit, async () => {
  const input = runInput('run/2', 'setTimeout(() => {}, 300)')
  const tasks = await Promise.all([runTask(it, input), runTask(it, input), runTask(it, input)])
  assert.equal(new Set(tasks.map(task => task.taskArn)).size, 1)
  await assert.rejects(callAws(it.ecs, 'ecs', 'RunTask', { ...input, startedBy: 'run/other' }), (error: AwsError) => {
    assert.equal(error.code, 'ConflictException')
    return true
  })
  const response = await fetch(it.cloud.ecsEndpoint, {
    method: 'POST',
    headers: { 'x-amz-target': 'AmazonEC2ContainerServiceV20141113.RunTask' },
    body: JSON.stringify({ ...input, startedBy: 'run/other' }),
  })
  assert.deepEqual(((await response.json()) as { resourceIds: string[] }).resourceIds, [tasks[0]?.taskArn])
  await taskWith(it, tasks[0]?.taskArn ?? '', 'STOPPED')
})

test('StopTask: SIGTERM, then SIGKILL to all of the group after stopTimeout', limit, async () => {
  const polite = await runTask(
    it,
    runInput('run/3', `process.on('SIGTERM', () => process.exit(5)); setInterval(() => {}, 1000); console.log('ready')`),
  )
  await logWith(it, polite.taskArn, /ready/)
  await callAws(it.ecs, 'ecs', 'StopTask', { cluster: 'cluster', task: polite.taskArn, reason: 'asked' })
  const stopped = await taskWith(it, polite.taskArn, 'STOPPED')
  assert.deepEqual([stopped.stopCode, stopped.stoppedReason, stopped.containers[0]?.exitCode], ['UserInitiated', 'asked', 5])

  const stubborn = await runTask(
    it,
    runInput(
      'run/4',
      `process.on('SIGTERM', () => {});
       const child = require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM",()=>{});setInterval(()=>{},1000)']);
       console.log('child', child.pid); setInterval(() => {}, 1000)`,
    ),
  )
  const lines = await logWith(it, stubborn.taskArn, /child/)
  const child = Number(/child (\d+)/.exec(lines.join(' '))?.[1])
  await callAws(it.ecs, 'ecs', 'StopTask', { cluster: 'cluster', task: stubborn.taskArn })
  assert.equal((await taskWith(it, stubborn.taskArn, 'STOPPED')).containers[0]?.exitCode, 137)
  assert.ok(child > 0 && startOf(child) === undefined, 'the child is gone as well')
})

test('secrets come whole or by field; one that is missing ends the start and is named', limit, async () => {
  await callAws(it.cloud, 'secretsmanager', 'CreateSecret', { Name: 'team/db', SecretString: '{"password":"open sesame"}' })
  const arn = `arn:aws:secretsmanager:${it.cloud.region}:000000000000:secret:team/db`
  await registerDefinition(it, 'secretive', {
    secrets: [
      { name: 'WHOLE', valueFrom: arn },
      { name: 'FIELD', valueFrom: `${arn}:password::` },
    ],
  })
  const good = await runTask(
    it,
    runInput('run/5', 'console.log(process.env.WHOLE, process.env.FIELD)', { taskDefinition: 'secretive' }),
  )
  await logWith(it, good.taskArn, /^\{"password":"open sesame"\} open sesame$/)
  await taskWith(it, good.taskArn, 'STOPPED')

  for (const [startedBy, valueFrom, why] of [
    ['run/8', `${arn}-absent`, /team\/db-absent from secrets manager: ResourceNotFoundException/],
    ['run/9', `${arn}:user::`, /did not contain json key user/],
  ] as const) {
    await registerDefinition(it, 'broken', { secrets: [{ name: 'S', valueFrom }] })
    const { taskArn } = await runTask(it, runInput(startedBy, '', { taskDefinition: 'broken' }))
    const { detail } = await stoppedEvent(taskArn)
    assert.equal(detail.stopCode, 'TaskFailedToStart')
    assert.match(detail.stoppedReason ?? '', /^ResourceInitializationError: /)
    assert.match(detail.stoppedReason ?? '', why)
    assert.equal(detail.containers[0]?.exitCode, undefined)
  }
})

test('an unknown image, and a log group that is not there, end the start', limit, async () => {
  await registerDefinition(it, 'imageless', { image: 'registry.example/none:1' })
  const imageless = await runTask(it, runInput('run/6', '', { taskDefinition: 'imageless' }))
  const { stopCode, stoppedReason, containers } = await taskWith(it, imageless.taskArn, 'STOPPED')
  assert.equal(stopCode, 'TaskFailedToStart')
  assert.match(stoppedReason ?? '', /^CannotPullContainerError: .*registry\.example\/none:1: not found/)
  assert.match(containers[0]?.reason ?? '', /^CannotPullContainerError/)

  await registerDefinition(it, 'mute', {
    logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/absent', 'awslogs-region': it.cloud.region } },
  })
  const mute = await runTask(it, runInput('run/7', '', { taskDefinition: 'mute' }))
  assert.match((await taskWith(it, mute.taskArn, 'STOPPED')).stoppedReason ?? '', /failed to create Cloudwatch log stream/)
})

test('ListTasks shows running tasks by startedBy; more tasks than allowed is no capacity', limit, async () => {
  const script = 'setTimeout(() => {}, 30000)'
  const running = await Promise.all(['run/10', 'run/11', 'run/12'].map(by => runTask(it, runInput(by, script))))
  const refused = await answerOf<{ tasks: []; failures: { reason: string }[] }>(
    callAws(it.ecs, 'ecs', 'RunTask', runInput('run/13', script)),
  )
  assert.equal(refused.tasks.length, 0)
  assert.match(refused.failures[0]?.reason ?? '', /^Capacity is unavailable/)
  const list = (input: object) => callAws(it.ecs, 'ecs', 'ListTasks', { cluster: 'cluster', ...input })
  assert.deepEqual(await list({ startedBy: 'run/11' }), { taskArns: [running[1]?.taskArn] })
  assert.deepEqual(await list({ startedBy: 'run/11', desiredStatus: 'STOPPED' }), { taskArns: [] })
  await assert.rejects(list({ startedBy: 'run/11', family: 'family' }), /startedBy/)
  for (const { taskArn } of running) await callAws(it.ecs, 'ecs', 'StopTask', { cluster: 'cluster', task: taskArn })
  for (const { taskArn } of running) await taskWith(it, taskArn, 'STOPPED')
  assert.deepEqual(
    readdirSync(it.cloud.paths.tasks).filter(name => running.some(task => task.taskArn.endsWith(name))),
    [],
  )
})

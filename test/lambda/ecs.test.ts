import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { ECSClient } from '@aws-sdk/client-ecs'
import { type Ecs, makeEcs } from '../../lambda/common/ecs.ts'
import { taskArn } from '../fakes/records.ts'

const options = { timeout: 10_000 }
/** ECS's wire protocol on loopback: what a test says is the answer. */
let answer: { status: number; body: object } = { status: 200, body: {} }
let requests: { target: string; body: Record<string, unknown> }[] = []
const server = createServer((request, response) => {
  let body = ''
  request.on('data', chunk => {
    body += chunk
  })
  request.on('end', () => {
    requests.push({ target: String(request.headers['x-amz-target']).split('.')[1] ?? '', body: JSON.parse(body) })
    response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(answer.body))
  })
})
let ecs: Ecs

before(async () => {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
  const client = new ECSClient({ endpoint: `http://127.0.0.1:${port}`, region: 'eu-central-1', credentials, maxAttempts: 1 })
  ecs = makeEcs(client, 'tidemill')
})
after(() => new Promise(resolve => server.close(resolve)))

const input = { cluster: 'tidemill', taskDefinition: 'f', clientToken: 'run-1' }
const run = async (status: number, body: object) => {
  answer = { status, body }
  return ecs.run(input)
}
const refusal = (type: string, message: string, more = {}) => ({ __type: type, message, ...more })

test('a task that was started is named', options, async () => {
  assert.deepEqual(await run(200, { failures: [], tasks: [{ taskArn: taskArn(1) }] }), {
    kind: 'started',
    taskArn: taskArn(1),
    adopted: false,
  })
  assert.deepEqual(requests.at(-1), { target: 'RunTask', body: input })
})

test('fault 03: failures are read before tasks: no capacity is "busy", what does not pass is refused', options, async () => {
  const busy = await run(200, {
    tasks: [],
    failures: [{ reason: 'Capacity is unavailable at this time. Please try again later' }],
  })
  assert.equal(busy.kind, 'busy')
  assert.equal((await run(200, { tasks: [{ taskArn: taskArn(1) }], failures: [{ reason: 'RESOURCE:MEMORY' }] })).kind, 'busy')
  assert.deepEqual(await run(200, { tasks: [], failures: [{ reason: 'MISSING', detail: 'gone' }] }), {
    kind: 'refused',
    words: 'MISSING: gone',
  })
})

test('fault 04: throttling and quotas are "busy", also where they hide', options, async () => {
  for (const [type, message] of [
    ['ThrottlingException', 'Rate exceeded'],
    ['InvalidParameterException', 'Rate exceeded'],
    ['ClientException', 'Too many requests'],
    ['ClientException', 'You have reached the limit on the number of vCPUs you can run concurrently'],
    ['LimitExceededException', 'x'],
  ] as const)
    assert.equal((await run(400, refusal(type, message))).kind, 'busy', `${type}: ${message}`)
})

test('refusals keep AWS’s words', options, async () => {
  assert.deepEqual(await run(400, refusal('InvalidParameterException', 'TaskDefinition is inactive')), {
    kind: 'refused',
    words: 'InvalidParameterException: TaskDefinition is inactive',
  })
  assert.equal((await run(400, refusal('AccessDeniedException', 'not authorized to perform: iam:PassRole'))).kind, 'refused')
  assert.equal((await run(400, refusal('ClusterNotFoundException', 'Cluster not found.'))).kind, 'refused')
})

test('fault 05: no answer is no refusal: the task may exist', options, async () => {
  assert.equal((await run(500, refusal('ServerException', 'x'))).kind, 'unknown')
  assert.equal((await run(200, { failures: [], tasks: [] })).kind, 'unknown')
  const dead = makeEcs(
    new ECSClient({
      endpoint: 'http://127.0.0.1:1',
      region: 'x',
      credentials: { accessKeyId: 't', secretAccessKey: 't' },
      maxAttempts: 1,
    }),
    'tidemill',
  )
  assert.equal((await dead.run(input)).kind, 'unknown')
})

test('fault 06: the task that a conflict names is taken', options, async () => {
  const named = refusal('ConflictException', 'The client token is in use', { resourceIds: [taskArn(4)] })
  assert.deepEqual(await run(400, named), { kind: 'started', taskArn: taskArn(4), adopted: true })
  const inWords = refusal('ConflictException', `The client token is in use by ${taskArn(5)}.`)
  assert.deepEqual(await run(400, inWords), { kind: 'started', taskArn: taskArn(5), adopted: true })
  assert.equal((await run(400, refusal('ConflictException', 'The client token is in use'))).kind, 'unknown')
})

test('tasks are looked for among the running and the stopped, described by 100', options, async () => {
  requests = []
  answer = { status: 200, body: { taskArns: [taskArn(1)] } }
  await ecs.find('run/1')
  assert.deepEqual(requests.map(each => [each.target, each.body.startedBy, each.body.desiredStatus]).sort(), [
    ['ListTasks', 'run/1', 'RUNNING'],
    ['ListTasks', 'run/1', 'STOPPED'],
  ])
  requests = []
  const task = {
    taskArn: taskArn(3),
    lastStatus: 'STOPPED',
    startedAt: 1795312860,
    containers: [{ name: 'runner', exitCode: 0 }],
  }
  answer = { status: 200, body: { tasks: [task], failures: [{ arn: taskArn(1), reason: 'MISSING' }] } }
  const found = await ecs.describe(Array.from({ length: 150 }, (_, i) => taskArn(i)))
  assert.deepEqual(
    requests.map(each => (each.body.tasks as string[]).length),
    [100, 50],
  )
  assert.deepEqual(
    [found.size, found.get(taskArn(3))?.startedAt, found.get(taskArn(3))?.end.exitCode],
    [1, '2026-11-22T02:01:00.000Z', 0],
  )
})

test('a reason for a stop is cut to what AWS takes', options, async () => {
  await ecs.stop(taskArn(1), 'x'.repeat(1000))
  assert.equal(String(requests.at(-1)?.body.reason).length, 255)
})

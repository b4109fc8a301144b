/** A local cloud for tests: real emulator and ECS process, with a small script in the runner's place. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { build } from 'esbuild'
import { AwsError, callAws, signedHeaders } from '../../local/aws-json.ts'
import { down, type LocalCloud, up } from '../../local/cloud.ts'

const root = join(import.meta.dirname, '../..')
const cacheDir = join(root, '.cache')
export const IMAGE = 'tidemill.local/runner:core-1.11-none'

/** What the runner's bundle is in these tests: it does what the variable SCRIPT says. */
const RUNNER = `eval(process.env.SCRIPT)`

export interface TestCloud {
  cloud: LocalCloud
  /** The same, with the address of the ECS. */
  ecs: LocalCloud
  folder: string
  dist: string
  up(options?: { secrets?: string[]; maxTasks?: number }): Promise<LocalCloud>
  close(): Promise<void>
}

/** A built package with the parts of local mode. It lies in the work tree so that node_modules is found. */
async function makeDist(folder: string): Promise<string> {
  const dist = join(folder, 'dist')
  cpSync(join(root, 'local/emulator'), join(dist, 'local/emulator'), { recursive: true })
  await build({
    entryPoints: [join(root, 'local/ecs-main.ts')],
    outfile: join(dist, 'local/ecs.mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'warning',
  })
  mkdirSync(join(dist, 'container/requirements/core-1.11'), { recursive: true })
  writeFileSync(join(dist, 'container/requirements/core-1.11/none.txt'), '# nothing to install\n')
  writeFileSync(join(dist, 'container/runner.cjs'), RUNNER)
  return dist
}

export async function startTestCloud(options: { maxTasks?: number } = {}): Promise<TestCloud> {
  mkdirSync(cacheDir, { recursive: true })
  const folder = mkdtempSync(join(cacheDir, 'local-test-'))
  const dist = await makeDist(folder)
  const start = (more: { secrets?: string[]; maxTasks?: number } = {}) =>
    up({ folder, cacheDir, dist, onProgress: () => undefined, ...options, ...more })
  const cloud = await start()
  return {
    cloud,
    ecs: { ...cloud, endpoint: cloud.ecsEndpoint },
    folder,
    dist,
    up: start,
    async close() {
      await down({ folder })
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
    },
  }
}

export const answerOf = async <T>(promise: Promise<unknown>): Promise<T> => (await promise) as T

/** Waits until `probe` gives something; fails after so many seconds. */
export async function waitFor<T>(what: string, probe: () => Promise<T | undefined>, seconds = 20): Promise<T> {
  const deadline = Date.now() + seconds * 1000
  while (Date.now() < deadline) {
    const found = await probe()
    if (found !== undefined) return found
    await sleep(50)
  }
  throw new Error(`${what}: nothing after ${seconds} s`)
}

/** A queue that gets what a rule or a schedule sends; `take` reads and removes. */
export async function makeQueue({ cloud }: TestCloud, name: string) {
  const call = (operation: string, input: object) => queueCall(cloud, operation, input)
  const { QueueUrl } = await call('CreateQueue', { QueueName: name })
  return {
    url: String(QueueUrl),
    arn: `arn:aws:sqs:${cloud.region}:000000000000:${name}`,
    async take(): Promise<{ Body: string; MessageAttributes?: Record<string, { StringValue: string }> }[]> {
      const { Messages } = await call('ReceiveMessage', { QueueUrl, MaxNumberOfMessages: 10, MessageAttributeNames: ['All'] })
      const messages = (Messages ?? []) as { Body: string; ReceiptHandle: string }[]
      for (const { ReceiptHandle } of messages) await call('DeleteMessage', { QueueUrl, ReceiptHandle })
      return messages
    },
  }
}

async function queueCall(cloud: LocalCloud, operation: string, input: object): Promise<Record<string, unknown>> {
  const response = await fetch(cloud.endpoint, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `AmazonSQS.${operation}`,
      ...signedHeaders(cloud, 'sqs'),
    },
    body: JSON.stringify(input),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${operation}: ${text}`)
  return text === '' ? {} : JSON.parse(text)
}

/** Cluster, log group and task definition, and a queue with every task state change. */
export async function prepareTasks(test: TestCloud, container: object = {}) {
  const { cloud, ecs } = test
  await callAws(ecs, 'ecs', 'CreateCluster', { clusterName: 'cluster', capacityProviders: ['FARGATE', 'FARGATE_SPOT'] })
  await callAws(cloud, 'logs', 'CreateLogGroup', { logGroupName: '/runs' })
  await registerDefinition(test, 'family', container)
  const queue = await makeQueue(test, 'events')
  await callAws(cloud, 'events', 'PutRule', {
    Name: 'tasks',
    EventPattern: JSON.stringify({ source: ['aws.ecs'], 'detail-type': ['ECS Task State Change'] }),
  })
  await callAws(cloud, 'events', 'PutTargets', { Rule: 'tasks', Targets: [{ Id: '1', Arn: queue.arn }] })
  return queue
}

export const registerDefinition = ({ ecs, cloud }: TestCloud, family: string, container: object) =>
  callAws(ecs, 'ecs', 'RegisterTaskDefinition', {
    family,
    networkMode: 'awsvpc',
    cpu: '256',
    memory: '512',
    requiresCompatibilities: ['FARGATE'],
    containerDefinitions: [
      {
        name: 'runner',
        image: IMAGE,
        essential: true,
        stopTimeout: 2,
        logConfiguration: {
          logDriver: 'awslogs',
          options: { 'awslogs-group': '/runs', 'awslogs-region': cloud.region, 'awslogs-stream-prefix': 'run' },
        },
        ...container,
      },
    ],
  })

/** Input of RunTask for a task that does what `script` says. */
export const runInput = (startedBy: string, script: string, more: object = {}) => ({
  cluster: 'cluster',
  taskDefinition: 'family',
  startedBy,
  clientToken: startedBy.replace('/', '-'),
  capacityProviderStrategy: [{ capacityProvider: 'FARGATE', weight: 1 }],
  networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'], assignPublicIp: 'ENABLED' } },
  overrides: { containerOverrides: [{ name: 'runner', environment: [{ name: 'SCRIPT', value: script }] }] },
  ...more,
})

export interface TaskDocument {
  taskArn: string
  lastStatus: string
  desiredStatus: string
  stopCode?: string
  stoppedReason?: string
  startedBy?: string
  version: number
  containers: { name: string; exitCode?: number; reason?: string }[]
}

export const runTask = async (test: TestCloud, input: object) => {
  const { tasks } = await answerOf<{ tasks: TaskDocument[] }>(callAws(test.ecs, 'ecs', 'RunTask', input))
  const [task] = tasks
  if (!task) throw new Error('no task')
  return task
}

/** The task, once it has this status. */
export const taskWith = (test: TestCloud, arn: string, status: string) =>
  waitFor(`${arn} ${status}`, async () => {
    const { tasks } = await answerOf<{ tasks: TaskDocument[] }>(
      callAws(test.ecs, 'ecs', 'DescribeTasks', { cluster: 'cluster', tasks: [arn] }),
    )
    return tasks[0]?.lastStatus === status ? tasks[0] : undefined
  })

/** Lines of the task's log stream, once one matches. */
export const logWith = (test: TestCloud, arn: string, pattern: RegExp) =>
  waitFor(`log of ${arn}`, async () => {
    const { events } = await answerOf<{ events: { message: string }[] }>(
      callAws(test.cloud, 'logs', 'GetLogEvents', {
        logGroupName: '/runs',
        logStreamName: `run/runner/${arn.split('/').at(-1)}`,
        startFromHead: true,
      }).catch(error => {
        // The stream is made when the task starts.
        if (!(error instanceof AwsError && error.code === 'ResourceNotFoundException')) throw error
        return { events: [] }
      }),
    )
    const lines = events.map(event => event.message)
    return lines.some(line => pattern.test(line)) ? lines : undefined
  })

/** Arms a fault on the ECS; `injected` reads its count. */
export async function armFault(test: TestCloud, body: object) {
  const request = (method: string, payload?: object) =>
    fetch(`${test.cloud.ecsEndpoint}/_faults`, {
      method,
      headers: { 'x-tidemill-key': test.cloud.accessKeyId },
      ...(payload && { body: JSON.stringify(payload) }),
    }).then(async response => ({ ok: response.ok, body: (await response.json()) as Record<string, unknown> }))
  const armed = await request('POST', body)
  if (!armed.ok) throw new Error(`fault not armed: ${JSON.stringify(armed.body)}`)
  return {
    injected: async () => {
      const { faults } = (await request('GET')).body as { faults: { id: number; injected: number }[] }
      return faults.find(({ id }) => id === armed.body.id)?.injected
    },
  }
}

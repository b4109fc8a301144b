/** The process-backed ECS on the wire: JSON 1.1, as the SDKs speak it. What it does not do itself goes on to the emulator. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { z } from 'zod/mini'
import { AwsError, callAws, type Emulator } from '../aws-json.ts'
import { parseTaskDefinition } from './definition.ts'
import { type Engine, NO_CAPACITY } from './engine.ts'
import { ENDINGS, type Ending, type Faults } from './faults.ts'
import { checkRunTask, parseRunTask } from './run-task.ts'
import { describeTask } from './task.ts'

const BODY_BYTES = 1024 * 1024
const TARGET = 'AmazonEC2ContainerServiceV20141113.'

export interface ServerOptions {
  emulator: Emulator
  engine: Engine
  faults: Faults
}

export function createEcsServer(options: ServerOptions): Server {
  return createServer((request, response) => {
    handle(request, response, options).catch(error => {
      if (!(error instanceof AwsError)) console.error(JSON.stringify({ message: 'request failed', error: String(error?.stack) }))
      if (response.headersSent || response.destroyed) return
      const known = error instanceof AwsError
      const { code, message, resourceIds } = error as { code?: string; message?: string; resourceIds?: string[] }
      send(response, known ? 400 : 500, {
        __type: known ? code : 'ServerException',
        message,
        ...(resourceIds && { resourceIds }),
      })
    })
  })
}

async function handle(request: IncomingMessage, response: ServerResponse, options: ServerOptions): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://ecs')
  const body = await readBody(request)
  if (pathname === '/_health') return send(response, 200, { status: 'ok' })
  if (pathname === '/_faults') return faultRequest(request, response, body, options)
  if (pathname.startsWith('/v2/credentials/')) return credentials(response, pathname.split('/').at(-1) ?? '', options)
  const target = request.headers['x-amz-target']
  if (request.method !== 'POST' || typeof target !== 'string' || !target.startsWith(TARGET))
    return send(response, 404, { __type: 'UnknownOperationException', message: 'Not an ECS operation.' })
  const operation = OPERATIONS[target.slice(TARGET.length)]
  if (!operation) return passOn(request, response, body, options.emulator)
  const answer = await operation(parseJson(body), options)
  if (answer === LOST) response.destroy()
  else send(response, 200, answer)
}

/** The answer that never arrives. */
const LOST = Symbol('lost')

const OPERATIONS: Record<string, (input: unknown, options: ServerOptions) => Promise<object | typeof LOST>> = {
  RunTask: runTask,
  StopTask: stopTask,
  DescribeTasks: describeTasks,
  ListTasks: listTasks,
}

async function runTask(input: unknown, { emulator, engine, faults }: ServerOptions): Promise<object | typeof LOST> {
  const request = parseRunTask(input)
  const known = engine.repeated(request)
  if (known) return { tasks: [describeTask(known)], failures: [] }
  const [definition, cluster] = await Promise.all([
    callAws(emulator, 'ecs', 'DescribeTaskDefinition', { taskDefinition: request.taskDefinition }).then(
      parseTaskDefinition,
      (error: unknown) => {
        throw error instanceof AwsError ? new AwsError('ClientException', 'Unable to describe task definition.') : error
      },
    ),
    describeCluster(emulator, request.cluster),
  ])
  checkRunTask(request, definition, cluster.capacityProviders)
  const subject = { startedBy: request.startedBy, family: definition.family }
  if (faults.take('throttling', subject)) throw new AwsError('InvalidParameterException', 'Rate exceeded')
  const refusal = faults.take('refuse', subject)
  if (refusal) throw new AwsError(refusal.code, refusal.message)
  const noCapacity = { tasks: [], failures: [{ arn: cluster.clusterArn, reason: NO_CAPACITY }] }
  if (faults.take('capacity', subject)) return noCapacity
  // Another call with this token may have come while the definition was read: from here on nothing is awaited.
  const task = engine.repeated(request) ?? engine.run(request, definition, cluster.clusterArn)
  if (!task) return noCapacity
  return faults.take('lost-answer', subject) ? LOST : { tasks: [describeTask(task)], failures: [] }
}

const clusters = z.object({
  clusters: z.array(z.object({ clusterArn: z.string(), capacityProviders: z._default(z.array(z.string()), []) })),
})

async function describeCluster(emulator: Emulator, cluster: string) {
  const [found] = clusters.parse(await callAws(emulator, 'ecs', 'DescribeClusters', { clusters: [cluster] })).clusters
  if (!found) throw new AwsError('ClusterNotFoundException', 'Cluster not found.')
  return found
}

/** Parameters with the error of ECS when they are not as they should be. */
function parameters<T extends z.ZodMiniType>(schema: T, input: unknown): z.infer<T> {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  throw new AwsError('InvalidParameterException', parsed.error.issues.map(i => `${i.path.join('.')}: ${i.message}`).join('; '))
}

const idOf = (reference: string) => reference.split('/').at(-1) ?? ''

async function stopTask(input: unknown, { engine }: ServerOptions) {
  const { task: reference, reason } = parameters(z.object({ task: z.string(), reason: z.optional(z.string()) }), input)
  const task = engine.tasks.get(idOf(reference))
  if (!task) throw new AwsError('InvalidParameterException', 'The referenced task was not found.')
  engine.stop(task, 'UserInitiated', reason ?? 'Task stopped by user')
  return { task: describeTask(task) }
}

async function describeTasks(input: unknown, { engine }: ServerOptions) {
  const { tasks: references } = parameters(
    z.object({ tasks: z.array(z.string()).check(z.minLength(1), z.maxLength(100)) }),
    input,
  )
  const found = references.flatMap(reference => engine.tasks.get(idOf(reference)) ?? [])
  const missing = references.filter(reference => !engine.tasks.has(idOf(reference)))
  return { tasks: found.map(describeTask), failures: missing.map(arn => ({ arn, reason: 'MISSING' })) }
}

const listInput = z.object({
  cluster: z._default(z.string(), 'default'),
  family: z.optional(z.string()),
  startedBy: z.optional(z.string()),
  containerInstance: z.optional(z.string()),
  serviceName: z.optional(z.string()),
  launchType: z.optional(z.string()),
  desiredStatus: z._default(z.enum(['RUNNING', 'STOPPED']), 'RUNNING'),
  maxResults: z._default(z.number().check(z.minimum(1), z.maximum(100)), 100),
  nextToken: z._default(z.string(), '0'),
})

async function listTasks(input: unknown, { engine }: ServerOptions) {
  const { cluster, family, startedBy, desiredStatus, maxResults, nextToken, ...others } = parameters(listInput, input)
  if (startedBy !== undefined && (family !== undefined || Object.values(others).some(value => value !== undefined)))
    throw new AwsError('InvalidParameterException', 'cannot specify startedBy with other filters')
  const arns = [...engine.tasks.values()]
    .filter(task => idOf(task.clusterArn) === idOf(cluster) && task.desiredStatus === desiredStatus)
    .filter(task => startedBy === undefined || task.request.startedBy === startedBy)
    .filter(task => family === undefined || task.definition.family === family)
    .map(task => task.arn)
  const from = Number(nextToken) || 0
  const end = from + maxResults
  return { taskArns: arns.slice(from, end), ...(end < arns.length && { nextToken: String(end) }) }
}

/** Arms, lists and clears faults. With `task` in the body the fault meets that running task now. */
function faultRequest(
  request: IncomingMessage,
  response: ServerResponse,
  body: Buffer,
  { emulator, engine, faults }: ServerOptions,
) {
  // The key keeps web pages of the same machine out.
  if (request.headers['x-tidemill-key'] !== emulator.accessKeyId)
    return send(response, 403, { message: 'x-tidemill-key is missing.' })
  if (request.method === 'DELETE') faults.clear()
  if (request.method !== 'POST') return send(response, 200, { faults: faults.list() })
  const input = parseJson(body)
  const { task } = parameters(z.object({ task: z.optional(z.string()) }), input)
  const armed = faults.arm(input)
  if (task === undefined) return send(response, 200, armed)
  armed.left = 0
  const ending = ENDINGS.some(kind => kind === armed.fault.kind) ? (armed.fault as Ending) : undefined
  if (ending && engine.inject(idOf(task), ending)) armed.injected = 1
  return send(response, armed.injected ? 200 : 400, armed)
}

/** As the endpoint that Fargate gives a task. The emulator has one key, so all tasks share it. */
function credentials(response: ServerResponse, token: string, { emulator, engine }: ServerOptions) {
  const task = engine.taskOfCredentials(token)
  if (!task) return send(response, 404, { message: 'No credentials of this name.' })
  send(response, 200, {
    RoleArn: task.request.overrides.taskRoleArn ?? task.definition.taskRoleArn,
    AccessKeyId: emulator.accessKeyId,
    SecretAccessKey: emulator.secretAccessKey,
    Token: 'local',
    Expiration: new Date(Date.now() + 6 * 3600_000).toISOString(),
  })
}

async function passOn(request: IncomingMessage, response: ServerResponse, body: Buffer, { endpoint }: Emulator) {
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !/^(host|connection|content-length|transfer-encoding|expect)$/.test(name)
        ? [[name, value]]
        : [],
    ),
  )
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers,
    body: new Uint8Array(body),
    signal: AbortSignal.timeout(60_000),
  })
  response.writeHead(answer.status, { 'content-type': 'application/x-amz-json-1.1' }).end(Buffer.from(await answer.arrayBuffer()))
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES) throw new AwsError('InvalidParameterException', 'Request too large.')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8') || '{}')
  } catch {
    throw new AwsError('SerializationException', 'The body is not JSON.')
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' }).end(JSON.stringify(body))
}

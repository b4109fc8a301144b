/** A task and its two shapes on the wire: in an answer of ECS (times as epoch seconds) and in an event (times as text). */
import { createHash } from 'node:crypto'
import type { ContainerDefinition, TaskDefinition } from './definition.ts'
import { mainContainer } from './definition.ts'
import { type RunTaskInput, sizeOf } from './run-task.ts'

export type TaskStatus = 'PROVISIONING' | 'PENDING' | 'RUNNING' | 'DEPROVISIONING' | 'STOPPED'
export type StopCode =
  | 'EssentialContainerExited'
  | 'InfrastructureHealth'
  | 'SpotInterruption'
  | 'TaskFailedToStart'
  | 'TerminationNotice'
  | 'UserInitiated'

export interface Task {
  readonly arn: string
  readonly id: string
  readonly clusterArn: string
  readonly definition: TaskDefinition
  readonly request: RunTaskInput
  readonly region: string
  readonly account: string
  /** Grows with every change; event and answer carry it. */
  version: number
  lastStatus: TaskStatus
  desiredStatus: 'RUNNING' | 'STOPPED'
  stopCode?: StopCode
  stoppedReason?: string
  /** Of the main container. */
  exitCode?: number
  containerReason?: string
  createdAt: Date
  pullStartedAt?: Date
  pullStoppedAt?: Date
  startedAt?: Date
  stoppingAt?: Date
  executionStoppedAt?: Date
  stoppedAt?: Date
}

export interface NewTask {
  id: string
  request: RunTaskInput
  definition: TaskDefinition
  clusterArn: string
  now: Date
}

export function newTask({ id, request, definition, clusterArn, now }: NewTask): Task {
  const [, , , region = '', account = '', cluster = ''] = clusterArn.split(':')
  const name = cluster.split('/').at(-1)
  return {
    arn: `arn:aws:ecs:${region}:${account}:task/${name}/${id}`,
    id,
    clusterArn,
    definition,
    request,
    region,
    account,
    version: 1,
    lastStatus: 'PROVISIONING',
    desiredStatus: 'RUNNING',
    createdAt: now,
  }
}

type Time = number | string
const seconds = (time: Date): Time => time.getTime() / 1000
const text = (time: Date): Time => time.toISOString()

/** As DescribeTasks, RunTask and StopTask answer. */
export const describeTask = (task: Task) => taskDocument(task, seconds)

/** Entry for PutEvents. EventBridge adds id, account, region and time. */
export const stateChangeEvent = (task: Task) => ({
  Source: 'aws.ecs',
  DetailType: 'ECS Task State Change',
  Resources: [task.arn],
  Detail: JSON.stringify({ ...taskDocument(task, text), updatedAt: new Date().toISOString() }),
})

function taskDocument(task: Task, time: (at: Date) => Time) {
  const { definition, request } = task
  const at = (name: 'pullStartedAt' | 'pullStoppedAt' | 'startedAt' | 'stoppingAt' | 'executionStoppedAt' | 'stoppedAt') => {
    const value = task[name]
    return value ? { [name]: time(value) } : {}
  }
  const fargate = request.capacityProviderStrategy || request.launchType === 'FARGATE'
  return {
    ...elasticNetworkInterface(task),
    attributes: [{ name: 'ecs.cpu-architecture', value: process.arch === 'arm64' ? 'arm64' : 'x86_64' }],
    availabilityZone: `${task.region}a`,
    ...(request.capacityProviderStrategy && { capacityProviderName: request.capacityProviderStrategy[0]?.capacityProvider }),
    clusterArn: task.clusterArn,
    connectivity: 'CONNECTED',
    connectivityAt: time(task.createdAt),
    containers: definition.containerDefinitions.map(container => containerDocument(task, container)),
    ...sizeOf(request, definition),
    createdAt: time(task.createdAt),
    desiredStatus: task.desiredStatus,
    enableExecuteCommand: false,
    ephemeralStorage: request.overrides.ephemeralStorage ?? definition.ephemeralStorage ?? { sizeInGiB: 20 },
    ...at('executionStoppedAt'),
    group: request.group ?? `family:${definition.family}`,
    lastStatus: task.lastStatus,
    launchType: request.launchType ?? (fargate ? 'FARGATE' : 'EC2'),
    overrides: { inferenceAcceleratorOverrides: [], ...request.overrides, containerOverrides: overridesOf(task) },
    platformFamily: 'Linux',
    platformVersion: '1.4.0',
    ...at('pullStartedAt'),
    ...at('pullStoppedAt'),
    ...at('startedAt'),
    ...(request.startedBy !== undefined && { startedBy: request.startedBy }),
    ...(task.stopCode && { stopCode: task.stopCode }),
    ...at('stoppedAt'),
    ...(task.stoppedReason !== undefined && { stoppedReason: task.stoppedReason }),
    ...at('stoppingAt'),
    taskArn: task.arn,
    taskDefinitionArn: definition.taskDefinitionArn,
    version: task.version,
  }
}

/** ECS lists every container, also those without an override. */
const overridesOf = ({ definition, request }: Task) =>
  definition.containerDefinitions.map(
    ({ name }) => request.overrides.containerOverrides?.find(override => override.name === name) ?? { name },
  )

function containerDocument(task: Task, { name, image }: ContainerDefinition) {
  const main = mainContainer(task.definition).name === name
  const status = task.lastStatus === 'STOPPED' ? 'STOPPED' : task.lastStatus === 'RUNNING' ? 'RUNNING' : 'PENDING'
  return {
    containerArn: `arn:aws:ecs:${task.region}:${task.account}:container/${task.clusterArn.split('/').at(-1)}/${task.id}/${name}`,
    cpu: '0',
    ...(main && task.exitCode !== undefined && { exitCode: task.exitCode }),
    image,
    ...(status !== 'PENDING' && { imageDigest: `sha256:${createHash('sha256').update(image).digest('hex')}` }),
    lastStatus: status,
    name,
    networkBindings: [],
    networkInterfaces: [],
    ...(main && task.containerReason !== undefined && { reason: task.containerReason }),
    runtimeId: `${task.id}-${name}`,
    taskArn: task.arn,
  }
}

function elasticNetworkInterface({ id, request, lastStatus }: Task) {
  const subnet = request.networkConfiguration?.awsvpcConfiguration.subnets[0]
  if (subnet === undefined) return { attachments: [] }
  const status = lastStatus === 'STOPPED' ? 'DELETED' : lastStatus === 'PROVISIONING' ? 'PRECREATED' : 'ATTACHED'
  return { attachments: [{ id: `eni-${id}`, type: 'eni', status, details: [{ name: 'subnetId', value: subnet }] }] }
}

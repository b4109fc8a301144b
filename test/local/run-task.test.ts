import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AwsError } from '../../local/aws-json.ts'
import { isFargateSize, parseTaskDefinition } from '../../local/ecs/definition.ts'
import { checkRunTask, parseRunTask } from '../../local/ecs/run-task.ts'
import { describeTask, newTask, stateChangeEvent } from '../../local/ecs/task.ts'

const definition = parseTaskDefinition({
  taskDefinition: {
    taskDefinitionArn: 'arn:aws:ecs:us-east-1:000000000000:task-definition/family:3',
    family: 'family',
    networkMode: 'awsvpc',
    cpu: '1024',
    memory: '2048',
    containerDefinitions: [
      { name: 'sidecar', image: 'other', essential: false },
      { name: 'runner', image: 'image', stopTimeout: 120 },
    ],
  },
})
const good = {
  cluster: 'cluster',
  taskDefinition: 'family',
  startedBy: 'run/1',
  clientToken: 'run-1',
  capacityProviderStrategy: [{ capacityProvider: 'FARGATE' }],
  networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1'] } },
}
const check = (input: object) => checkRunTask(parseRunTask({ ...good, ...input }), definition, ['FARGATE'])

test('RunTask is refused as ECS refuses it', () => {
  check({})
  const cases: [object, RegExp][] = [
    [{ launchType: 'FARGATE' }, /both a launch type and capacity provider strategy/],
    [{ count: 2 }, /count must be 1/],
    [{ clientToken: 'x'.repeat(65) }, /64 characters/],
    [{ startedBy: 'a b' }, /startedBy/],
    [{ startedBy: 'x'.repeat(129) }, /startedBy/],
    [{ networkConfiguration: undefined }, /Network Configuration must be provided/],
    [{ overrides: { containerOverrides: [{ name: 'nobody' }] } }, /Override for container named nobody/],
    [{ overrides: { cpu: '256', memory: '8192' } }, /No Fargate configuration exists/],
    [{ capacityProviderStrategy: [{ capacityProvider: 'FARGATE_SPOT' }] }, /FARGATE_SPOT is not associated/],
    [
      { overrides: { containerOverrides: [{ name: 'runner', environment: [{ name: 'LONG', value: 'x'.repeat(8192) }] }] } },
      /length must be at most 8192/,
    ],
  ]
  for (const [input, message] of cases)
    assert.throws(
      () => check(input),
      (error: AwsError) => error.code === 'InvalidParameterException' && message.test(error.message),
      String(message),
    )
})

test('sizes of Fargate', () => {
  for (const [cpu, memory] of [
    ['256', '512'],
    ['512', '4096'],
    ['4096', '30720'],
    ['16384', '122880'],
  ] as const)
    assert.ok(isFargateSize(cpu, memory))
  for (const [cpu, memory] of [
    ['256', '4096'],
    ['1024', '1536'],
    ['8192', '17408'],
    ['3', '512'],
  ] as const)
    assert.ok(!isFargateSize(cpu, memory))
})

test('a task has epoch seconds in an answer and text in an event, and its end belongs to the main container', () => {
  const clusterArn = 'arn:aws:ecs:us-east-1:000000000000:cluster/cluster'
  const now = new Date('2026-11-22T10:00:00.500Z')
  const task = newTask({ id: 'f'.repeat(32), request: parseRunTask(good), definition, clusterArn, now })
  assert.equal(task.arn, `arn:aws:ecs:us-east-1:000000000000:task/cluster/${'f'.repeat(32)}`)
  assert.equal(describeTask(task).createdAt, 1795341600.5)
  Object.assign(task, {
    lastStatus: 'STOPPED',
    exitCode: 137,
    containerReason: 'OutOfMemoryError: …',
    stopCode: 'EssentialContainerExited',
  })
  const event = stateChangeEvent(task)
  assert.deepEqual([event.Source, event.DetailType, event.Resources], ['aws.ecs', 'ECS Task State Change', [task.arn]])
  const detail = JSON.parse(event.Detail)
  assert.equal(detail.createdAt, '2026-11-22T10:00:00.500Z')
  assert.deepEqual(
    detail.containers.map(({ name, exitCode, reason }: Record<string, unknown>) => [name, exitCode, reason]),
    [
      ['sidecar', undefined, undefined],
      ['runner', 137, 'OutOfMemoryError: …'],
    ],
  )
  assert.deepEqual(detail.overrides.containerOverrides, [{ name: 'sidecar' }, { name: 'runner' }])
  assert.equal(detail.capacityProviderName, 'FARGATE')
})

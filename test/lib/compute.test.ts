import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { CONTAINER, LOG_STREAM_PREFIX, logGroup, taskFamily } from '../../shared/resource-names.ts'
import { config, environment } from './fixture.ts'
import { find, findArn, textOf } from './policy.ts'
import { ofType, one, type Resource, synthesise } from './synth.ts'

const { main } = synthesise(config())
const properties = (type: string, id = /^/) => find(main, type, id).Properties

describe('functions', () => {
  const named = (name: string): Resource => find(main, 'AWS::Lambda::Function', new RegExp(`^(Functions|Config)${name}`))

  it('run on ARM with a Node.js that AWS keeps, inside the time and memory their handlers name', () => {
    const sizes = {
      launcher: [30, 512],
      dispatcher: [300, 512],
      finisher: [300, 1024],
      notifier: [120, 512],
      compactor: [600, 1536],
      sweeper: [280, 1024],
      api: [30, 512],
      Deployer: [60, 256],
    }
    for (const [name, [seconds, memory]] of Object.entries(sizes)) {
      const { Timeout, MemorySize, Runtime, Architectures, ReservedConcurrentExecutions } = named(name).Properties
      assert.deepEqual([Timeout, MemorySize], [seconds, memory], name)
      assert.deepEqual([Runtime, Architectures, ReservedConcurrentExecutions], ['nodejs24.x', ['arm64'], undefined], name)
    }
  })

  it('that are invoked asynchronously try three times and leave a dead letter', () => {
    const settings = ofType(main, 'AWS::Lambda::EventInvokeConfig')
    assert.equal(settings.length, 6)
    for (const { Properties } of settings) {
      assert.equal(Properties.MaximumRetryAttempts, 2)
      assert.ok(Properties.MaximumEventAgeInSeconds >= 300)
      assert.equal(textOf(Properties.DestinationConfig.OnFailure.Destination), findArn(main, 'AWS::SQS::Queue'))
    }
  })

  it('know what their handlers read from the environment, in less than 4 KB', () => {
    const common = ['installation', 'table', 'bucket', 'configKey'] as const
    const wanted: Record<string, (keyof typeof ENV)[]> = {
      launcher: [...common, 'dispatcher', 'finisher'],
      dispatcher: [...common, 'cluster', 'subnets', 'securityGroups', 'assignPublicIp', 'finisher', 'dispatcher'],
      finisher: [...common, 'dispatcher', 'notifier', 'compactor'],
      compactor: [...common, 'compactor'],
      notifier: [...common, 'topic'],
      sweeper: [...common, 'cluster', 'dispatcher', 'notifier', 'compactor', 'deadLetters'],
      api: [...common, 'cluster', 'dispatcher', 'finisher', 'compactor'],
    }
    for (const [name, keys] of Object.entries(wanted)) {
      const { Variables } = named(name).Properties.Environment
      const missing = keys.filter(key => Variables[ENV[key]] === undefined)
      assert.deepEqual(missing, [], name)
      assert.ok(JSON.stringify(Variables).length < 4096, name)
    }
  })

  it('are not deployed before their configuration is stored', () => {
    for (const name of ['launcher', 'dispatcher', 'finisher', 'notifier', 'compactor', 'sweeper', 'api'])
      assert.ok(
        named(name).DependsOn?.some(id => id.startsWith('ConfigCopy')),
        name,
      )
  })
})

describe('task definition', () => {
  const definition = properties('AWS::ECS::TaskDefinition', /ferryprod/)
  const [container, ...others] = definition.ContainerDefinitions

  it('has one container, of the name that the contract gives', () => {
    assert.deepEqual(others, [])
    assert.deepEqual(
      [container.Name, container.Essential, definition.Family],
      [CONTAINER, true, taskFamily('tidemill', 'ferry', 'prod')],
    )
  })

  it('runs as a user without rights on a read-only root, with two folders to write to', () => {
    assert.equal(container.User, '1000:1000')
    assert.equal(container.ReadonlyRootFilesystem, true)
    assert.deepEqual(container.LinuxParameters.Capabilities, { Drop: ['ALL'] })
    assert.deepEqual(
      container.MountPoints.map((mount: { ContainerPath: string }) => mount.ContainerPath),
      ['/tmp', '/work'],
    )
    assert.deepEqual(definition.Volumes, [{ Name: 'tmp' }, { Name: 'work' }])
  })

  it('has 120 s to stop', () => assert.equal(container.StopTimeout, 120))

  it('never waits for CloudWatch, and buffers 25 MB', () => {
    const { LogDriver, Options } = container.LogConfiguration
    assert.equal(LogDriver, 'awslogs')
    assert.deepEqual(
      [Options.mode, Options['max-buffer-size'], Options['awslogs-stream-prefix']],
      ['non-blocking', '25m', LOG_STREAM_PREFIX],
    )
    assert.equal(main.resources[Options['awslogs-group'].Ref]?.Properties.LogGroupName, logGroup('tidemill', 'ferry', 'prod'))
  })

  it('has secrets as references and only the bucket in the clear', () => {
    assert.deepEqual(
      container.Environment.map((each: { Name: string }) => each.Name),
      [ENV.bucket],
    )
    const secrets = Object.fromEntries(
      container.Secrets.map((each: { Name: string; ValueFrom: unknown }) => [each.Name, textOf(each.ValueFrom)]),
    )
    assert.deepEqual(secrets, {
      DBT_PASSWORD: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:prod/warehouse:password::',
      [ENV.gitToken]: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:git-token',
    })
  })

  it('has size and architecture of its environment; the disk only where more than the free 20 GiB is asked for', () => {
    const staging = properties('AWS::ECS::TaskDefinition', /ferrystaging/)
    assert.deepEqual([definition.Cpu, definition.Memory, definition.RuntimePlatform.CpuArchitecture], ['1024', '2048', 'ARM64'])
    assert.deepEqual([staging.Cpu, staging.Memory, staging.RuntimePlatform.CpuArchitecture], ['512', '1024', 'X86_64'])
    assert.deepEqual([definition.EphemeralStorage, staging.EphemeralStorage], [undefined, { SizeInGiB: 40 }])
  })
})

describe('cluster and events', () => {
  it('has both capacity providers and no bill for insights', () => {
    const cluster = one(main, 'AWS::ECS::Cluster').Properties
    assert.deepEqual(cluster.CapacityProviders, ['FARGATE', 'FARGATE_SPOT'])
    assert.deepEqual(cluster.ClusterSettings, [{ Name: 'containerInsights', Value: 'disabled' }])
  })

  it('the finisher gets the events of tasks of this cluster, with a dead letter queue', () => {
    const { EventPattern, Targets } = one(main, 'AWS::Events::Rule').Properties
    assert.deepEqual(EventPattern.source, ['aws.ecs'])
    assert.deepEqual(EventPattern['detail-type'], ['ECS Task State Change'])
    assert.deepEqual(EventPattern.detail.clusterArn.map(textOf), [findArn(main, 'AWS::ECS::Cluster')])
    assert.deepEqual(EventPattern.detail.lastStatus, ['RUNNING', 'STOPPED'])
    assert.equal(Targets.length, 1)
    assert.equal(textOf(Targets[0].Arn), findArn(main, 'AWS::Lambda::Function', /^Functionsfinisher/))
    assert.equal(textOf(Targets[0].DeadLetterConfig.Arn), findArn(main, 'AWS::SQS::Queue'))
    assert.deepEqual(Targets[0].RetryPolicy, { MaximumEventAgeInSeconds: 21_600, MaximumRetryAttempts: 20 })
  })

  it('the api answers only signed requests', () => {
    assert.equal(one(main, 'AWS::Lambda::Url').Properties.AuthType, 'AWS_IAM')
    assert.deepEqual(
      ofType(main, 'AWS::Lambda::Permission').map(({ Properties }) => Properties.Principal),
      ['events.amazonaws.com'],
    )
  })

  it('has at most four alarms, each of which tells the topic', () => {
    const alarms = ofType(main, 'AWS::CloudWatch::Alarm')
    assert.deepEqual(alarms.map(({ Properties }) => Properties.AlarmName).sort(), [
      'tidemill-api-errors',
      'tidemill-dead-letters',
      'tidemill-failed-messages',
      'tidemill-sweeper-silent',
    ])
    for (const { Properties } of alarms) assert.match(Properties.AlarmActions[0].Ref, /^MessagesTopic/)
  })
})

describe('an environment of two architectures', () => {
  const size = { cpu: 1024, memory: 2048, disk: 20, architecture: 'arm64', fallbackArchitecture: 'x86_64', spot: false } as const
  const both = synthesise(config({ environments: { 'ferry/prod': environment('prod', { size }) }, jobs: {} })).main

  it('has a task definition and an image for each, with the same roles, secrets and log', () => {
    const definitions = ofType(both, 'AWS::ECS::TaskDefinition').map(each => each.Properties)
    assert.deepEqual(
      definitions.map(each => [each.Family, each.RuntimePlatform.CpuArchitecture]),
      [
        [taskFamily('tidemill', 'ferry', 'prod'), 'ARM64'],
        [taskFamily('tidemill', 'ferry', 'prod', 'x86_64'), 'X86_64'],
      ].map(([family, architecture]) => [family, architecture]),
    )
    const [arm, x86] = definitions.map(({ Family: _, RuntimePlatform: __, ContainerDefinitions: [container], ...rest }) => ({
      ...rest,
      container: { ...container, Image: undefined },
    }))
    assert.deepEqual(arm, x86)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { taskFamily } from '../../shared/resource-names.ts'
import { config, environment } from './fixture.ts'
import { find, findArn, isAllowed, type Statement, statementsOf } from './policy.ts'
import { type Resource, synthesise } from './synth.ts'

const names = ['prod', 'prod2', 'pro', 'staging']
const environments = Object.fromEntries(
  names.map(name => [
    `ferry/${name}`,
    environment(name, { secrets: { DBT_PASSWORD: { name: `${name}/warehouse`, field: 'password' } } }),
  ]),
)
const { main } = synthesise(config({ environments }), {
  imageRepository: '111122223333.dkr.ecr.eu-central-1.amazonaws.com/tidemill',
})

const bucket = findArn(main, 'AWS::S3::Bucket')
const clusterArn = findArn(main, 'AWS::ECS::Cluster')
const arn = (service: string, rest: string, region = 'eu-central-1') => `arn:aws:${service}:${region}:111122223333:${rest}`
const role = (id: RegExp): Statement[] => statementsOf(find(main, 'AWS::IAM::Role', id))
const taskRole = (name: string) => role(new RegExp(`^Environmentsferry${name}TaskRole`))

const S3_ACTIONS = [
  'GetObject', 'GetObjectVersion', 'GetObjectTagging', 'PutObject', 'PutObjectAcl', 'PutObjectTagging', 'DeleteObject',
  'DeleteObjectVersion', 'RestoreObject', 'AbortMultipartUpload', 'ListMultipartUploadParts', 'BypassGovernanceRetention',
] // biome-ignore format: a list

describe('task role of an environment', () => {
  it('reads plans and state, reads and writes runs, cache and docs of its own', () => {
    for (const top of ['plans', 'state', 'runs', 'cache', 'docs'])
      assert.ok(isAllowed(taskRole('prod'), { action: 's3:GetObject', resource: `${bucket}/${top}/ferry/prod/x/y.json` }), top)
    for (const top of ['runs', 'cache', 'docs'])
      assert.ok(isAllowed(taskRole('prod'), { action: 's3:PutObject', resource: `${bucket}/${top}/ferry/prod/x/y.json` }), top)
  })

  it('cannot change plans and state, deletes nothing, lists nothing', () => {
    for (const top of ['plans', 'state'])
      assert.ok(!isAllowed(taskRole('prod'), { action: 's3:PutObject', resource: `${bucket}/${top}/ferry/prod/x.json` }), top)
    for (const top of ['plans', 'state', 'runs', 'cache', 'docs'])
      for (const action of ['s3:DeleteObject', 's3:DeleteObjectVersion', 's3:PutObjectAcl'])
        assert.ok(!isAllowed(taskRole('prod'), { action, resource: `${bucket}/${top}/ferry/prod/x.json` }), `${action} ${top}`)
    for (const prefix of ['', 'runs/ferry/prod/', 'runs/ferry/staging/'])
      assert.ok(!isAllowed(taskRole('prod'), { action: 's3:ListBucket', resource: bucket, context: { 's3:prefix': prefix } }))
  })

  it('fault 50: is denied every action on the prefixes of every other environment, of other projects and of the service', () => {
    let denied = 0
    for (const own of names)
      for (const place of [
        ...names.filter(name => name !== own).map(name => `ferry/${name}`),
        'ferries/prod',
        `ferry2/${own}`,
        '',
      ])
        for (const top of ['plans', 'runs', 'state', 'cache', 'docs', 'config', 'history', 'site'])
          for (const action of S3_ACTIONS) {
            const resource = `${bucket}/${top}/${place}/x.json`
            assert.ok(!isAllowed(taskRole(own), { action: `s3:${action}`, resource }), `${own}: ${action} ${resource}`)
            denied++
          }
    assert.equal(denied, names.length * 6 * 8 * S3_ACTIONS.length)
  })

  it('reaches neither table nor queue, function, task, role or secret', () => {
    for (const name of names)
      for (const { actions } of taskRole(name))
        assert.ok(
          actions.every(action => /^s3:(GetObject|PutObject)$/.test(action)),
          actions.join(),
        )
  })
})

describe('execution role of an environment', () => {
  const secret = (name: string) => arn('secretsmanager', `secret:${name}-a1B2c3`)
  const read = (environmentName: string, name: string) =>
    isAllowed(role(new RegExp(`^Environmentsferry${environmentName}ExecutionRole`)), {
      action: 'secretsmanager:GetSecretValue',
      resource: secret(name),
    })

  it('reads the secrets of its environment and of its project', () => {
    assert.ok(read('prod', 'prod/warehouse'))
    assert.ok(read('prod', 'git-token'))
  })

  it('reads no secret of another environment, and none whose name only begins the same', () => {
    for (const other of ['staging/warehouse', 'prod2/warehouse', 'slack-webhook', 'git-token-admin', 'prod/warehouse-admin'])
      assert.ok(!read('prod', other), other)
  })
})

describe('dispatcher', () => {
  const dispatcher = role(/^FunctionsdispatcherRole/)
  const run = (family: string, cluster: string) =>
    isAllowed(dispatcher, {
      action: 'ecs:RunTask',
      resource: arn('ecs', `task-definition/${family}`),
      context: { 'ecs:cluster': cluster },
    })
  const pass = (path: string, service = 'ecs-tasks.amazonaws.com') =>
    isAllowed(dispatcher, {
      action: 'iam:PassRole',
      resource: arn('iam', `role${path}`, ''),
      context: { 'iam:PassedToService': service },
    })

  it('starts the tasks of this installation on its cluster, also of an environment that was removed', () => {
    assert.ok(run(taskFamily('tidemill', 'ferry', 'prod'), clusterArn))
    assert.ok(run(`${taskFamily('tidemill', 'ferry', 'prod')}:7`, clusterArn))
    assert.ok(run(taskFamily('tidemill', 'ferry', 'removed'), clusterArn))
    assert.ok(!run(taskFamily('tidemill', 'ferry', 'prod'), arn('ecs', 'cluster/other')))
    assert.ok(!run(taskFamily('tidemill-b', 'ferry', 'prod'), clusterArn))
    assert.ok(
      !isAllowed(dispatcher, {
        action: 'ecs:RunTask',
        resource: arn('ecs', 'task-definition/other:1'),
        context: { 'ecs:cluster': clusterArn },
      }),
    )
  })

  it('passes the roles of its tasks, to tasks', () => {
    assert.ok(pass('/tidemill/tidemill/x'))
    assert.ok(!pass('/tidemill/tidemill/x', 'lambda.amazonaws.com'))
    assert.ok(!pass('/tidemill/tidemill-b/x'))
    assert.ok(!pass('/Admin'))
  })
})

describe('who may do what', () => {
  const policies: [string, Resource][] = Object.entries(main.resources).filter(([, { Type }]) =>
    /^AWS::IAM::(Role|ManagedPolicy)$/.test(Type),
  )
  const all = policies.flatMap(([id, resource]) => statementsOf(resource).map(statement => ({ id, ...statement })))

  it('has no policy outside a role but the two managed ones', () => {
    assert.equal(Object.values(main.resources).filter(({ Type }) => Type === 'AWS::IAM::Policy').length, 0)
    for (const [id, { Properties }] of policies) assert.equal(Properties.ManagedPolicyArns, undefined, id)
  })

  it('has `*` as a resource only where AWS knows nothing narrower', () => {
    const whole = all.filter(({ resources }) => resources.includes('*'))
    const actions = [...new Set(whole.flatMap(statement => statement.actions))].sort()
    assert.deepEqual(actions, ['ecr:GetAuthorizationToken', 'ecs:ListTasks'])
    for (const { actions, conditions } of whole)
      if (actions.includes('ecs:ListTasks')) assert.deepEqual(conditions, { ArnEquals: { 'ecs:cluster': [clusterArn] } })
  })

  it('has no wildcard in an action', () => {
    assert.ok(all.length > 30)
    for (const { id, actions } of all) assert.ok(!actions.some(action => action.includes('*')), `${id} ${actions}`)
  })

  it('lets nobody but Scheduler call the launcher', () => {
    const called = [findArn(main, 'AWS::Lambda::Function', /^Functionslauncher/), arn('lambda', 'function:tidemill-launcher')]
    const callers = all.filter(statement =>
      called.some(resource => isAllowed([statement], { action: 'lambda:InvokeFunction', resource })),
    )
    assert.deepEqual(
      callers.map(({ id }) => id.replace(/[0-9A-F]{8}$/, '')),
      ['TriggersSchedulerRole'],
    )
  })

  it('keeps policies below the sizes of IAM: 10,240 characters in a role, 6,144 in a managed policy', () => {
    for (const [id, resource] of policies) {
      const size = JSON.stringify(statementsOf(resource)).length
      assert.ok(size < (resource.Type === 'AWS::IAM::Role' ? 10_240 : 6144), `${id} ${size}`)
    }
  })
})

describe('viewer and operator', () => {
  const viewer = statementsOf(find(main, 'AWS::IAM::ManagedPolicy', /^Accessviewer/))
  const operator = statementsOf(find(main, 'AWS::IAM::ManagedPolicy', /^Accessoperator/))
  const api = findArn(main, 'AWS::Lambda::Function', /^Functionsapi/)
  const byUrl = { action: 'lambda:InvokeFunctionUrl', resource: api, context: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } }
  const throughUrl = { action: 'lambda:InvokeFunction', resource: api, context: { 'lambda:InvokedViaFunctionUrl': 'true' } }

  it('both see runs, artifacts and logs', () => {
    for (const statements of [viewer, operator]) {
      assert.ok(isAllowed(statements, { action: 's3:GetObject', resource: `${bucket}/runs/ferry/prod/nightly/x/run.json` }))
      assert.ok(
        isAllowed(statements, {
          action: 'dynamodb:Query',
          resource: `${findArn(main, 'AWS::DynamoDB::Table')}/index/day`,
        }),
      )
    }
  })

  it('neither sees plans and caches, nor writes', () => {
    for (const statements of [viewer, operator]) {
      assert.ok(!isAllowed(statements, { action: 's3:GetObject', resource: `${bucket}/cache/ferry/prod/git` }))
      const writes = statements
        .flatMap(({ actions }) => actions)
        .filter(action => /:(Put|Update|Delete|Create|Write|Batch(?!Get))/.test(action))
      assert.deepEqual(writes, [])
    }
  })

  it('only the operator calls the api, and only by its URL', () => {
    assert.ok(isAllowed(operator, byUrl) && isAllowed(operator, throughUrl))
    assert.ok(!isAllowed(operator, { action: 'lambda:InvokeFunction', resource: api }))
    assert.ok(!isAllowed(viewer, byUrl) && !isAllowed(viewer, throughUrl))
  })
})

describe('evaluator of policies', () => {
  const allow = (resource: string, conditions = {}): Statement => ({
    effect: 'Allow',
    actions: ['s3:Get*'],
    resources: [resource],
    conditions,
  })

  it('needs an allow, and a deny wins', () => {
    const request = { action: 's3:GetObject', resource: 'b/x/y' }
    assert.ok(!isAllowed([], request))
    assert.ok(isAllowed([allow('b/*')], request))
    assert.ok(!isAllowed([allow('b/*'), { ...allow('b/x/*'), effect: 'Deny' }], request))
  })

  it('takes `?` for one character and a missing key for a condition that does not hold', () => {
    assert.ok(isAllowed([allow('b/?')], { action: 'S3:getobject', resource: 'b/x' }))
    assert.ok(!isAllowed([allow('b/?')], { action: 's3:GetObject', resource: 'b/xy' }))
    assert.ok(!isAllowed([allow('*', { StringLike: { k: ['*'] } })], { action: 's3:GetObject', resource: 'b' }))
    assert.ok(
      isAllowed([allow('*', { StringLike: { k: ['a*'] } })], { action: 's3:GetObject', resource: 'b', context: { k: 'ab' } }),
    )
  })
})

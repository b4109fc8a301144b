import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Config, TriggerConfig } from '../../shared/config-model.ts'
import { objectPattern } from '../../shared/event-pattern.ts'
import { OUTPUT } from '../../shared/resource-names.ts'
import { config, job } from './fixture.ts'
import { find, findArn, isAllowed, statementsOf, textOf } from './policy.ts'
import { ofType, one, type Synthesis, synthesise } from './synth.ts'

const jobsWith = (triggers: Record<string, TriggerConfig[]>) =>
  Object.fromEntries(
    Object.entries(triggers).map(([name, each]) => [`ferry/${name}`, job(name, { schedules: [], triggers: each })]),
  )
const object: TriggerConfig = {
  kind: 'event',
  name: 's3',
  bus: 'default',
  pattern: objectPattern('raw', 'a/', ''),
  coalesce: false,
}
const loaded: TriggerConfig = { kind: 'event', name: 'loaded', bus: 'acme-data', pattern: { source: ['acme'] }, coalesce: false }
const commit: TriggerConfig = { kind: 'commit', name: 'commit' }
const request: TriggerConfig = { kind: 'request', name: 'request', secret: { name: 'ci', field: 'key' }, overrides: [] }

const hooked = (changes: Partial<Config> = {}): Config => {
  const base = config(changes)
  const { ferry } = base.projects
  return {
    ...base,
    projects: { ferry: { ...(ferry as NonNullable<typeof ferry>), webhook: { secret: { name: 'hook', field: null } } } },
  }
}
const codecommit = (base: Config): Config => {
  const { ferry } = base.projects
  const own = { repository: 'codecommit::eu-central-1://ferry-dbt', credentials: { kind: 'codecommit' as const } }
  return { ...base, projects: { ferry: { ...(ferry as NonNullable<typeof ferry>), ...own } } }
}
const rulesOf = ({ nested }: Synthesis) =>
  nested
    .flatMap(({ resources }) => Object.values(resources).filter(({ Type }) => Type === 'AWS::Events::Rule'))
    .map(each => each.Properties)

describe('events that jobs wait for', () => {
  const synthesis = synthesise(config({ jobs: jobsWith({ load: [object, loaded], plain: [] }) }))
  const rules = rulesOf(synthesis)

  it('have a rule each, on their bus, that gives the launcher job, trigger and the whole event', () => {
    assert.deepEqual(rules.map(({ Name, EventBusName, EventPattern }) => [Name, EventBusName, EventPattern]).sort(), [
      ['tidemill.ferry.load.on-loaded', 'acme-data', { source: ['acme'] }],
      ['tidemill.ferry.load.on-s3', undefined, objectPattern('raw', 'a/', '')],
    ])
    const [rule] = rules.filter(({ Name }) => Name.endsWith('s3'))
    const [target, ...more] = rule?.Targets ?? []
    assert.deepEqual(more, [])
    assert.equal(
      target.InputTransformer.InputTemplate,
      '{"kind":"event","job":"ferry/load","trigger":"s3","event":<aws.events.event.json>}',
    )
    assert.match(JSON.stringify(target.Arn), /launcher/)
    assert.deepEqual(target.RetryPolicy, { MaximumEventAgeInSeconds: 86_400, MaximumRetryAttempts: 185 })
    assert.match(JSON.stringify(target.DeadLetterConfig), /Queue/)
  })

  it('may call the launcher and put dead letters into the queue: rules of this installation alone', () => {
    const permissions = ofType(synthesis.main, 'AWS::Lambda::Permission').filter(({ Properties }) =>
      /launcher/i.test(JSON.stringify(Properties.FunctionName)),
    )
    assert.deepEqual(permissions.map(({ Properties }) => textOf(Properties.SourceArn)).sort(), [
      'arn:aws:events:eu-central-1:111122223333:rule/acme-data/tidemill.*',
      'arn:aws:events:eu-central-1:111122223333:rule/tidemill.*',
    ])
    const { Statement } = one(synthesis.main, 'AWS::SQS::QueuePolicy').Properties.PolicyDocument
    const sources = (Statement as { Condition?: { ArnLike?: unknown }; Principal?: { Service?: string } }[])
      .filter(({ Principal }) => Principal?.Service === 'events.amazonaws.com')
      .map(({ Condition }) => JSON.stringify(Condition?.ArnLike ?? ''))
    assert.ok(sources.some(each => each.includes('rule/tidemill.*')))
  })

  it('of a branch in CodeCommit come without a public address', () => {
    const own = synthesise(codecommit(config({ jobs: jobsWith({ load: [commit] }) })))
    const [rule] = rulesOf(own)
    assert.deepEqual(rule?.EventPattern.detail, {
      event: ['referenceCreated', 'referenceUpdated'],
      repositoryName: ['ferry-dbt'],
      referenceType: ['branch'],
      referenceName: ['main'],
    })
    assert.match(rule?.Targets[0].InputTransformer.InputTemplate, /^\{"kind":"codecommit","job":"ferry\/load","event":<aws/)
    assert.equal(own.main.outputs[OUTPUT.webhookUrl], undefined)
  })
})

describe('the webhook', () => {
  it('is not there, and nothing else is, for those whose jobs do not ask for it', () => {
    const bare = synthesise(config())
    const types = (synthesis: Synthesis) =>
      Object.values(synthesis.main.resources)
        .map(({ Type }) => Type)
        .sort()
    assert.deepEqual(rulesOf(bare), [])
    assert.equal(Object.keys(bare.main.resources).filter(id => /webhook/i.test(id)).length, 0)
    assert.equal(ofType(bare.main, 'AWS::Lambda::Url').length, 1)
    assert.deepEqual(types(synthesise(hooked())), types(bare))
  })

  const { main } = synthesise(hooked({ jobs: jobsWith({ load: [commit, request] }) }))
  const role = statementsOf(find(main, 'AWS::IAM::Role', /^FunctionswebhookRole/))
  const arn = (rest: string) => `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${rest}`

  it('has a public address of its own, told as an output; the api keeps its own', () => {
    const types = ofType(main, 'AWS::Lambda::Url').map(({ Properties }) => [
      /webhook/.test(JSON.stringify(Properties.TargetFunctionArn)),
      Properties.AuthType,
    ])
    assert.deepEqual(types.sort(), [[false, 'AWS_IAM'], [true, 'NONE']]) // biome-ignore format: a table
    assert.ok(main.outputs[OUTPUT.webhookUrl])
    const open = ofType(main, 'AWS::Lambda::Permission').filter(({ Properties }) => Properties.Principal === '*')
    assert.ok(open.length > 0 && open.every(({ Properties }) => /webhook/.test(JSON.stringify(Properties.FunctionName))))
  })

  it('reads the secrets that sign its calls, the configuration, and calls the launcher; nothing else', () => {
    const actions = new Set(role.flatMap(each => each.actions))
    assert.deepEqual([...actions].sort(), [
      'lambda:InvokeFunction', 'logs:CreateLogStream', 'logs:PutLogEvents', 's3:GetObject', 'secretsmanager:GetSecretValue',
    ]) // biome-ignore format: a list
    for (const name of ['hook-a1B2c3', 'ci-a1B2c3'])
      assert.ok(isAllowed(role, { action: 'secretsmanager:GetSecretValue', resource: arn(name) }))
    for (const name of ['git-token-a1B2c3', 'prod/warehouse-a1B2c3', 'slack-webhook-a1B2c3'])
      assert.ok(!isAllowed(role, { action: 'secretsmanager:GetSecretValue', resource: arn(name) }), name)
    const calls = role.filter(each => each.actions.includes('lambda:InvokeFunction')).flatMap(each => each.resources)
    assert.deepEqual(
      calls.map(each => each.split('-').at(-1)),
      ['launcher'],
    )
    const bucket = findArn(main, 'AWS::S3::Bucket')
    assert.ok(!isAllowed(role, { action: 's3:GetObject', resource: `${bucket}/runs/ferry/prod/x/run.json` }))
  })

  it('alarms together with the api', () => {
    const alarm = ofType(main, 'AWS::CloudWatch::Alarm').find(({ Properties }) => Properties.AlarmName === 'tidemill-api-errors')
    assert.match(JSON.stringify(alarm?.Properties.Metrics), /api \+ webhook/)
    assert.ok(ofType(main, 'AWS::CloudWatch::Alarm').length <= 4)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { INDEX } from '../../shared/contract.ts'
import { OUTPUT } from '../../shared/resource-names.ts'
import { config } from './fixture.ts'
import { findArn, textOf } from './policy.ts'
import { ofType, one, synthesise } from './synth.ts'

const { main } = synthesise(config())

describe('bucket', () => {
  const bucket = one(main, 'AWS::S3::Bucket')

  it('is encrypted, private and versioned', () => {
    const [rule] = bucket.Properties.BucketEncryption.ServerSideEncryptionConfiguration
    assert.equal(rule.ServerSideEncryptionByDefault.SSEAlgorithm, 'AES256')
    assert.deepEqual(bucket.Properties.PublicAccessBlockConfiguration, {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    })
    assert.equal(bucket.Properties.VersioningConfiguration.Status, 'Enabled')
  })

  it('refuses requests without TLS or with an old one', () => {
    const statements = one(main, 'AWS::S3::BucketPolicy').Properties.PolicyDocument.Statement
    const denied = statements.filter(
      (each: { Effect: string; Action: string }) => each.Effect === 'Deny' && each.Action === 's3:*',
    )
    const conditions = denied.map((each: { Condition: unknown }) => each.Condition)
    assert.deepEqual(conditions, [{ Bool: { 'aws:SecureTransport': 'false' } }, { NumericLessThan: { 's3:TlsVersion': 1.2 } }])
    for (const { Resource: resources, Principal } of denied) {
      assert.deepEqual(Principal, { AWS: '*' })
      assert.deepEqual(resources.map(textOf), [findArn(main, 'AWS::S3::Bucket'), `${findArn(main, 'AWS::S3::Bucket')}/*`])
    }
  })

  it('ends runs after the retention, old versions and unfinished uploads soon', () => {
    const rules = bucket.Properties.LifecycleConfiguration.Rules
    assert.ok(rules.every((rule: { Status: string }) => rule.Status === 'Enabled'))
    const by = (id: string) => rules.find((rule: { Id: string }) => rule.Id === id)
    assert.deepEqual([by('runs').Prefix, by('runs').ExpirationInDays], ['runs/', 403])
    assert.deepEqual([by('plans').Prefix, by('plans').ExpirationInDays], ['plans/', 403])
    assert.equal(by('overwritten').NoncurrentVersionExpiration.NoncurrentDays, 14)
    assert.equal(by('incomplete-uploads').AbortIncompleteMultipartUpload.DaysAfterInitiation, 1)
    const expiring = rules.filter((rule: { ExpirationInDays?: number }) => rule.ExpirationInDays)
    assert.deepEqual(
      expiring.map((rule: { Id: string }) => rule.Id),
      ['runs', 'plans'],
    )
  })
})

describe('table', () => {
  const table = one(main, 'AWS::DynamoDB::Table')

  it('is paid by request and can be put back to any moment of the last 35 days', () => {
    assert.equal(table.Properties.BillingMode, 'PAY_PER_REQUEST')
    assert.equal(table.Properties.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled, true)
  })

  it('has the keys and the keys-only indexes of the contract', () => {
    assert.deepEqual(table.Properties.KeySchema, [{ AttributeName: 'pk', KeyType: 'HASH' }])
    const indexes = table.Properties.GlobalSecondaryIndexes.map(
      (index: { IndexName: string; KeySchema: { AttributeName: string }[]; Projection: { ProjectionType: string } }) => ({
        name: index.IndexName,
        keys: index.KeySchema.map(key => key.AttributeName),
        projection: index.Projection.ProjectionType,
      }),
    )
    const wanted = Object.values(INDEX).map(({ name, partition, sort }) => ({
      name,
      keys: [partition, sort],
      projection: 'KEYS_ONLY',
    }))
    assert.deepEqual(indexes, wanted)
  })
})

describe('what stays', () => {
  it('bucket and table are kept on destroy and replacement, and removed only if their first deployment fails', () => {
    for (const type of ['AWS::S3::Bucket', 'AWS::DynamoDB::Table'])
      assert.deepEqual(
        [one(main, type).DeletionPolicy, one(main, type).UpdateReplacePolicy],
        ['RetainExceptOnCreate', 'Retain'],
        type,
      )
  })

  it('task definition and roles of a removed environment are kept for its open runs, under names that never clash', () => {
    const kept = Object.entries(main.resources).filter(([id]) =>
      /^Environments.*(TaskRole|ExecutionRole|TaskDefinition)/.test(id),
    )
    assert.equal(kept.length, 6)
    for (const [id, { DeletionPolicy, Properties }] of kept) {
      assert.equal(DeletionPolicy, 'RetainExceptOnCreate', id)
      assert.equal(Properties.RoleName, undefined, id)
    }
  })
})

describe('logs, queue and topic', () => {
  it('every log group has the retention of the configuration', () => {
    const groups = ofType(main, 'AWS::Logs::LogGroup').map(({ Properties }) => Properties)
    const named = groups.filter(({ LogGroupName }) => typeof LogGroupName === 'string')
    assert.equal(named.length, 10)
    for (const { RetentionInDays } of named) assert.equal(RetentionInDays, 30)
    for (const { RetentionInDays } of groups) assert.ok(RetentionInDays > 0)
  })

  it('every function writes to a group of ours', () => {
    const ours = ofType(main, 'AWS::Lambda::Function').filter(({ Properties }) =>
      String(Properties.FunctionName).startsWith('tidemill-'),
    )
    assert.equal(ours.length, 8)
    for (const { Properties } of ours) assert.match(Properties.LoggingConfig.LogGroup.Ref, /Log[0-9A-F]{8}$/)
  })

  it('queue and topic refuse requests without TLS; the queue is encrypted and keeps its letters 14 days', () => {
    const queue = one(main, 'AWS::SQS::Queue').Properties
    assert.equal(queue.SqsManagedSseEnabled, true)
    assert.equal(queue.MessageRetentionPeriod, 14 * 86_400)
    for (const type of ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy']) {
      const [deny] = one(main, type).Properties.PolicyDocument.Statement.filter(
        (each: { Effect: string }) => each.Effect === 'Deny',
      )
      assert.deepEqual(deny.Condition, { Bool: { 'aws:SecureTransport': 'false' } }, type)
    }
  })

  it('alarms of the account, and of no other, may publish to the topic', () => {
    const [allow] = one(main, 'AWS::SNS::TopicPolicy').Properties.PolicyDocument.Statement.filter(
      (each: { Effect: string }) => each.Effect === 'Allow',
    )
    assert.deepEqual(allow.Principal, { Service: 'cloudwatch.amazonaws.com' })
    assert.deepEqual(allow.Condition, { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } })
  })
})

describe('outputs', () => {
  it('are those by which the command line finds the installation, and none is exported', () => {
    const always = Object.values(OUTPUT).filter(name => name !== OUTPUT.webhookUrl)
    assert.deepEqual(Object.keys(main.outputs).sort(), always.sort())
    for (const { Export } of Object.values(main.outputs)) assert.equal(Export, undefined)
  })
})

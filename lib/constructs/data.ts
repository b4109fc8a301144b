import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, BillingMode, ProjectionType, Table } from 'aws-cdk-lib/aws-dynamodb'
import { BlockPublicAccess, Bucket, BucketEncryption, type LifecycleRule } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { ENV, environmentPrefix, INDEX, TTL } from '../../shared/contract.ts'
import { keptDays, LATER_DAYS, type Retention } from '../../shared/retention.ts'
import { acknowledge } from '../acknowledge.ts'
import type { ServiceFunction } from './function.ts'

/** First part of a key of the bucket. */
export type Top = 'config' | 'plans' | 'runs' | 'state' | 'cache' | 'docs' | 'history'
export type TableAction = 'GetItem' | 'BatchGetItem' | 'PutItem' | 'UpdateItem' | 'DeleteItem' | 'ConditionCheckItem'

const ALL_ENVIRONMENTS = 'The function serves all environments; it reaches this kind of object only.'

export interface DataProps {
  /** How long runs are kept, by environment. */
  readonly retention: Retention
}

/** S3's limit for the rules of a bucket, less those that are always there. */
const MOST_RULES = 990

/**
 * Objects of runs go some days after the run has left the index. Of several rules for an object the shortest holds, so the
 * rule for all, which is also that of environments that are gone, has the longest time. Docs and state stay while a pointer
 * names them, which no rule can know: the compactor removes them.
 */
function expirations(retention: Retention): LifecycleRule[] {
  const names = Object.keys(retention.environments)
  const longest = Math.max(retention.retention.runs, ...names.map(name => keptDays(retention, name)))
  const rule = (id: string, prefix: string, days: number) => ({ id, prefix, expiration: Duration.days(days + LATER_DAYS) })
  const shorter = names.filter(name => keptDays(retention, name) < longest)
  const own = shorter.flatMap(name => {
    const [project = '', environment = ''] = name.split('/')
    return (['runs', 'plans'] as const).map(top =>
      rule(`${top}-${project}-${environment}`, environmentPrefix(top, project, environment), keptDays(retention, name)),
    )
  })
  if (own.length > MOST_RULES)
    throw new Error(
      `${shorter.length} environments have a retention of their own; S3 takes rules for ${MOST_RULES / 2}. Give more of them the one of the installation`,
    )
  return [rule('runs', 'runs/', longest), rule('plans', 'plans/', longest), ...own]
}

/** What outlives a deployment: the table, which is the truth about runs, and the bucket, which is the truth about what they produced. */
export class Data extends Construct {
  readonly bucket: Bucket
  readonly table: Table

  constructor(scope: Construct, id: string, props: DataProps) {
    super(scope, id)
    this.bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // A task may overwrite what its environment has; for two weeks that can be undone.
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      lifecycleRules: [
        { id: 'incomplete-uploads', abortIncompleteMultipartUploadAfter: Duration.days(1) },
        { id: 'overwritten', noncurrentVersionExpiration: Duration.days(14), expiredObjectDeleteMarker: true },
        // Written anew by every run: old versions only cost money.
        { id: 'overwritten-cache', prefix: 'cache/', noncurrentVersionExpiration: Duration.days(1) },
        ...expirations(props.retention),
      ],
    })
    acknowledge(this.bucket, {
      'AwsSolutions-S1':
        'Access logs of a private bucket cost more than they tell; CloudTrail data events can be switched on where an audit asks for them.',
    })
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: TTL,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    })
    for (const index of Object.values(INDEX))
      this.table.addGlobalSecondaryIndex({
        indexName: index.name,
        partitionKey: { name: index.partition, type: AttributeType.STRING },
        sortKey: { name: index.sort, type: AttributeType.STRING },
        projectionType: ProjectionType.KEYS_ONLY,
      })
  }

  grantTable(to: ServiceFunction, actions: TableAction[], query: (keyof typeof INDEX)[] = []): void {
    if (actions.length > 0)
      to.allow(
        actions.map(action => `dynamodb:${action}`),
        [this.table.tableArn],
      )
    if (query.length > 0)
      to.allow(
        ['dynamodb:Query'],
        query.map(name => `${this.table.tableArn}/index/${INDEX[name].name}`),
      )
    to.addEnvironment(ENV.table, this.table.tableName)
  }

  grantRead(to: ServiceFunction, tops: Top[]): void {
    to.allow(['s3:GetObject'], this.objects(tops), { because: ALL_ENVIRONMENTS })
    to.addEnvironment(ENV.bucket, this.bucket.bucketName)
  }

  grantWrite(to: ServiceFunction, tops: Top[]): void {
    to.allow(['s3:PutObject'], this.objects(tops), { because: ALL_ENVIRONMENTS })
    to.addEnvironment(ENV.bucket, this.bucket.bucketName)
  }

  grantRemove(to: ServiceFunction, tops: Top[]): void {
    to.allow(['s3:DeleteObject'], this.objects(tops), { because: ALL_ENVIRONMENTS })
  }

  /** Without it S3 answers 403 for an object that is not there; a condition on the prefix would not help a GetObject. */
  grantList(to: ServiceFunction): void {
    to.allow(['s3:ListBucket'], [this.bucket.bucketArn])
  }

  private objects(tops: Top[]): string[] {
    return tops.map(top => this.bucket.arnForObjects(`${top}/*`))
  }
}

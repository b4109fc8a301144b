import { ArnFormat, Stack } from 'aws-cdk-lib'
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { FunctionUrlAuthType } from 'aws-cdk-lib/aws-lambda'
import { Construct } from 'constructs'
import { INDEX } from '../../shared/contract.ts'
import { logGroup } from '../../shared/resource-names.ts'
import { acknowledgeWildcards } from '../acknowledge.ts'
import type { Data } from './data.ts'
import type { ServiceFunction } from './function.ts'

export interface AccessProps {
  readonly installation: string
  readonly api: ServiceFunction
  readonly webhook: ServiceFunction | undefined
  readonly data: Data
}

/** The door for people and programs: the URL of the api, and two managed policies to give to them. */
export class Access extends Construct {
  readonly url: string
  /** Where git hosts and programs without AWS credentials call. */
  readonly webhookUrl: string | undefined
  private readonly props: AccessProps

  constructor(scope: Construct, id: string, props: AccessProps) {
    super(scope, id)
    this.props = props
    this.url = props.api.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM }).url
    // Git hosts cannot sign as AWS does: the function itself checks each call's signature before it does anything.
    this.webhookUrl = props.webhook?.addFunctionUrl({ authType: FunctionUrlAuthType.NONE }).url
    this.makePolicy('viewer', 'sees runs, logs, artifacts and docs', this.reads())
    this.makePolicy('operator', 'sees everything and starts, cancels, retries and pauses', [
      ...this.reads(),
      ...this.operations(),
    ])
  }

  private makePolicy(name: string, may: string, statements: PolicyStatement[]): void {
    const { installation } = this.props
    const policy = new ManagedPolicy(this, name, {
      managedPolicyName: `${installation}-${Stack.of(this).region}-${name}`,
      description: `Tidemill ${installation}: ${may}`,
      statements,
    })
    acknowledgeWildcards(policy, statements, 'Who may see the installation sees the objects and logs of all its environments.')
  }

  private reads(): PolicyStatement[] {
    const { installation, data } = this.props
    const stack = Stack.of(this)
    const logs = stack.formatArn({
      service: 'logs',
      resource: 'log-group',
      resourceName: `${logGroup(installation, '*', '*')}:*`,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    const objects = ['config', 'runs', 'state', 'docs', 'history'].map(top => data.bucket.arnForObjects(`${top}/*`))
    const indexes = Object.values(INDEX).map(index => `${data.table.tableArn}/index/${index.name}`)
    return [
      allow(['cloudformation:DescribeStacks'], [stack.stackId]),
      allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:Query'], [data.table.tableArn, ...indexes]),
      allow(['s3:GetObject'], objects),
      allow(['s3:ListBucket'], [data.bucket.bucketArn]),
      allow(['logs:GetLogEvents', 'logs:FilterLogEvents', 'logs:StartLiveTail'], [logs]),
    ]
  }

  /** A call of a function URL takes both permissions; the condition keeps the second one to calls through the URL. */
  private operations(): PolicyStatement[] {
    const { functionArn } = this.props.api
    return [
      allow(['lambda:InvokeFunctionUrl'], [functionArn], { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } }),
      allow(['lambda:InvokeFunction'], [functionArn], { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } }),
    ]
  }
}

const allow = (actions: string[], resources: string[], conditions?: PolicyStatement['conditions']) =>
  new PolicyStatement({ actions, resources, ...(conditions && { conditions }) })

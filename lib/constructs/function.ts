import { ArnFormat, type Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { PolicyDocument, PolicyStatement, type PolicyStatementProps, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function as LambdaFunction, Runtime } from 'aws-cdk-lib/aws-lambda'
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { IQueue } from 'aws-cdk-lib/aws-sqs'
import type { Construct } from 'constructs'
import { ENV } from '../../shared/contract.ts'
import { type FunctionName, functionName } from '../../shared/resource-names.ts'
import { acknowledgeWildcards } from '../acknowledge.ts'
import { lambdaFolder } from '../assets.ts'

export interface ServiceFunctionProps {
  readonly installation: string
  readonly name: FunctionName
  readonly description: string
  /** Folder of the built code. */
  readonly code: string
  readonly logRetention: RetentionDays
  readonly timeout: Duration
  /** MiB. */
  readonly memory: number
  /** For functions that are invoked asynchronously: how old an invocation may get, and where it goes when it failed three times. */
  readonly asynchronous?: { readonly maxEventAge: Duration; readonly deadLetters: IQueue }
}

export interface AllowOptions {
  readonly because?: string
  readonly conditions?: NonNullable<PolicyStatementProps['conditions']>
}

/** A Lambda of the service: code from `dist/lambda/<name>`, a role of its own that may do nothing but write its log. */
export class ServiceFunction extends LambdaFunction {
  private readonly installation: string
  private readonly permissions: PolicyDocument
  private readonly ownRole: Role

  constructor(scope: Construct, id: string, props: ServiceFunctionProps) {
    const { installation, asynchronous } = props
    const name = functionName(installation, props.name)
    const logGroup = new LogGroup(scope, `${id}Log`, {
      logGroupName: `/aws/lambda/${name}`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const permissions = new PolicyDocument()
    const role = new Role(scope, `${id}Role`, {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { permissions },
    })
    super(scope, id, {
      functionName: name,
      description: props.description,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      code: Code.fromAsset(lambdaFolder(props.code, props.name)),
      handler: 'index.handler',
      timeout: props.timeout,
      memorySize: props.memory,
      // What it may do is in one policy inside the role: half the resources, and no moment at which a role lacks it.
      role: role.withoutPolicyUpdates(),
      logGroup,
      environment: { [ENV.installation]: installation, NODE_OPTIONS: '--enable-source-maps' },
      ...(asynchronous && {
        retryAttempts: 2,
        maxEventAge: asynchronous.maxEventAge,
        onFailure: new SqsDestination(asynchronous.deadLetters),
      }),
    })
    this.installation = installation
    this.permissions = permissions
    this.ownRole = role
    this.allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn])
    if (asynchronous) this.allow(['sqs:SendMessage'], [asynchronous.deadLetters.queueArn])
  }

  /** May do the actions on these resources only. A wildcard in them needs its reason. */
  allow(actions: string[], resources: string[], { because, conditions }: AllowOptions = {}): void {
    const statement = new PolicyStatement({ actions, resources, ...(conditions && { conditions }) })
    this.permissions.addStatements(statement)
    if (because !== undefined) acknowledgeWildcards(this.ownRole, [statement], because)
  }

  /**
   * May call another function of the installation, whose name it finds in the variable. By name and not by reference:
   * the functions call each other in circles, which CloudFormation cannot resolve.
   */
  allowCall(callee: FunctionName, variable: string): void {
    const name = functionName(this.installation, callee)
    const arn = Stack.of(this).formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: name,
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    })
    this.allow(['lambda:InvokeFunction'], [arn])
    this.addEnvironment(variable, name)
  }
}

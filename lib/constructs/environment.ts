import { CfnDeletionPolicy, type CfnResource, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { CfnTaskDefinition } from 'aws-cdk-lib/aws-ecs'
import { ManagedPolicy, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Bucket } from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import type { Architecture, EnvironmentConfig, ProjectConfig, SecretRef } from '../../shared/config-model.ts'
import { ENV, environmentPrefix } from '../../shared/contract.ts'
import { CONTAINER, LOG_STREAM_PREFIX, logGroup, taskFamily, taskRolePath } from '../../shared/resource-names.ts'
import { acknowledge, acknowledgeWildcards } from '../acknowledge.ts'
import type { RunnerImage } from './images.ts'
import { secretResource, secretValueFrom } from './secret.ts'

export interface EnvironmentProps {
  readonly installation: string
  readonly project: ProjectConfig
  readonly environment: EnvironmentConfig
  readonly image: RunnerImage
  /** Of the second architecture, where the environment has one. */
  readonly otherImage?: RunnerImage | undefined
  readonly bucket: Bucket
  readonly logRetention: RetentionDays
}

/** What the task definitions of an environment share. */
interface Tasks {
  readonly group: LogGroup
  readonly secrets: Record<string, SecretRef>
  readonly taskRole: Role
  readonly executionRole: Role
}

/** Folders of the image that the task may write; everything else is read-only. */
const WRITABLE = { tmp: '/tmp', work: '/work' }

/**
 * What tasks of one environment run with, and the border between environments: the task role reaches the environment's own
 * prefixes of the bucket and nothing else; the execution role reads the environment's own secrets.
 *
 * Roles and task definition stay when the environment is removed from the configuration, because runs that are still open
 * need them; they cost nothing. Their names are made by CloudFormation, so that the environment can come back.
 */
export class Environment extends Construct {
  private readonly props: EnvironmentProps

  constructor(scope: Construct, id: string, props: EnvironmentProps) {
    super(scope, id)
    this.props = props
    const { installation, environment, image, otherImage } = props
    const group = new LogGroup(this, 'Log', {
      logGroupName: logGroup(installation, environment.project, environment.name),
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    const secrets = this.secrets()
    const taskRole = this.makeTaskRole()
    const executionRole = this.makeExecutionRole(group, Object.values(secrets))
    const { architecture, fallbackArchitecture } = environment.size
    const tasks = { group, secrets, taskRole, executionRole }
    const definitions = [this.makeDefinition('TaskDefinition', tasks, image, architecture)]
    if (fallbackArchitecture && otherImage)
      definitions.push(this.makeDefinition(`TaskDefinition-${fallbackArchitecture}`, tasks, otherImage, fallbackArchitecture))
    for (const kept of [...definitions, taskRole.node.defaultChild, executionRole.node.defaultChild] as CfnResource[]) {
      kept.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
      // An earlier revision is not needed: tasks are started by family, which means the latest.
      kept.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.DELETE
    }
  }

  private makeDefinition(id: string, tasks: Tasks, image: RunnerImage, architecture: Architecture): CfnTaskDefinition {
    const { installation, environment, bucket } = this.props
    const { group, secrets, taskRole, executionRole } = tasks
    const other = architecture === environment.size.architecture ? undefined : architecture
    const definition = new CfnTaskDefinition(this, id, {
      family: taskFamily(installation, environment.project, environment.name, other),
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      runtimePlatform: {
        operatingSystemFamily: 'LINUX',
        cpuArchitecture: architecture === 'arm64' ? 'ARM64' : 'X86_64',
      },
      cpu: String(environment.size.cpu),
      memory: String(environment.size.memory),
      // 20 GiB come with every task; Fargate takes only more than that as a wish.
      ...(environment.size.disk > 20 && { ephemeralStorage: { sizeInGiB: environment.size.disk } }),
      taskRoleArn: taskRole.roleArn,
      executionRoleArn: executionRole.roleArn,
      volumes: Object.keys(WRITABLE).map(name => ({ name })),
      containerDefinitions: [
        {
          name: CONTAINER,
          image: image.uri,
          essential: true,
          user: '1000:1000',
          readonlyRootFilesystem: true,
          // The longest that Fargate allows: dbt cancels its queries and what exists is uploaded.
          stopTimeout: 120,
          linuxParameters: { capabilities: { drop: ['ALL'] } },
          mountPoints: Object.entries(WRITABLE).map(([sourceVolume, containerPath]) => ({
            sourceVolume,
            containerPath,
            readOnly: false,
          })),
          environment: [{ name: ENV.bucket, value: bucket.bucketName }],
          secrets: Object.entries(secrets).map(([name, secret]) => ({ name, valueFrom: secretValueFrom(this, secret) })),
          logConfiguration: {
            logDriver: 'awslogs',
            options: {
              'awslogs-group': group.logGroupName,
              // For a run that starts after its environment, and with it the group, was removed.
              'awslogs-create-group': 'true',
              'awslogs-region': Stack.of(this).region,
              'awslogs-stream-prefix': LOG_STREAM_PREFIX,
              // The record of the log is in the bucket: a slow CloudWatch must never hold up dbt.
              mode: 'non-blocking',
              'max-buffer-size': '25m',
            },
          },
        },
      ],
    })
    acknowledge(definition, {
      'AwsSolutions-ECS2': 'The one variable is the name of the bucket; secrets come from Secrets Manager.',
    })
    return definition
  }

  /** Environment variable to secret, of git and of dbt. */
  private secrets(): Record<string, SecretRef> {
    const { credentials } = this.props.project
    return {
      ...this.props.environment.secrets,
      ...(credentials.kind === 'token' && { [ENV.gitToken]: credentials.secret }),
      ...(credentials.kind === 'ssh' && { [ENV.gitSshKey]: credentials.secret }),
    }
  }

  private makeTaskRole(): Role {
    const { installation, environment, project, bucket } = this.props
    const objects = (tops: Parameters<typeof environmentPrefix>[0][]) =>
      tops.map(top => bucket.arnForObjects(`${environmentPrefix(top, environment.project, environment.name)}*`))
    const statements = [
      allow(['s3:GetObject'], objects(['plans', 'state', 'runs', 'cache', 'docs'])),
      allow(['s3:PutObject'], objects(['runs', 'cache', 'docs'])),
    ]
    const repository = codeCommitRepository(project)
    if (repository)
      statements.push(
        allow(
          ['codecommit:GitPull'],
          [Stack.of(this).formatArn({ service: 'codecommit', region: repository.region, resource: repository.name })],
        ),
      )
    const role = new Role(this, 'TaskRole', {
      path: taskRolePath(installation),
      description: `dbt runs of ${environment.project}/${environment.name}`,
      assumedBy: tasksOf(this),
      managedPolicies: environment.policies.map((arn, index) => ManagedPolicy.fromManagedPolicyArn(this, `Policy${index}`, arn)),
      inlinePolicies: { task: new PolicyDocument({ statements }) },
    })
    acknowledgeWildcards(role, statements, 'Every wildcard stands behind a prefix that belongs to this environment alone.')
    for (const policy of environment.policies)
      acknowledge(role, { [`AwsSolutions-IAM4[Policy::${policy}]`]: 'The configuration names this policy, for dbt.' })
    return role
  }

  private makeExecutionRole(group: LogGroup, secrets: SecretRef[]): Role {
    const { installation, environment, image, otherImage } = this.props
    const statements = [allow(['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'], [group.logGroupArn])]
    if (secrets.length > 0)
      statements.push(allow(['secretsmanager:GetSecretValue'], [...new Set(secrets.map(secret => secretResource(this, secret)))]))
    const repositories = [...new Set([image, otherImage].flatMap(each => each?.repositoryArn ?? []))]
    if (repositories.length > 0)
      statements.push(
        allow(['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'], repositories),
        allow(['ecr:GetAuthorizationToken'], ['*']),
      )
    const role = new Role(this, 'ExecutionRole', {
      path: taskRolePath(installation),
      description: `Starts tasks of ${environment.project}/${environment.name}: image, secrets, log`,
      assumedBy: tasksOf(this),
      inlinePolicies: { start: new PolicyDocument({ statements }) },
    })
    acknowledgeWildcards(role, statements, 'GetAuthorizationToken of ECR knows no resource.')
    return role
  }
}

/** Only ECS, and only for this account: another account cannot have ECS take the role on. */
function tasksOf(scope: Construct): ServicePrincipal {
  const { account } = Stack.of(scope)
  return new ServicePrincipal('ecs-tasks.amazonaws.com', { conditions: { StringEquals: { 'aws:SourceAccount': account } } })
}

const allow = (actions: string[], resources: string[]) => new PolicyStatement({ actions, resources })

/** Region and name of `codecommit::<region>://<name>`. */
function codeCommitRepository(project: ProjectConfig): { region: string; name: string } | undefined {
  const [, region, name] = /^codecommit::([a-z0-9-]+):\/\/(?:[^@]*@)?([\w.-]+)$/.exec(project.repository) ?? []
  return region && name ? { region, name } : undefined
}

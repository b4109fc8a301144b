import { ContainerImageBuild } from '@cdklabs/deploy-time-build'
import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import { type IRepository, Repository, TagStatus } from 'aws-cdk-lib/aws-ecr'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import { Policy, PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { imageTag } from '../../shared/app-context.ts'
import type { Architecture, Config, EnvironmentConfig } from '../../shared/config-model.ts'
import { acknowledge, acknowledgeWildcards } from '../acknowledge.ts'
import { containerFolder } from '../assets.ts'

/** Image of a task; `repository` is set where pulling needs a permission. */
export interface RunnerImage {
  readonly uri: string
  readonly repositoryArn: string | null
}

export interface ImagesProps {
  readonly build: Config['images']['build']
  /** Repository of ready-made images, used instead of building. */
  readonly imageRepository: string | undefined
  readonly code: string
}

const PLATFORM = { arm64: Platform.LINUX_ARM64, x86_64: Platform.LINUX_AMD64 }

/** Images of the runner: one for each engine, set of adapters and architecture in use. */
export class Images extends Construct {
  private readonly props: ImagesProps
  private readonly made = new Map<string, RunnerImage>()
  private builds: Repository | undefined

  constructor(scope: Construct, id: string, props: ImagesProps) {
    super(scope, id)
    this.props = props
  }

  /** An image of the user's own, or a ready-made one, is expected to hold every architecture that is asked for. */
  of({ dbt }: EnvironmentConfig, architecture: Architecture): RunnerImage {
    if (dbt.image !== null) return this.ready(dbt.image)
    const tag = imageTag(dbt.engine, dbt.adapters)
    if (this.props.imageRepository !== undefined) return this.ready(`${this.props.imageRepository}:${tag}`)
    const id = `${tag}-${architecture}`
    const image = this.made.get(id) ?? this.build(id, dbt, architecture)
    this.made.set(id, image)
    return image
  }

  private ready(uri: string): RunnerImage {
    const [, account, region, name] = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)/.exec(uri) ?? []
    if (!account || !region || !name) return { uri, repositoryArn: null }
    return {
      uri,
      repositoryArn: Stack.of(this).formatArn({ service: 'ecr', account, region, resource: 'repository', resourceName: name }),
    }
  }

  private build(id: string, dbt: EnvironmentConfig['dbt'], architecture: Architecture): RunnerImage {
    const options = {
      directory: containerFolder(this.props.code),
      platform: PLATFORM[architecture],
      buildArgs: { ENGINE: dbt.engine, ADAPTERS: [...dbt.adapters].sort().join(',') },
    }
    if (this.props.build === 'docker') return pulled(new DockerImageAsset(this, id, options), asset => asset.imageUri)
    const repository = this.repository()
    // Builds of one source share a hash: the prefix keeps their tags apart.
    const build = new ContainerImageBuild(this, id, { ...options, repository, tagPrefix: `${id}-` })
    acknowledgeBuild(build)
    return pulled(build, each => each.imageUri)
  }

  private repository(): Repository {
    this.builds ??= new Repository(this, 'Repository', {
      imageScanOnPush: true,
      emptyOnDelete: true,
      removalPolicy: RemovalPolicy.DESTROY,
      lifecycleRules: [
        { description: 'layers of replaced images', tagStatus: TagStatus.UNTAGGED, maxImageAge: Duration.days(1) },
        { description: 'images of earlier versions', tagStatus: TagStatus.ANY, maxImageCount: 50 },
      ],
    })
    return this.builds
  }
}

function pulled<T extends { repository: IRepository }>(image: T, uri: (image: T) => string): RunnerImage {
  return { uri: uri(image), repositoryArn: image.repository.repositoryArn }
}

/** The project and the function of the library that builds: it makes one of each for the stack, beside our constructs. */
function acknowledgeBuild({ grantPrincipal }: ContainerImageBuild): void {
  const because = 'Made by @cdklabs/deploy-time-build, which runs only while deploying.'
  const role = grantPrincipal as Role
  const stack = Stack.of(role)
  const trigger = stack.node.children.filter(child => child.node.id.startsWith('DeployTimeBuild'))
  const basic = 'Policy::arn:<AWS::Partition>:iam::aws:policy'
  for (const scope of [role.node.scope, ...trigger])
    if (scope)
      acknowledge(scope, {
        'AwsSolutions-CB4': `${because} The default key of S3 encrypts its artifacts.`,
        'AwsSolutions-L1': because,
        [`AwsSolutions-IAM4[${basic}/AmazonElasticContainerRegistryPublicReadOnly]`]: because,
        [`AwsSolutions-IAM4[${basic}/service-role/AWSLambdaBasicExecutionRole]`]: because,
      })
  const policy = role.node.tryFindChild('DefaultPolicy')
  if (policy instanceof Policy) acknowledgeWildcards(policy, statementsOf(policy), because)
}

const statementsOf = (policy: Policy): PolicyStatement[] =>
  policy.document.toJSON()?.Statement?.map((statement: unknown) => PolicyStatement.fromJson(statement)) ?? []

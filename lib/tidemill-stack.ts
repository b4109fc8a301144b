import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Construct } from 'constructs'
import type { Config } from '../shared/config-model.ts'
import { exportName, OUTPUT, stackDescription, stackName } from '../shared/resource-names.ts'
import { Access } from './constructs/access.ts'
import { Alarms } from './constructs/alarms.ts'
import { AthenaTables } from './constructs/athena-tables.ts'
import { Cluster } from './constructs/cluster.ts'
import { ConfigObject } from './constructs/config-object.ts'
import { Data } from './constructs/data.ts'
import { DeadLetters } from './constructs/dead-letters.ts'
import { Environment } from './constructs/environment.ts'
import { Functions } from './constructs/functions.ts'
import { Images } from './constructs/images.ts'
import { Network } from './constructs/network.ts'
import { Messages } from './constructs/topic.ts'
import { Triggers } from './constructs/triggers.ts'

export interface TidemillStackProps extends StackProps {
  /** From `loadConfig`. */
  readonly config: Config
  /** Folder of the built code: `builtCode()`. */
  readonly code: string
  /** Repository of ready-made images (`<registry>/<name>`), used instead of building them. */
  readonly imageRepository?: string | undefined
  /** Address of the AWS console for the links of messages, by default that of the region; empty: no links into it. */
  readonly consoleUrl?: string | undefined
  /** Who deploys, for the history of the configurations. */
  readonly deployedBy?: string | undefined
}

/** One installation of Tidemill. */
export class TidemillStack extends Stack {
  /** Of the configuration in force. */
  readonly configKey: string

  constructor(
    scope: Construct,
    id: string,
    { config, code, imageRepository, consoleUrl, deployedBy, ...props }: TidemillStackProps,
  ) {
    super(scope, id, {
      stackName: stackName(config.installation),
      description: stackDescription(config.installation),
      ...props,
    })
    const logRetention: RetentionDays = config.retention.logs
    const data = new Data(this, 'Data', { retention: config })
    const network = new Network(this, 'Network', config.network)
    const cluster = new Cluster(this, 'Cluster', config.installation)
    const messages = new Messages(this, 'Messages', { installation: config.installation, email: config.channels.email })
    const deadLetters = new DeadLetters(this, 'DeadLetters')
    const configObject = new ConfigObject(this, 'Config', {
      config,
      data,
      code,
      logRetention,
      deployedBy: deployedBy || 'unknown',
    })
    this.configKey = configObject.key
    const functions = new Functions(this, 'Functions', {
      config,
      code,
      logRetention,
      data,
      configObject,
      cluster,
      network,
      deadLetters,
      messages,
      consoleUrl: consoleUrl ?? `https://${this.region}.console.aws.amazon.com`,
    })
    this.addEnvironments(
      config,
      data,
      new Images(this, 'Images', { build: config.images.build, imageRepository, code }),
      logRetention,
    )
    new Triggers(this, 'Triggers', { config, functions, cluster, deadLetters })
    new Alarms(this, 'Alarms', { installation: config.installation, functions, deadLetters, topic: messages.topic })
    if (config.history?.athena)
      new AthenaTables(this, 'AthenaTables', { installation: config.installation, bucketName: data.bucket.bucketName })
    const access = new Access(this, 'Access', {
      installation: config.installation,
      api: functions.api,
      webhook: functions.webhook,
      data,
    })
    this.addOutputs({
      [OUTPUT.table]: data.table.tableName,
      [OUTPUT.bucket]: data.bucket.bucketName,
      [OUTPUT.apiUrl]: access.url,
      ...(access.webhookUrl !== undefined && { [OUTPUT.webhookUrl]: access.webhookUrl }),
      [OUTPUT.configKey]: configObject.key,
      [OUTPUT.cluster]: cluster.clusterName,
      [OUTPUT.topic]: messages.topic.topicArn,
    })
    if (config.site) this.addExports(config.installation, data)
  }

  private addEnvironments(config: Config, { bucket }: Data, images: Images, logRetention: RetentionDays): void {
    const scope = new Construct(this, 'Environments')
    for (const [name, environment] of Object.entries(config.environments)) {
      const project = config.projects[environment.project]
      if (!project) throw new Error(`environment ${name} belongs to no project of the configuration`)
      const { architecture, fallbackArchitecture } = environment.size
      const image = images.of(environment, architecture)
      const otherImage = fallbackArchitecture ? images.of(environment, fallbackArchitecture) : undefined
      // A `/` cannot be in an id, and a `.` is in no name.
      const id = name.replace('/', '.')
      const { installation } = config
      new Environment(scope, id, { installation, project, environment, image, otherImage, bucket, logRetention })
    }
  }

  /** For the stack of the hosted pages. Names that never change: an export that is in use cannot. */
  private addExports(installation: string, { table, bucket }: Data): void {
    new CfnOutput(this, 'TableExport', { value: table.tableName, exportName: exportName(installation, 'table') })
    new CfnOutput(this, 'BucketExport', { value: bucket.bucketName, exportName: exportName(installation, 'bucket') })
  }

  private addOutputs(outputs: Record<string, string>): void {
    for (const [name, value] of Object.entries(outputs)) new CfnOutput(this, name, { value })
  }
}

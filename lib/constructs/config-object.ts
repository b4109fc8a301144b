// The one file of lib/ that writes one: an asset is a file, and the configuration is made in memory (docs/decisions/0001-configuration-object.md).
// biome-ignore-start lint/style/noRestrictedImports: see above
import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
// biome-ignore-end lint/style/noRestrictedImports: see above
import { join } from 'node:path'
import { CustomResource, Duration, Stage } from 'aws-cdk-lib'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { Construct } from 'constructs'
import type { Config } from '../../shared/config-model.ts'
import { ENV, KEY } from '../../shared/contract.ts'
import type { Data } from './data.ts'
import { ServiceFunction } from './function.ts'

export interface ConfigObjectProps {
  readonly config: Config
  readonly data: Data
  readonly code: string
  readonly logRetention: RetentionDays
  /** Kept with the deployment. */
  readonly deployedBy: string
}

/**
 * The resolved configuration as an object of the data bucket, named by its hash: environment variables of a Lambda hold 4 KB.
 * `cdk deploy` uploads it as an asset, a small function copies it; objects of earlier deployments stay for the runs claimed with them.
 */
export class ConfigObject extends Construct {
  readonly key: string
  private readonly stored: CustomResource
  private readonly data: Data

  constructor(scope: Construct, id: string, { config, data, code, logRetention, deployedBy }: ConfigObjectProps) {
    super(scope, id)
    this.data = data
    const text = JSON.stringify(config)
    this.key = KEY.config(createHash('sha256').update(text).digest('hex'))
    const file = join(Stage.of(this)?.outdir ?? '', `${this.node.addr}.json`)
    writeFileSync(file, text)
    const asset = new Asset(this, 'File', { path: file })
    const deployer = new ServiceFunction(this, 'Deployer', {
      installation: config.installation,
      name: 'deployer',
      description: 'Stores the configuration while deploying',
      code,
      logRetention,
      timeout: Duration.seconds(60),
      memory: 256,
    })
    deployer.allow(['s3:GetObject'], [asset.bucket.arnForObjects(asset.s3ObjectKey)])
    data.grantWrite(deployer, ['config'])
    data.grantTable(deployer, ['PutItem'])
    this.stored = new CustomResource(this, 'Copy', {
      resourceType: 'Custom::TidemillConfig',
      serviceToken: deployer.functionArn,
      serviceTimeout: Duration.minutes(5),
      properties: {
        sourceBucket: asset.s3BucketName,
        sourceKey: asset.s3ObjectKey,
        bucket: data.bucket.bucketName,
        key: this.key,
        deployedBy,
      },
    })
    this.stored.node.addDependency(deployer)
  }

  /** Reads this configuration and those that open runs were claimed with; is not deployed before this one is stored. */
  grantRead(to: ServiceFunction): void {
    this.data.grantRead(to, ['config'])
    to.addEnvironment(ENV.configKey, this.key)
    to.node.addDependency(this.stored)
  }
}

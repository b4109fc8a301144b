import { CfnOutput, Duration, Fn, Stack, type StackProps } from 'aws-cdk-lib'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import type { UserPoolClient } from 'aws-cdk-lib/aws-cognito'
import { FunctionUrlAuthType, InvokeMode } from 'aws-cdk-lib/aws-lambda'
import type { RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Construct } from 'constructs'
import type { Config, SiteConfig } from '../shared/config-model.ts'
import { ENV, INDEX } from '../shared/contract.ts'
import { DATA_HEADERS, PAGE_HEADERS } from '../shared/page-headers.ts'
import { exportName, SITE_SIGNED_OUT, type SiteSettings, siteStackName } from '../shared/resource-names.ts'
import { ServiceFunction } from './constructs/function.ts'
import { SignIn } from './constructs/sign-in.ts'
import { SiteDistribution } from './constructs/site-distribution.ts'
import type { TidemillStack } from './tidemill-stack.ts'

export interface SiteStackProps extends StackProps {
  readonly config: Config
  /** Of the same configuration. */
  readonly main: TidemillStack
  /** Folder of the built code: `builtCode()`. */
  readonly code: string
  /** Shown on the pages. */
  readonly version: string
}

/** The hosted pages: two host names, sign-in, and one function that checks every request (docs/decisions/0015-hosted-pages.md). */
export class SiteStack extends Stack {
  constructor(scope: Construct, id: string, { config, main, code, version, ...props }: SiteStackProps) {
    super(scope, id, {
      stackName: siteStackName(config.installation),
      description: `Tidemill ${config.installation}: pages of the runs`,
      ...props,
    })
    this.addStackDependency(main)
    const { site } = config
    if (!site) throw new Error('The configuration has no site.')
    const origins = { pages: `https://${site.domain}`, docs: `https://${site.docsDomain}` }
    const signIn = new SignIn(this, 'SignIn', { installation: config.installation, site })
    // A sign-out goes by the docs, whose cookie it takes back, and ends at the pages.
    const clients = {
      pages: signIn.addClient('PagesClient', origins.pages),
      docs: signIn.addClient('DocsClient', origins.docs, [origins.pages + SITE_SIGNED_OUT]),
    }
    const handler = this.makeFunction(config, main, code)
    handler.addEnvironment(ENV.site, this.toJsonString(settingsOf(site, signIn, origins, clients, version)))
    this.addDistributions(site, handler)
    new CfnOutput(this, 'Pages', { value: origins.pages })
    new CfnOutput(this, 'Docs', { value: origins.docs })
    // What a company's directory has to know.
    new CfnOutput(this, 'SignInAddress', { key: 'SignIn', value: signIn.domain.baseUrl() })
    new CfnOutput(this, 'UserPoolId', { value: signIn.pool.userPoolId })
  }

  private makeFunction({ installation, retention }: Config, main: TidemillStack, code: string): ServiceFunction {
    const logRetention: RetentionDays = retention.logs
    const site = new ServiceFunction(this, 'Site', {
      installation,
      name: 'site',
      description: 'Answers the pages and dbt docs',
      code,
      logRetention,
      timeout: Duration.seconds(120),
      memory: 512,
    })
    this.allowReads(site, installation)
    site.addEnvironment(ENV.configKey, main.configKey)
    site.allowCall('api', ENV.api)
    return site
  }

  /** What the managed policy of a viewer allows, without the logs of CloudWatch. */
  private allowReads(site: ServiceFunction, installation: string): void {
    const table = Fn.importValue(exportName(installation, 'table'))
    const bucket = Fn.importValue(exportName(installation, 'bucket'))
    const tableArn = this.formatArn({ service: 'dynamodb', resource: 'table', resourceName: table })
    const bucketArn = this.formatArn({ service: 's3', region: '', account: '', resource: bucket })
    site.allow(['dynamodb:GetItem', 'dynamodb:BatchGetItem'], [tableArn])
    site.allow(
      ['dynamodb:Query'],
      [INDEX.open, INDEX.job].map(({ name }) => `${tableArn}/index/${name}`),
    )
    const objects = ['config', 'runs', 'state', 'docs', 'history'].map(top => `${bucketArn}/${top}/*`)
    site.allow(['s3:GetObject'], objects, { because: 'The pages show all environments; it reaches these kinds of objects only.' })
    site.allow(['s3:ListBucket'], [bucketArn])
    site.addEnvironment(ENV.table, table)
    site.addEnvironment(ENV.bucket, bucket)
  }

  private addDistributions(site: SiteConfig, handler: ServiceFunction): void {
    const url = handler.addFunctionUrl({ authType: FunctionUrlAuthType.AWS_IAM, invokeMode: InvokeMode.RESPONSE_STREAM })
    const certificate = Certificate.fromCertificateArn(this, 'Certificate', site.certificate)
    const pages = new SiteDistribution(this, 'PagesDistribution', {
      kind: 'pages',
      domain: site.domain,
      certificate,
      url,
      policy: PAGE_HEADERS['content-security-policy'],
    })
    const docs = new SiteDistribution(this, 'DocsDistribution', {
      kind: 'docs',
      domain: site.docsDomain,
      certificate,
      url,
      policy: DATA_HEADERS['content-security-policy'],
    })
    // What the two host names are to point at.
    new CfnOutput(this, 'PagesTarget', { value: pages.domainName })
    new CfnOutput(this, 'DocsTarget', { value: docs.domainName })
  }
}

function settingsOf(
  { groups }: SiteConfig,
  { pool, domain }: SignIn,
  origins: { pages: string; docs: string },
  clients: { pages: UserPoolClient; docs: UserPoolClient },
  version: string,
): SiteSettings {
  return {
    issuer: pool.userPoolProviderUrl,
    authority: domain.baseUrl(),
    pages: { origin: origins.pages, audience: clients.pages.userPoolClientId },
    docs: { origin: origins.docs, audience: clients.docs.userPoolClientId },
    ...(groups && { groups: groups.roles }),
    version,
  }
}

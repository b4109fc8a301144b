/** Names of what an installation has in AWS, and by which its parts find each other. */
import type { Role } from './page-roles.ts'

/** Outputs of the main stack, by which the command line finds an installation. */
export const OUTPUT = {
  table: 'TableName',
  bucket: 'BucketName',
  apiUrl: 'ApiUrl',
  /** Where a job waits for pushes or requests. */
  webhookUrl: 'WebhookUrl',
  configKey: 'ConfigKey',
  cluster: 'ClusterName',
  topic: 'TopicArn',
} as const

/** CloudFormation stack of an installation. */
export const stackName = (installation: string) => installation
/** By its description the command line knows that a stack is Tidemill's before it changes it. */
export const stackDescription = (installation: string) => `Tidemill ${installation}: dbt runs on a schedule`

/** Source of the events that an installation puts on the default bus. */
export const eventSource = (installation: string) => `tidemill.${installation}`
/** Topic of a further list of addresses; `topic`: ARN of the installation's own, which lies beside it. */
export const mailTopicName = (installation: string, list: string) => `${installation}-mail-${list}`
export const mailTopicArn = (topic: string, installation: string, list: string) =>
  [...topic.split(':').slice(0, -1), mailTopicName(installation, list)].join(':')

/**
 * Family of an environment's task definition: the latest active revision is launched. The `_`, which no installation's name
 * contains, keeps `a` with project `b-c` and `a-b` with project `c` apart. `other`: of its second architecture.
 */
export const taskFamily = (installation: string, project: string, environment: string, other?: string) =>
  `${installation}_${project}-${environment}${other ? `-${other}` : ''}`

/** The one container of ours in a task; others (sidecars put in by the account) are ignored. */
export const CONTAINER = 'runner'

export const LOG_STREAM_PREFIX = 'run'

/** Log group of an environment's tasks. */
export const logGroup = (installation: string, project: string, environment: string) =>
  `/tidemill/${installation}/${project}/${environment}`

/** Stream that the awslogs driver makes for a task: prefix/container/task id. */
export const logStream = (taskArn: string) => `${LOG_STREAM_PREFIX}/${CONTAINER}/${taskArn.split('/').at(-1)}`

/** Schedule group of an installation; its schedules are named within it. */
export const scheduleGroup = (installation: string) => installation

/** What the function of the hosted pages is told: who signs people in, and the two origins with an app client for each. */
export interface SiteSettings {
  /** Of the tokens. */
  issuer: string
  /** Of Cognito's sign-in page, `https://…` without a slash at the end, as the origins. */
  authority: string
  pages: { origin: string; audience: string }
  docs: { origin: string; audience: string }
  /** Groups of the company's directory that count as those of the pool. */
  groups?: Record<Role, string[]>
  version: string
}
/** Attribute of the user pool with the groups that the directory has told. */
export const DIRECTORY_GROUPS = 'groups'
/** Header that CloudFront puts into a request, in place of one that the browser sent: `pages` or `docs`. */
export const SITE_HEADER = 'x-tidemill-site'
/** Where Cognito's sign-in page sends a browser back to, on either origin. */
export const SITE_CALLBACK = '/auth/callback'
/** Where it sends one to at the pages' origin whose sign-in has been ended. */
export const SITE_SIGNED_OUT = '/auth/signed-out'

/** Names of what the main stack exports for it. */
export const exportName = (installation: string, what: 'table' | 'bucket') => `${installation}-${what}`
/** Stack of the hosted pages. */
export const siteStackName = (installation: string) => `${installation}-site`

/** Lambdas of an installation; `webhook` only where a job needs it, `site` in the stack of the hosted pages. Fixed names, because they call each other in circles. */
export const FUNCTIONS = [
  'launcher',
  'dispatcher',
  'finisher',
  'notifier',
  'compactor',
  'sweeper',
  'api',
  'webhook',
  'deployer',
  'site',
] as const
export type FunctionName = (typeof FUNCTIONS)[number]
export const functionName = (installation: string, name: FunctionName) => `${installation}-${name}`

/** IAM path of the roles of an installation's tasks: the dispatcher may pass these and no others. */
export const taskRolePath = (installation: string) => `/tidemill/${installation}/`

/** The resolved configuration: every default applied, every name checked, nothing optional. Stored as `config/<sha256>.json`. */
import type { Upstreams } from './config-after.ts'
import type { NotifyRule } from './notify.ts'
import type { Role } from './page-roles.ts'
import type { RetryClass } from './reasons.ts'
import type { FinalStatus } from './run.ts'

/** A secret in AWS Secrets Manager: its name (or full ARN) and, if it holds JSON, the field. */
export interface SecretRef {
  name: string
  field: string | null
}

export type Engine = 'core-1.11' | 'core-1.12' | 'oss-2.0' | 'image'

export interface ProjectConfig {
  name: string
  /** https, ssh, file URL or `codecommit::region://name`; never with credentials in it. */
  repository: string
  /** Folder of the dbt project in the repository, `.` for its root. */
  folder: string
  credentials: { kind: 'none' | 'codecommit' } | { kind: 'token' | 'ssh'; secret: SecretRef }
  submodules: boolean
  /** Secret of the git host's webhook. Absent in configurations of the version before: none. */
  webhook?: { secret: SecretRef } | null
  /** Lines of known_hosts of an ssh host; empty: the key that the host publishes. Absent in configurations of the version before. */
  knownHosts?: string[]
}

export type Architecture = 'arm64' | 'x86_64'

export interface EnvironmentConfig {
  project: string
  name: string
  branch: string
  dbt: { engine: Engine; adapters: string[]; image: string | null }
  target: string | null
  /** Text of profiles.yml; null: the repository's own. */
  profiles: string | null
  variables: Record<string, string>
  /** Environment variable to secret. */
  secrets: Record<string, SecretRef>
  size: {
    /** CPU units, 1024 = 1 vCPU. */
    cpu: number
    /** MiB. */
    memory: number
    /** GiB of ephemeral storage, 20 to 200 (20 is included in the price). */
    disk: number
    architecture: Architecture
    /** Taken where the first has no capacity. Absent in configurations of the version before, null: none. */
    fallbackArchitecture?: Architecture | null
    spot: boolean
  }
  /** dbt gets the credentials of the task role (Athena, Redshift with IAM). */
  awsCredentials: boolean
  /** IAM managed policies (ARNs) put on the task role for dbt. */
  policies: string[]
  /** When the git host does not answer. Absent in configurations of the version before: fail. */
  onGitOutage?: 'fail' | 'last_commit'
  /** Runs at the same time, of all jobs of the environment. */
  maxRunning: number
  /** Days that its runs are kept. Absent: as the installation says. */
  keepDays?: number
}

export interface ScheduleConfig {
  /** Unique in the job: `default`, `2`, or as the user named it. */
  name: string
  /** Five fields, as people write it; of an `every` the cron that it became. */
  cron: string
  /** EventBridge's form, e.g. `cron(0 2 * * ? *)`; two when both day fields are restricted (either matches). */
  expressions: string[]
  /** IANA name. */
  timezone: string
  enabled: boolean
}

/** What starts a job besides schedules and other jobs. `name` is unique in the job. */
export type TriggerConfig =
  | {
      kind: 'event'
      name: string
      /** Event bus. */
      bus: string
      /** As EventBridge takes it. */
      pattern: Record<string, unknown>
      /** Of its runs that wait only the newest stays. */
      coalesce: boolean
    }
  /** A commit on the branch of the environment. */
  | { kind: 'commit'; name: string }
  /** A request signed with the secret; `overrides`: what it may change. */
  | { kind: 'request'; name: string; secret: SecretRef; overrides: RequestOverride[] }
export type RequestOverride = 'vars' | 'full_refresh'

export interface StepConfig {
  name: string
  /** Words after `dbt`. */
  args: string[]
}

/** What is absent in configurations of the version before has there the value that is named. */
export interface RetryConfig {
  /** In all. */
  attempts: number
  on: RetryClass[]
  /** Regular expressions of passing faults of the warehouse, beside the known ones. None. */
  patterns?: string[]
  /** 15 s, 2, 300 s. */
  backoff?: { firstSeconds: number; factor: number; maxSeconds: number }
  /** No attempt begins later than this after the start of the first; null: no such bound. Null. */
  withinSeconds?: number | null
  /** false: each attempt begins at the first step. True. */
  resume?: boolean
}

export interface JobConfig {
  project: string
  name: string
  /** Short name, of the same project. */
  environment: string
  description: string
  schedules: ScheduleConfig[]
  /** Full name of the one job it runs after. `partial`: absent in configurations of the version before. */
  after: { job: string; status: FinalStatus[]; partial?: boolean } | null
  /** It runs after several; `after` is null then. Absent in configurations of the version before. */
  afterAll?: Upstreams | null
  /** What else starts it. Absent in configurations of the version before: nothing. */
  triggers?: TriggerConfig[]
  /** Variables of dbt, texts with `{{ name }}` (run-facts.ts). Absent in configurations of the version before: none. */
  vars?: Record<string, string | number | boolean>
  steps: StepConfig[]
  /** `dbt deps` when the project has packages. */
  deps: boolean
  /** `dbt source freshness` before the steps: a stale source warns or ends the run. */
  freshness: 'off' | 'warn' | 'fail'
  docs: boolean
  /** The docs page holds its artifacts (`dbt docs generate --static`). Absent in configurations of the version before. */
  docsStatic?: boolean
  /** Docs that fail end the run. Absent in configurations of the version before: they warn. */
  docsRequired?: boolean
  /** Steps are given the published state of the environment. Absent in configurations of the version before: off. */
  state?: 'off' | 'production'
  publishes: ('state' | 'docs')[]
  /** Days that its runs are kept. Absent in configurations of the version before: they have no end in the table. */
  keepDays?: number
  timeoutSeconds: number
  startWithinSeconds: number
  overlap: 'queue' | 'skip' | 'allow' | 'cancel'
  /** -10 to 10, higher first. */
  priority: number
  retry: RetryConfig
  /** Failed runs in a row after which the job is paused. Absent in configurations of the version before, null: never. */
  deactivateAfter?: number | null
  notify: NotifyRule[]
}

export interface SiteConfig {
  /** Host name of the pages, and another one for dbt's docs. */
  domain: string
  docsDomain: string
  /** ARN of the certificate for both, in us-east-1. */
  certificate: string
  /** Users with passwords, or those of a company's directory. */
  signIn:
    | { kind: 'password' }
    | { kind: 'saml'; metadata: string; email: string }
    | { kind: 'oidc'; issuer: string; clientId: string; clientSecret: SecretRef; scopes: string[] }
  /** Of the directory: where it names them, and which of them count as which of ours. */
  groups?: { claim: string; roles: Record<Role, string[]> }
}

export interface Config {
  schemaVersion: number
  installation: string
  /** Public subnets of a VPC of its own, or an existing one. */
  network: { kind: 'new' } | { kind: 'existing'; vpc: string; subnets: string[]; securityGroups: string[]; publicIp: boolean }
  /** Who builds the images: CodeBuild in the account while deploying, or Docker/podman here. */
  images: { build: 'account' | 'docker' }
  retention: {
    /** Days, one of CloudWatch's values. */
    logs: number
    /** Days that runs, their logs and artifacts are kept, where an environment says nothing else. */
    runs: number
  }
  /** Absent: no tables in the Glue catalogue. */
  history?: { athena: true }
  /** The pages for everybody, with sign-in. Absent: `tidemill ui` alone. */
  site?: SiteConfig
  channels: {
    /** `lists`: further ones by name. */
    email: { addresses: string[]; lists?: Record<string, string[]> } | null
    /** Secret: an incoming-webhook URL, or the token of a bot. `targets`: secrets of further webhooks by name. */
    slack: { secret: SecretRef; bot?: { channel: string }; targets?: Record<string, SecretRef> } | null
    /** Secrets: URL of a workflow; absent, here and below: not set up. */
    teams?: { secret: SecretRef; targets: Record<string, SecretRef> }
    /** Secrets: integration key. */
    pagerduty?: { secret: SecretRef; region: 'us' | 'eu'; targets: Record<string, SecretRef> }
    /** Secrets: JSON with `url` and `key`. */
    webhook?: { secret: SecretRef; targets: Record<string, SecretRef> }
    /** Events on the default bus. */
    events?: boolean
  }
  projects: Record<string, ProjectConfig>
  /** By `<project>/<environment>`. */
  environments: Record<string, EnvironmentConfig>
  /** By `<project>/<job>`. */
  jobs: Record<string, JobConfig>
}

/**
 * tidemill.yml, as a schema: what may be written, its defaults, and how each text becomes a value. The JSON Schema for
 * editors and docs/configuration.md are made from it, so descriptions here are what users read.
 */
import * as z from 'zod/mini'
import { afterSpec, notifySpec, retrySpec, scheduleSpec, stepSpec } from './config-schema-job.ts'
import { about, integer, listOf, oneOrMany, text, withDefault } from './config-schema-parts.ts'
import {
  awsIdReader,
  durationReader,
  ENGINES,
  nameReader,
  readBranch,
  readDays,
  readDisk,
  readEmail,
  readFolder,
  readImage,
  readInstallation,
  readLogRetention,
  readMemory,
  readPolicyArn,
  readRepository,
  readSecretRef,
} from './config-values.ts'
import { VCPUS } from './fargate.ts'

const secret = () =>
  about(
    text(readSecretRef),
    'Name of a secret in AWS Secrets Manager, in the same account and region: `name`, `name#field` for one field of a JSON secret, or its ARN.',
    ['github-token', 'prod/snowflake#password'],
  )

const scalar = z.union([z.string(), z.number(), z.boolean()])

const projectSpec = z.strictObject({
  name: about(text(nameReader('project')), 'Name of the dbt project here; the first half of the full names of its jobs.', [
    'jaffle_shop',
  ]),
  repository: about(
    text(readRepository),
    'Address of the git repository: `https://…`, `git@host:path`, `codecommit::region://name`, or `file:///path` in local mode. Never with credentials in it.',
    ['https://github.com/acme/jaffle-shop.git', 'git@github.com:acme/jaffle-shop.git', 'codecommit::eu-central-1://jaffle-shop'],
  ),
  credentials: z.optional(
    about(
      z.strictObject({ secret: secret() }),
      'For a private repository: a token for https, a private key for ssh. CodeCommit needs none, it goes by the role of the task.',
    ),
  ),
  folder: withDefault(about(text(readFolder), 'Folder of the dbt project in the repository.', ['.', 'transform/dbt']), '.'),
  submodules: withDefault(about(z.boolean(), 'Check out git submodules as well.'), false),
})

const dbtSpec = z.strictObject({
  engine: z.optional(about(z.enum(Object.keys(ENGINES)), 'Line of dbt: `core-1.11`, `core-1.12` (Python) or `oss-2.0` (Rust).')),
  adapters: withDefault(
    about(listOf(z.string()), 'Adapters in the image; the profile uses one of them.', [['snowflake'], ['duckdb', 'postgres']]),
    [],
  ),
  image: z.optional(
    about(
      text(readImage),
      'An image of your own instead of `engine` and `adapters`; it is built upon the one here (see architecture).',
      ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbt:1.2.0'],
    ),
  ),
})

const sizeSpec = z.strictObject({
  cpu: withDefault(
    about(
      z.literal(VCPUS as number[]),
      'vCPUs of the task. dbt itself uses little more than one; models that run in the task (DuckDB, Python) use more.',
    ),
    1,
  ),
  memory: z.optional(
    about(
      text(readMemory),
      'Memory of the task. Fargate has certain sizes for each `cpu`; validation lists them. Default: 2 GB, or 2 GB for each vCPU from 2 on.',
      ['2 GB', '512 MB'],
    ),
  ),
  disk: withDefault(about(text(readDisk), 'Ephemeral disk, 20 GB (in the price) to 200 GB.', ['20 GB', '100 GB']), '20 GB'),
  architecture: withDefault(about(z.enum(['arm64', 'x86_64']), 'arm64 costs a fifth less.'), 'arm64'),
  spot: withDefault(
    about(
      z.boolean(),
      'Run on Spot capacity: about 70 % cheaper; AWS may stop the task with two minutes’ notice, the next attempt resumes on-demand.',
    ),
    false,
  ),
})

const variableName = z
  .string()
  .check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'cannot name an environment variable: letters, digits and _, the first no digit'))

const environmentSpec = z.strictObject({
  branch: about(text(readBranch), 'Branch that runs build; each run takes its newest commit.', ['main']),
  dbt: about(dbtSpec, 'Which dbt runs: `{ engine, adapters }`, or `{ image }`.'),
  target: z.optional(about(z.string().check(z.minLength(1)), 'Target of the profile. Default: the profile’s own.', ['prod'])),
  profile: z.optional(
    about(
      z.string().check(z.minLength(1)),
      'Path of a profiles.yml, from the folder of this file. Connection values come by `env_var()` from `variables` and `secrets`. Default: the profiles.yml of the repository.',
      ['profiles.yml'],
    ),
  ),
  variables: withDefault(
    about(z.record(variableName, scalar), 'Environment variables of dbt, for `env_var()`. Not for secrets.', [
      { DBT_WAREHOUSE: 'TRANSFORMING' },
    ]),
    {},
  ),
  secrets: withDefault(
    about(
      z.record(variableName, secret()),
      'Environment variables of dbt whose values come from AWS Secrets Manager when the task starts.',
      [{ SNOWFLAKE_PASSWORD: 'prod/snowflake#password' }],
    ),
    {},
  ),
  size: withDefault(about(sizeSpec, 'Size of the Fargate task that runs a job.'), {}),
  aws_credentials: withDefault(
    about(
      z.boolean(),
      'Give dbt the credentials of the task’s role (Athena, Redshift with IAM, S3 from DuckDB). Without it dbt sees none.',
    ),
    false,
  ),
  policies: withDefault(
    about(listOf(text(readPolicyArn)), 'ARNs of IAM managed policies put on the task’s role, for what dbt does in AWS.', [
      ['arn:aws:iam::123456789012:policy/athena-read'],
    ]),
    [],
  ),
  max_running: withDefault(about(integer(1, 1000), 'Runs of this environment at the same time; more wait in line.'), 10),
})

const jobSpec = z.strictObject({
  environment: about(z.string(), 'Environment it runs in.', ['prod']),
  description: withDefault(about(z.string().check(z.maxLength(1000)), 'A sentence for people: what it is for, who to ask.'), ''),
  schedule: z.optional(
    about(
      oneOrMany(scheduleSpec),
      'When it runs: one schedule or a list. Without `schedule` and `after` it runs when asked to.',
      [{ cron: '0 2 * * *', timezone: 'Europe/Berlin' }, { every: '1h' }],
    ),
  ),
  after: z.optional(about(afterSpec, 'Run when another job has ended.', [{ job: 'nightly', status: ['success', 'warn'] }])),
  steps: about(
    z.array(stepSpec).check(z.minLength(1)),
    'dbt command lines, run in order; a failing step ends the run. Quotes work, a shell does not.',
    [['dbt build'], ['dbt seed', 'dbt build --select tag:orders+']],
  ),
  deps: withDefault(about(z.boolean(), 'Install packages (`dbt deps`) before the steps, where the project has any.'), true),
  freshness: withDefault(
    about(
      z.union([z.boolean(), z.enum(['warn', 'fail'])]),
      'Check `dbt source freshness` before the steps. `true` or `warn`: a stale source makes the run end as `warn` at best, and the steps run; `fail`: a stale source ends the run.',
    ),
    false,
  ),
  docs: withDefault(about(z.boolean(), 'Make dbt’s docs after the steps, from the build’s own manifest.'), false),
  publishes: z.optional(
    about(
      listOf(z.enum(['state', 'docs'])),
      'What this job’s good runs publish for the environment: `state` (for `state:modified` and `--defer`) and the current `docs`. One job per environment. Default: both, for the only job with `docs: true`.',
      [['state', 'docs']],
    ),
  ),
  timeout: withDefault(
    about(text(durationReader('1m', '7d')), 'Time limit of a run, all attempts together. Up to 7 days.', ['30m', '2h', '1h30m']),
    '6h',
  ),
  start_within: withDefault(
    about(
      text(durationReader('1m', '1d')),
      'A run that cannot start within this time after its moment is skipped, and told as `missed`.',
      ['30m', '2h'],
    ),
    '30m',
  ),
  overlap: withDefault(
    about(
      z.enum(['queue', 'skip', 'allow', 'cancel']),
      'When the job is still running at its next moment. `queue`: wait (of scheduled runs that wait the newest stays); `skip`: leave that run out; `allow`: run both; `cancel`: stop the old run, then start.',
    ),
    'queue',
  ),
  priority: withDefault(about(integer(-10, 10), 'Where runs wait in line, higher goes first.'), 0),
  retry: withDefault(about(retrySpec, 'Attempts after a failure that is worth another.'), {}),
  notify: z.optional(
    about(
      oneOrMany(notifySpec),
      'Who is told what: one rule or a list; `[]` for nobody. Default: every channel of `notifications`, on error, recovered and missed.',
      [{ slack: '#data-alerts', on: ['error', 'warn', 'recovered', 'missed'] }],
    ),
  ),
})

const networkSpec = z.strictObject({
  vpc: about(text(awsIdReader('vpc')), 'The VPC.', ['vpc-0123456789abcdef0']),
  subnets: about(
    listOf(text(awsIdReader('subnet'))).check(z.minLength(1)),
    'Subnets for the tasks, better in several zones. They need a way to the git host, the warehouse and AWS.',
    [['subnet-0123456789abcdef0']],
  ),
  security_groups: withDefault(
    about(listOf(text(awsIdReader('sg'))), 'Security groups of the tasks. Default: one of their own, without ingress.', [
      ['sg-0123456789abcdef0'],
    ]),
    [],
  ),
  public_ip: withDefault(
    about(z.boolean(), 'Give tasks a public address: true for public subnets, false for private ones with NAT or endpoints.'),
    false,
  ),
})

export const configSpec = z.strictObject({
  version: about(z.literal(1), 'Version of this format.'),
  installation: withDefault(
    about(text(readInstallation), 'Prefix of the stacks and their resources. Several installations can share an account.', [
      'tidemill',
    ]),
    'tidemill',
  ),
  include: withDefault(
    about(
      listOf(z.string().check(z.minLength(1))),
      'Further files of the installation, each with a `project` of its own. The keys of the installation stand only in the first file.',
      [['../finance/tidemill.yml']],
    ),
    [],
  ),
  project: about(projectSpec, 'The dbt project.'),
  environments: about(
    z.record(text(nameReader('environment')), environmentSpec),
    'Where the project runs, by name. An environment is the trust boundary: it has its own role, secrets and place in the bucket.',
  ),
  jobs: about(z.record(text(nameReader('job')), jobSpec), 'What runs, by name.'),
  notifications: withDefault(
    about(
      z.strictObject({
        email: withDefault(
          about(listOf(text(readEmail)), 'Addresses that get a message; each confirms once by a link AWS sends.', [
            ['data@example.com'],
          ]),
          [],
        ),
        slack: z.optional(
          about(
            z.strictObject({ secret: secret() }),
            'Incoming webhook of Slack (or what accepts its form). The secret holds the webhook’s address.',
            [{ secret: 'slack-webhook' }],
          ),
        ),
      }),
      'The channels of the installation; `notify` of a job chooses among them.',
    ),
    {},
  ),
  network: z.optional(
    about(networkSpec, 'An existing VPC. Default: a small VPC of its own, with public subnets, no ingress and no NAT gateway.'),
  ),
  images: withDefault(
    about(
      z.strictObject({
        build: withDefault(
          about(
            z.enum(['account', 'docker']),
            'Who builds the images while deploying: `account` (CodeBuild in the AWS account, no Docker needed) or `docker` (Docker or podman on this machine).',
          ),
          'account',
        ),
      }),
      'How images are made.',
    ),
    {},
  ),
  retention: withDefault(
    about(
      z.strictObject({
        logs: withDefault(
          about(
            text(readLogRetention),
            'How long CloudWatch keeps the tasks’ output. The bucket holds the whole log of every run, so this can be short.',
            ['30d'],
          ),
          '30d',
        ),
        runs: withDefault(about(text(readDays), 'How long runs, their logs and artifacts stay in the bucket.', ['365d']), '365d'),
      }),
      'How long things are kept.',
    ),
    {},
  ),
})

export type ConfigSpec = z.output<typeof configSpec>
export type EnvironmentSpec = z.output<typeof environmentSpec>
export type JobSpec = z.output<typeof jobSpec>
export type ProjectSpec = z.output<typeof projectSpec>
export { environmentSpec, jobSpec, projectSpec }

/** Keys of the whole installation: only in the first of several files. */
export const INSTALLATION_KEYS = ['installation', 'notifications', 'network', 'images', 'retention'] as const

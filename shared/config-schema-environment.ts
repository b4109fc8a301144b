/** Schemas of a project and of the environments it runs in. */
import * as z from 'zod/mini'
import { notifyOption } from './config-schema-notify.ts'
import { about, integer, listOf, secret, text, withDefault } from './config-schema-parts.ts'
import {
  ENGINES,
  nameReader,
  readBranch,
  readDays,
  readDisk,
  readFolder,
  readImage,
  readMemory,
  readPolicyArn,
  readRepository,
} from './config-values.ts'
import { VCPUS } from './fargate.ts'
import { readKnownHost } from './git-hosts.ts'

const scalar = z.union([z.string(), z.number(), z.boolean()])

export const projectSpec = z.strictObject({
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
      z.strictObject({
        secret: secret(),
        known_hosts: z.optional(
          about(
            listOf(text(readKnownHost)).check(z.minLength(1)),
            'Keys of an ssh host, as `ssh-keyscan HOST` prints them. github.com, gitlab.com and bitbucket.org need none: the keys they publish are built in.',
            [['git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…']],
          ),
        ),
      }),
      'For a private repository: a token for https, a private key for ssh. The same opens private packages on the same host. CodeCommit needs none, it goes by the role of the task.',
    ),
  ),
  folder: withDefault(about(text(readFolder), 'Folder of the dbt project in the repository.', ['.', 'transform/dbt']), '.'),
  webhook: z.optional(
    about(
      z.strictObject({ secret: secret() }),
      'For jobs that a commit starts (`on: { commit: true }`), unless the host is CodeCommit: the secret that the git host signs its calls with. Several, one in a line, are all valid: for a change of the secret. See [Commits](#commits).',
      [{ secret: 'git-webhook' }],
    ),
  ),
  submodules: withDefault(
    about(z.boolean(), 'Check out git submodules as well; those on another host than the repository must be public.'),
    false,
  ),
})

const dbtSpec = z.strictObject({
  engine: z.optional(
    about(
      z.enum(Object.keys(ENGINES)),
      'Line of dbt: `core-1.11`, `core-1.12` (Python) or `oss-2.0` (Rust, an early release: DuckDB alone, no docs, no freshness).',
    ),
  ),
  adapters: withDefault(
    about(listOf(z.string()), 'Adapters in the image; the profile uses one of them.', [['snowflake'], ['duckdb', 'postgres']]),
    [],
  ),
  image: z.optional(
    about(
      text(readImage),
      'An image of your own instead of `engine` and `adapters`; it begins with the runner’s own image (`FROM`), which brings the entry point.',
      ['123456789012.dkr.ecr.eu-central-1.amazonaws.com/dbt:1.2.0'],
    ),
  ),
})

const architecture = z.enum(['arm64', 'x86_64'])

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
      'Memory of the task. Fargate has certain sizes for each `cpu`; validation lists them. `tidemill status` says when less would do. Default: 2 GB, or 2 GB for each vCPU from 2 on.',
      ['2 GB', '512 MB'],
    ),
  ),
  disk: withDefault(about(text(readDisk), 'Ephemeral disk, 20 GB (in the price) to 200 GB.', ['20 GB', '100 GB']), '20 GB'),
  architecture: withDefault(
    about(
      z.union([architecture, z.array(architecture).check(z.minLength(1), z.maxLength(2))]),
      '`arm64` or `x86_64`; arm64 costs a fifth less. A list of both: the second is taken where AWS has no capacity for the first. An image of your own must then hold both.',
      ['x86_64', ['arm64', 'x86_64']],
    ),
    'arm64',
  ),
  spot: withDefault(
    about(
      z.boolean(),
      'Run on Spot capacity: about 70 % cheaper. Where AWS has none, the task starts on-demand; AWS may stop it with two minutes’ notice, and the next attempt resumes on-demand.',
    ),
    false,
  ),
})

const variableName = z
  .string()
  .check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'cannot name an environment variable: letters, digits and _, the first no digit'))

export const environmentSpec = z.strictObject({
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
  on_git_outage: withDefault(
    about(
      z.enum(['fail', 'last_commit']),
      'When the git host does not answer for 40 seconds. `fail`: the run ends as `source_unavailable`. `last_commit`: it runs the newest commit that a run of this environment has brought, and ends as `warn` at best; for that every run keeps its commit in the cache. Not together with `submodules`.',
    ),
    'fail',
  ),
  // The set of running ids is one item, and a partition of DynamoDB takes 1,000 writes of 1 KB a second: at 15 starts and ends
  // a second a set of 500 ids needs 900.
  max_running: withDefault(about(integer(1, 500), 'Runs of this environment at the same time; more wait in line.'), 10),
  retention: z.optional(
    about(
      text(readDays),
      'How long its runs, with their logs and artifacts, are kept, where that is not what the installation says (`retention: { runs }`). See [Retention](#retention).',
      ['30d'],
    ),
  ),
  notify: notifyOption('Who is told what about the jobs of this environment that have no rules of their own.'),
})

export type ProjectSpec = z.output<typeof projectSpec>
export type EnvironmentSpec = z.output<typeof environmentSpec>

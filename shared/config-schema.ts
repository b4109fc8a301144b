/**
 * tidemill.yml, as a schema: what may be written, its defaults, and how each text becomes a value. The JSON Schema for
 * editors and docs/configuration.md are made from it, so descriptions here are what users read.
 */
import * as z from 'zod/mini'
import { environmentSpec, projectSpec } from './config-schema-environment.ts'
import { jobSpec } from './config-schema-job.ts'
import { notificationsSpec } from './config-schema-notify.ts'
import { about, listOf, text, withDefault } from './config-schema-parts.ts'
import { siteSpec } from './config-schema-site.ts'
import { awsIdReader, nameReader, readDays, readInstallation, readLogRetention } from './config-values.ts'

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
      notificationsSpec,
      'The channels of the installation, and who is told what unless a job or environment says otherwise.',
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
        runs: withDefault(
          about(
            text(readDays),
            'How long runs, their logs, artifacts, docs and history are kept; an environment may say otherwise.',
            ['365d'],
          ),
          '365d',
        ),
      }),
      'How long things are kept.',
    ),
    {},
  ),
  site: z.optional(
    about(
      siteSpec,
      'The pages for everybody, with sign-in: a second stack. Default: none; `tidemill ui` shows the same to whoever has AWS credentials.',
    ),
  ),
  history: withDefault(
    about(
      z.strictObject({
        athena: withDefault(
          about(
            z.boolean(),
            'Tables of the history in the Glue catalogue, for Athena and what reads through it. `tidemill sql` needs none.',
          ),
          false,
        ),
      }),
      'The history of runs.',
    ),
    {},
  ),
})

export type ConfigSpec = z.output<typeof configSpec>

/** Keys of the whole installation: only in the first of several files. */
export const INSTALLATION_KEYS = ['installation', 'notifications', 'network', 'images', 'retention', 'site', 'history'] as const

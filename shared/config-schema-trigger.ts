/** Schema of what starts a job besides schedules and other jobs. */
import * as z from 'zod/mini'
import { about, listOf, oneOrMany, text, withDefault } from './config-schema-parts.ts'
import { nameReader, readBranch, readSecretRef } from './config-values.ts'
import { type Refusal, refuse } from './refusal.ts'

const readBucket = (name: string): string | Refusal =>
  /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) ? name : refuse('is not the name of a bucket, e.g. acme-raw')

const readBus = (name: string): string | Refusal =>
  /^[\w./-]{1,256}$/.test(name) ? name : refuse('is not the name of an event bus of this account, e.g. default')

const coalesce = () =>
  withDefault(
    about(
      z.boolean(),
      'Many events, few runs: of the runs that wait for this trigger only the newest stays. For steps that take all that is new; without it each event has a run.',
    ),
    false,
  )

const s3Spec = z.strictObject({
  bucket: about(text(readBucket), 'Bucket in the region of the installation, with notifications to EventBridge switched on.', [
    'acme-raw',
  ]),
  prefix: withDefault(about(z.string().check(z.maxLength(1024)), 'Beginning of the key.', ['orders/']), ''),
  suffix: withDefault(about(z.string().check(z.maxLength(1024)), 'End of the key.', ['.parquet', '_SUCCESS']), ''),
  coalesce: coalesce(),
})

const values = (description: string, examples: unknown[]) => z.optional(about(oneOrMany(z.unknown()), description, examples))

const eventSpec = z.strictObject({
  source: values('Source, or a list, or matchers.', ['acme.loader', ['aws.glue', 'aws.athena']]),
  'detail-type': values('Type of the event.', ['Load finished']),
  detail: z.optional(
    about(z.record(z.string(), z.unknown()), 'Pattern of its content, as in EventBridge: values, lists of them, or matchers.', [
      { table: ['orders', { prefix: 'order_' }], rows: [{ numeric: ['>', 0] }] },
    ]),
  ),
  account: values('Account it comes from.', ['111122223333']),
  region: values('Region it comes from.', ['eu-central-1']),
  resources: values('ARNs it is about.', ['arn:aws:glue:eu-central-1:111122223333:job/load']),
  bus: withDefault(about(text(readBus), 'Event bus, of this account and region.', ['default', 'acme-data']), 'default'),
  coalesce: coalesce(),
})

const commitSpec = z.union([
  z.literal(true),
  z.strictObject({ branch: about(text(readBranch), 'Must be that of the environment, whose code the job runs.', ['main']) }),
])

const requestSpec = z.strictObject({
  secret: about(
    text(readSecretRef),
    'Secret that signs the requests, shared with whoever may start the job. Several, one in a line, are all valid: for a change of the secret.',
    ['ci-requests'],
  ),
  overrides: withDefault(
    about(listOf(z.enum(['vars', 'full_refresh'])), 'What a request may change for its run. Default: nothing.', [['vars']]),
    [],
  ),
})

const KINDS = ['s3', 'event', 'commit', 'request'] as const

export const triggerSpec = z
  .strictObject({
    s3: z.optional(
      about(s3Spec, 'An object is written to a bucket.', [{ bucket: 'acme-raw', prefix: 'orders/', suffix: '.parquet' }]),
    ),
    event: z.optional(
      about(eventSpec, 'An event of EventBridge that matches.', [
        { source: 'acme.loader', 'detail-type': 'Load finished', detail: { table: 'orders' } },
      ]),
    ),
    commit: z.optional(
      about(
        commitSpec,
        '`true`: a push to the branch of the job’s environment; the run takes that commit. CodeCommit tells by itself, other hosts by a webhook (`webhook` of the project).',
        [true],
      ),
    ),
    request: z.optional(
      about(requestSpec, 'A signed HTTPS request of a program without AWS credentials.', [
        { secret: 'ci-requests', overrides: ['vars'] },
      ]),
    ),
    name: z.optional(
      about(text(nameReader('schedule')), 'Name of the trigger, for jobs with several. Default: its kind, then `s3-2`, …', [
        'orders',
      ]),
    ),
  })
  .check(ctx => {
    const given = KINDS.filter(kind => ctx.value[kind] !== undefined)
    if (given.length !== 1)
      ctx.issues.push({
        code: 'custom',
        input: ctx.value,
        message: given.length
          ? `has ${given.map(kind => `\`${kind}\``).join(' and ')}; each trigger is an item of a list`
          : `needs one of ${KINDS.join(', ')}, e.g. { s3: { bucket: acme-raw } }`,
      })
    const { event } = ctx.value
    if (event && event.source === undefined && event['detail-type'] === undefined && event.resources === undefined)
      ctx.issues.push({
        code: 'custom',
        input: ctx.value,
        path: ['event'],
        message: 'needs `source`, `detail-type` or `resources`; without them it would match nearly every event of the account',
      })
  })

export type TriggerSpec = z.output<typeof triggerSpec>

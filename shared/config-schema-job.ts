/** Schema of a job: schedules, steps, retries, notifications. */
import * as z from 'zod/mini'
import { notifyOption } from './config-schema-notify.ts'
import { about, integer, listOf, oneOrMany, text, withDefault } from './config-schema-parts.ts'
import { deactivateOption, retryOption } from './config-schema-retry.ts'
import { triggerSpec } from './config-schema-trigger.ts'
import { secretKind } from './config-secrets.ts'
import { durationReader, nameReader, readTimezone } from './config-values.ts'
import { parseDbtCommand } from './dbt-command.ts'
import { type Refusal, refuse } from './refusal.ts'
import { deployCron } from './schedule.ts'
import { INTERVALS } from './schedule-names.ts'

const scheduleSpec = z
  .strictObject({
    cron: z.optional(
      about(
        text(deployCron),
        'Five fields as in cron: minute, hour, day of month, month, day of week (0 or 7 is Sunday). Names, ranges, lists, steps, `L` (last), `#` (nth), `W` (working day nearest) and `@daily` and its kind work. Where both day fields are restricted, either matches.',
        ['0 2 * * *', '30 6 * * MON-FRI', '0 4 L * *'],
      ),
    ),
    every: z.optional(
      about(
        text(durationReader('1m', '1d')),
        `An interval that divides an hour or a day: ${INTERVALS.join(', ')}. Jobs are spread over the minutes by their name; \`tidemill next\` shows when.`,
        ['15m', '1h'],
      ),
    ),
    timezone: withDefault(
      about(
        text(readTimezone),
        'IANA time zone. A local time that does not exist on the night the clocks go forward is skipped, one that comes twice runs once.',
        ['Europe/Berlin'],
      ),
      'UTC',
    ),
    name: z.optional(
      about(text(nameReader('schedule')), 'Name of the schedule, for jobs with several. Default: `default`, then `2`, `3`, …', [
        'morning',
      ]),
    ),
    enabled: withDefault(about(z.boolean(), 'false: it stays deployed and does not fire.'), true),
  })
  .check(ctx => {
    const { cron, every } = ctx.value
    if ((cron === undefined) === (every === undefined))
      ctx.issues.push({
        code: 'custom',
        input: ctx.value,
        message: cron
          ? 'has both `cron` and `every`; keep one'
          : 'needs `cron` or `every`, e.g. { cron: "0 2 * * *", timezone: Europe/Berlin }',
      })
  })

const afterSpec = z
  .strictObject({
    job: z.optional(
      about(
        z.string(),
        'Job of this project, or `<project>/<job>` of another project of the installation: one run after each of its runs.',
        ['nightly', 'finance/close'],
      ),
    ),
    jobs: z.optional(
      about(
        listOf(z.string()).check(z.minLength(1), z.maxLength(20)),
        'Several such jobs: one run once all of them have ended so since its last start. Of each job the newest run counts; one that failed takes the good one before it back.',
        [['orders', 'customers', 'finance/close']],
      ),
    ),
    status: withDefault(
      about(
        listOf(z.enum(['success', 'warn', 'error', 'cancelled', 'skipped'])).check(z.minLength(1)),
        'How it must have ended.',
      ),
      ['success', 'warn'],
    ),
    within: z.optional(
      about(
        text(durationReader('1m', '7d')),
        'With `jobs`: ends further apart do not belong together, the older is forgotten. For daily jobs half a day keeps the days apart after one was late.',
        ['12h'],
      ),
    ),
    partial: withDefault(
      about(
        z.boolean(),
        'true: also after runs that built only a part: with other steps (`tidemill run JOB --step …`), or of a backfill.',
      ),
      false,
    ),
  })
  .check(ctx => {
    const { job, jobs, within } = ctx.value
    const say = (message: string) => ctx.issues.push({ code: 'custom', input: ctx.value, message })
    if ((job === undefined) === (jobs === undefined))
      say(
        job
          ? 'has both `job` and `jobs`; keep one'
          : 'needs `job` or `jobs`, e.g. { job: nightly } or { jobs: [orders, customers] }',
      )
    if (within !== undefined && job !== undefined) say('has `within`, which only `jobs` uses; take it out')
  })

const readVariable = (name: string): string | Refusal =>
  /^[A-Za-z_]\w{0,99}$/.test(name) ? name : refuse('cannot name a variable of dbt: letters, digits and _, the first no digit')

const stepSpec = text(line => {
  const kind = secretKind(line)
  if (kind)
    return {
      ...refuse(`holds ${kind}; put it into \`secrets\` of the environment and read it with env_var()`),
      hide: true as const,
    }
  return parseDbtCommand(line)
})

export const jobSpec = z.strictObject({
  environment: about(z.string(), 'Environment it runs in.', ['prod']),
  description: withDefault(about(z.string().check(z.maxLength(1000)), 'A sentence for people: what it is for, who to ask.'), ''),
  schedule: z.optional(
    about(
      oneOrMany(scheduleSpec),
      'When it runs: one schedule or a list. Without `schedule` and `after` it runs when asked to.',
      [{ cron: '0 2 * * *', timezone: 'Europe/Berlin' }, { every: '1h' }],
    ),
  ),
  after: z.optional(
    about(afterSpec, 'Run when another job has ended, or all of several.', [
      { job: 'nightly', status: ['success', 'warn'] },
      { jobs: ['orders', 'customers'], within: '12h' },
    ]),
  ),
  on: z.optional(
    about(oneOrMany(triggerSpec), 'What else starts it: one trigger or a list.', [
      { commit: true },
      [{ s3: { bucket: 'acme-raw', prefix: 'orders/' } }, { request: { secret: 'ci-requests' } }],
    ]),
  ),
  vars: withDefault(
    about(
      z.record(text(readVariable), z.union([z.string().check(z.maxLength(1000)), z.number(), z.boolean()])),
      'Variables of dbt for all steps (`--vars`); those that a step or a request gives win. `{{ name }}` stands for what the run knows of itself, see [What a run knows](#what-a-run-knows).',
      [{ run_date: '{{ date }}' }],
    ),
    {},
  ),
  steps: about(
    z.array(stepSpec).check(z.minLength(1)),
    'dbt command lines, run in order; a failing step ends the run. Quotes work, a shell does not.',
    [['dbt build'], ['dbt seed', 'dbt build --select tag:orders+']],
  ),
  deps: withDefault(about(z.boolean(), 'Install packages (`dbt deps`) before the steps, where the project has any.'), true),
  freshness: withDefault(
    about(
      z.union([z.boolean(), z.enum(['warn', 'fail'])]),
      'Check `dbt source freshness` before the steps. `true` or `warn`: a stale source makes the run end as `warn` at best, and the steps run; `fail`: a stale source ends the run. To check at another moment, write `dbt source freshness` among the steps: there a stale source is a failing step.',
    ),
    false,
  ),
  docs: withDefault(
    about(
      z.union([z.boolean(), z.literal('static')]),
      'Make dbt’s docs after the steps, from the build’s own manifest. `static`: as one page that holds everything, to be sent or hosted anywhere (`--static`).',
    ),
    false,
  ),
  docs_required: withDefault(
    about(
      z.boolean(),
      'A run whose docs fail ends as `error`. Otherwise as `warn`: what it built counts, and the docs of before stay.',
    ),
    false,
  ),
  state: z.optional(
    about(
      z.enum(['production']),
      '`production`: steps that compare with a state (`state:`, `result:` and `source_status:` selectors, `--defer`) get the one that the publishing job of the environment left with its last good run. Without a published state such a step fails and says so.',
    ),
  ),
  publishes: z.optional(
    about(
      listOf(z.enum(['state', 'docs'])),
      'What this job’s good runs publish for the environment: `state` (for `state:modified` and `--defer`) and the current `docs`. One job per environment. Default: both, for the only job with `docs: true`.',
      [['state', 'docs']],
    ),
  ),
  timeout: withDefault(
    about(
      text(durationReader('1m', '7d')),
      'Time limit of a run, all its attempts together; waiting between them does not count. Up to 7 days. An attempt after a run has passed it, or after its end (`tidemill retry`), has the time anew.',
      ['30m', '2h', '1h30m'],
    ),
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
  priority: withDefault(
    about(
      integer(-10, 10),
      'Where runs wait in line, higher goes first. One place in five goes to who has waited longest (for ten minutes at least), so that nobody waits for ever.',
    ),
    0,
  ),
  retry: retryOption,
  deactivate_after: deactivateOption,
  notify: notifyOption(
    'Who is told what: one rule or a list; `[]` for nobody. Default: the rules of its environment, else those of `notifications`.',
  ),
})

export type JobSpec = z.output<typeof jobSpec>

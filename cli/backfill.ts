import { createHash } from 'node:crypto'
import { type BackfillRequest, type BackfillRun, SLICES_PER_REQUEST } from '../shared/api.ts'
import { type BackfillSlice, parseStep, sliceSpan, sliceValues } from '../shared/backfill.ts'
import type { JobConfig } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import { plural } from '../shared/format.ts'
import { LIMIT } from '../shared/run.ts'
import { isTimezone } from '../shared/schedule-zone.ts'
import { fillTemplate } from '../shared/template.ts'
import { unwrap } from './api-answer.ts'
import { watchBackfill } from './backfill-watch.ts'
import { type Command, type Context, flagOption, type Input, listOption, type Outcome, textOption } from './command.ts'
import type { Connection } from './connection.ts'
import { connect } from './installation.ts'
import { findJob } from './job-name.ts'

export const backfillCommand: Command = {
  usage: 'backfill <job>',
  summary: 'run a job for each slice of a past time; the same command again goes on where it stopped',
  options: [
    { flags: '--from <date>', text: 'first day, 2026-01-01, or 2026-01-01T06:00' },
    { flags: '--to <date>', text: 'last day (all of it), or the time at which it ends' },
    { flags: '--step <length>', text: 'of a slice: 15m, 6h, 1d, 1w, 1mo (default: 1d)' },
    {
      flags: '--var <name=value>',
      text: 'variable of dbt, with {{ start }}, {{ end }}, {{ start_utc }}, {{ end_utc }} (repeatable)',
      many: true,
    },
    { flags: '--concurrency <number>', text: 'runs of the job at once (default: 1)' },
    { flags: '--timezone <name>', text: "zone of the days (default: that of the job's schedule, else UTC)" },
    { flags: '--full-refresh', text: 'rebuild incremental models in each run' },
    { flags: '--key <name>', text: 'another name is another backfill: every slice runs again' },
    { flags: '--dry-run', text: 'list the slices and start nothing' },
    { flags: '--no-wait', text: 'make the runs and do not wait for them' },
  ],
  examples: [
    "tidemill backfill nightly --from 2026-01-01 --to 2026-01-31 --var 'day={{ start }}'",
    "tidemill backfill hourly --from 2026-03-01 --to 2026-03-07 --step 6h --var 'from={{ start_utc }}' --concurrency 2",
  ],
  run: backfill,
}

interface Backfill {
  request: Omit<BackfillRequest, 'slices'>
  slices: (BackfillSlice & { vars: Record<string, string> })[]
  fullRefresh: boolean
}

async function backfill(context: Context, input: Input): Promise<Outcome> {
  const connection = await connect(context)
  const plan = await readBackfill(connection, input)
  if (flagOption(input, 'dryRun')) return { document: { ...plan.request, slices: plan.slices }, lines: sliceLines(plan) }
  const runs = await makeRuns(connection, plan)
  const made = runs.filter(each => !each.existed).length
  const before = runs.length - made
  context.say(
    `Backfill ${plan.request.backfill} of ${plan.request.job}: ${plural(runs.length, 'slice')}${before ? `, ${before} of them run or made before` : ''}.`,
  )
  if (input.options.wait === false)
    return { document: { ...plan.request, runs }, lines: [`See them:  tidemill runs --job ${plan.request.job}`] }
  return watchBackfill(context, connection, plan, runs)
}

async function readBackfill(connection: Connection, input: Input): Promise<Backfill> {
  const [from, to] = [textOption(input, 'from'), textOption(input, 'to')]
  if (from === undefined || to === undefined)
    throw new UserError('Which time? Both --from and --to are needed.', {
      hint: 'For example: --from 2026-01-01 --to 2026-01-31',
    })
  const step = textOption(input, 'step') ?? '1d'
  const concurrency = Number(textOption(input, 'concurrency') ?? '1')
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > 50)
    throw new UserError(`--concurrency "${textOption(input, 'concurrency')}" is not a number from 1 to 50.`)
  const config = await connection.config()
  const name = findJob(config, input.words.job ?? '')
  const job = config.jobs[name]
  const timezone = textOption(input, 'timezone') ?? job?.schedules?.[0]?.timezone ?? 'UTC'
  if (!isTimezone(timezone))
    throw new UserError(`--timezone "${timezone}" is not a time zone.`, { hint: 'Write it as Europe/Berlin.' })
  const templates = readTemplates(input)
  refuseSameRuns(job, templates)
  const slices = sliceSpan({ from, to, step: parseStep(step), timezone }, LIMIT.waitingRunsPerJob)
  const fullRefresh = flagOption(input, 'fullRefresh')
  const id = nameOf([name, step, timezone, templates, fullRefresh, textOption(input, 'key') ?? ''])
  return {
    request: { operation: 'backfill', job: name, backfill: id, concurrency, timezone },
    slices: slices.map(slice => ({ ...slice, vars: fill(templates, slice) })),
    fullRefresh,
  }
}

/** The same parameters give the same name, whatever the dates: a longer time goes on with what is done. */
const nameOf = (parameters: unknown) => createHash('sha256').update(JSON.stringify(parameters)).digest('hex').slice(0, 12)

function readTemplates(input: Input): [string, string][] {
  return listOption(input, 'var')
    .map((text): [string, string] => {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? []
      if (name !== undefined && value !== undefined) return [name, value]
      throw new UserError(`--var "${text}" is not of the form name=value.`, { hint: "For example: --var 'day={{ start }}'" })
    })
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function refuseSameRuns(job: JobConfig | undefined, templates: [string, string][]) {
  const own: unknown = job && 'vars' in job ? job.vars : undefined
  if (JSON.stringify([templates, own ?? '']).includes('{{')) return
  throw new UserError('Every slice would do the same: no variable says which one it is.', {
    hint: "Give the project's variable: --var 'day={{ start }}'",
  })
}

const fill = (templates: [string, string][], slice: BackfillSlice) =>
  Object.fromEntries(templates.map(([name, text]) => [name, fillTemplate(text, sliceValues(slice))]))

async function makeRuns(connection: Connection, { request, slices, fullRefresh }: Backfill): Promise<BackfillRun[]> {
  const runs: BackfillRun[] = []
  for (let from = 0; from < slices.length; from += SLICES_PER_REQUEST) {
    const some = slices.slice(from, from + SLICES_PER_REQUEST).map(({ startAt, endAt, vars }) => {
      const overrides = { ...(Object.keys(vars).length > 0 && { vars }), ...(fullRefresh && { fullRefresh }) }
      const times = { start: startAt.toISOString(), end: endAt.toISOString() }
      return Object.keys(overrides).length > 0 ? { ...times, overrides } : times
    })
    runs.push(...(unwrap(await connection.api({ ...request, slices: some })).runs ?? []))
  }
  return runs
}

function sliceLines({ request, slices }: Backfill): string[] {
  const vars = (values: Record<string, string>) =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join(' ')
  const hours = ({ startAt, endAt }: BackfillSlice) => (endAt.getTime() - startAt.getTime()) / 3_600_000
  return [
    `Backfill ${request.backfill} of ${request.job}: ${plural(slices.length, 'slice')} by the clock of ${request.timezone}.`,
    ...slices.map(slice => `  ${slice.start} to ${slice.end}  ${hours(slice)} h  ${vars(slice.vars)}`.trimEnd()),
    'Nothing was started.',
  ]
}

import { formatDay, oneLine } from '../shared/format.ts'
import type { Command, Context, Input, Outcome } from './command.ts'
import { flagOption, textOption } from './command.ts'
import { readConfig } from './config-load.ts'
import { type ComingFiring, comingFirings, unscheduled } from './firings.ts'
import { connect } from './installation.ts'
import { type JobPause, readPauses } from './installation-state.ts'
import { findJob } from './job-name.ts'
import { parseCount } from './option-values.ts'
import { formatTable } from './table.ts'

export const nextCommand: Command = {
  usage: 'next [job]',
  summary: 'when jobs run next, by tidemill.yml; changes of the clock are marked',
  options: [
    { flags: '-n, --count <number>', text: 'so many firings of each job (default: 10 of one, 2 of all)' },
    { flags: '--deployed', text: 'by the configuration that is deployed, and which jobs are paused' },
  ],
  examples: ['tidemill next', 'tidemill next nightly -n 3', 'tidemill next --deployed'],
  run: showNext,
}

async function showNext(context: Context, input: Input): Promise<Outcome> {
  const count = parseCount(textOption(input, 'count') ?? (input.words.job === undefined ? '2' : '10'), '--count')
  const connection = flagOption(input, 'deployed') ? await connect(context) : undefined
  const config = connection ? await connection.config() : await readConfig(context)
  const word = input.words.job
  const names = word === undefined ? Object.keys(config.jobs) : [findJob(config, word)]
  const jobs = names.flatMap(name => config.jobs[name] ?? [])
  const now = context.effects.clock.now()
  const firings = comingFirings(jobs, now, count)
  const others = unscheduled(config, names)
  const paused = connection ? await readPauses(connection.table, config, names) : []
  return {
    document: { firings, unscheduled: others, ...(connection && { paused }) },
    lines: [
      ...firingLines(context, firings, now, word === undefined),
      ...otherLines(others),
      ...paused.map(each => `  ${each.job}  ${pauseText(context, each, now)}`),
    ],
  }
}

function firingLines({ effects, style }: Context, firings: ComingFiring[], now: Date, withJob: boolean): string[] {
  const rows = firings.map(firing => [
    { text: '' },
    ...(withJob ? [{ text: firing.job }] : []),
    { text: dateOf(firing.local) },
    { text: firing.at === null ? 'skipped' : `${firing.local.slice(11)} ${firing.timezone}` },
    { text: firing.at === null ? '' : ownTime(firing, now, effects.zone), paint: style.dim },
    { text: noteText(firing), paint: style.yellow },
  ])
  const job = withJob ? [{ title: 'JOB', shrinkTo: 16 }] : []
  const columns = [
    { title: '' },
    ...job,
    { title: 'DAY' },
    { title: 'TIME' },
    { title: `YOUR TIME (${effects.zone})` },
    { title: '' },
  ]
  return rows.length === 0 ? [] : formatTable(columns, rows, effects.stdout.columns)
}

function pauseText({ effects }: Context, { by, at, actor }: JobPause, now: Date): string {
  const since = `since ${formatDay(new Date(at), now, effects.zone)} ${effects.zone} by ${oneLine(actor, 120)}`
  return `${by === 'environment' ? 'its environment is paused' : 'paused'} ${since}: none of these will start`
}

function otherLines(others: { job: string; why: string }[]): string[] {
  return others.map(({ job, why }) => `  ${job}  ${why}`)
}

/** `Fri 27 Mar 2027`, of a local time. */
function dateOf(local: string): string {
  const date = new Date(`${local}Z`)
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC' }).format(date)
  return `${part({ weekday: 'short' })} ${part({ day: 'numeric' }).padStart(2)} ${part({ month: 'short' })} ${local.slice(0, 4)}`
}

function ownTime(firing: ComingFiring, now: Date, zone: string): string {
  const at = new Date(firing.at ?? 0)
  const there = formatDay(at, now, firing.timezone)
  const here = formatDay(at, now, zone)
  return there === here ? 'same' : here
}

function noteText(firing: ComingFiring): string {
  const time = firing.local.slice(11)
  if (firing.note === 'skipped') return `${time} does not exist that night (clocks go forward)`
  if (firing.note === 'twice') return `${time} comes twice that night (clocks go back); it runs once`
  if (firing.note === 'summer') return 'summer time from here'
  return firing.note === 'winter' ? 'winter time from here' : ''
}

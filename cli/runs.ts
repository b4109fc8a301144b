import { UserError } from '../shared/errors.ts'
import { formatDay, formatDuration, shortSha } from '../shared/format.ts'
import { isFinal, RUN_STATUSES, type RunRecord } from '../shared/run.ts'
import { meant } from '../shared/suggest.ts'
import { type Command, type Context, type Input, listOption, type Outcome, textOption } from './command.ts'
import { connect } from './installation.ts'
import { findJob } from './job-name.ts'
import { parseCount, parseSince } from './option-values.ts'
import { countsText, secondsOf, shortCause } from './run-text.ts'
import { DAYS_BACK, findRuns } from './runs-query.ts'
import { markOf, paintStatus } from './style.ts'
import { type Cell, type Column, formatTable } from './table.ts'

export const runsCommand: Command = {
  usage: 'runs',
  summary: 'list runs, newest first',
  options: [
    { flags: '--job <name>', text: 'only of this job' },
    { flags: '--status <status>', text: 'only with this status (repeatable)', many: true },
    { flags: '--since <when>', text: 'not older than e.g. 2h, 3d, 2026-11-20' },
    { flags: '-n, --count <number>', text: 'at most so many (default: 20)' },
  ],
  examples: ['tidemill runs --job nightly', 'tidemill runs --status error --since 7d'],
  run: listRuns,
}

async function listRuns(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const now = effects.clock.now()
  const limit = parseCount(textOption(input, 'count') ?? '20', '--count')
  const status = listOption(input, 'status')
  for (const word of status)
    if (!RUN_STATUSES.some(known => known === word)) throw new UserError(`"${word}" is not a status${meant(word, RUN_STATUSES)}`)
  const sinceText = textOption(input, 'since')
  const since = sinceText === undefined ? undefined : parseSince(sinceText, now)
  const connection = await connect(context)
  const jobWord = textOption(input, 'job')
  const job = jobWord === undefined ? undefined : findJob(await connection.config(), jobWord)
  const runs = await findRuns(
    connection.table,
    { limit, ...(job !== undefined && { job }), ...(status.length > 0 && { status }), ...(since && { since }) },
    now,
  )
  if (runs.length === 0) {
    const reach = since || job !== undefined ? '' : ` in the last ${DAYS_BACK} days`
    return {
      document: { runs },
      lines: [
        `No runs${reach}${status.length > 0 ? ` with status ${status.join(', ')}` : ''}.`,
        'When the next ones are due:  tidemill next',
      ],
    }
  }
  return { document: { runs }, lines: runsTable(context, runs, now) }
}

const COLUMNS: Column[] = [
  { title: '' },
  { title: 'STATUS' },
  { title: 'JOB', shrinkTo: 12 },
  { title: 'STARTED', shrinkTo: 11 },
  { title: 'TOOK', align: 'right' },
  { title: 'NODES', shrinkTo: 8 },
  { title: 'CAUSE', shrinkTo: 8 },
  { title: 'COMMIT' },
  { title: 'RUN' },
]

function runsTable({ effects, style }: Context, runs: RunRecord[], now: Date): string[] {
  const several = new Set(runs.map(run => run.project)).size > 1
  const rows = runs.map((run): Cell[] => {
    const paint = (text: string) => paintStatus(style, run.status, text)
    return [
      { text: markOf(run.status), paint },
      { text: run.status, paint },
      { text: several ? `${run.project}/${run.job}` : run.job },
      { text: formatDay(new Date(run.startedAt ?? run.claimedAt), now, effects.zone) },
      { text: run.startedAt !== undefined || !isFinal(run.status) ? formatDuration(secondsOf(run, now)) : '' },
      { text: countsText(run.counts) },
      { text: shortCause(run.cause) },
      { text: run.commit ? shortSha(run.commit.sha) : '' },
      { text: run.id },
    ]
  })
  const columns = COLUMNS.map(column => (column.title === 'STARTED' ? { ...column, title: `STARTED (${effects.zone})` } : column))
  return formatTable(columns, rows, effects.stdout.columns)
}

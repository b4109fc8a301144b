import { formatDay, formatDuration, formatRelative, formatSpan, oneLine, plural } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Command, Context, Outcome } from './command.ts'
import { FAILED_SINCE, readFailed } from './failed-messages.ts'
import { comingFirings } from './firings.ts'
import { connect } from './installation.ts'
import { type JobStanding, readStanding, type Standing } from './installation-state.ts'
import { adviceText, adviseEnvironments } from './memory-advice.ts'
import { parseSince } from './option-values.ts'
import { secondsOf, statusText } from './run-text.ts'
import type { Style } from './style.ts'
import { type Cell, formatTable } from './table.ts'

export const statusCommand: Command = {
  usage: 'status',
  summary: 'how all jobs stand: what runs, waits, fails, is late or paused. For monitors: 0 all is well, 1 it is not',
  options: [],
  examples: ['tidemill status', 'tidemill status --json'],
  run: showStatus,
}

const MINUTE = 60_000
/** A message is on its way for seconds; the sweeper sends again what was lost after five minutes. */
const UNDELIVERED_MS = 15 * MINUTE
const SILENT_MS = 15 * MINUTE

async function showStatus(context: Context): Promise<Outcome> {
  const connection = await connect(context)
  const config = await connection.config()
  const now = context.effects.clock.now()
  const standing = await readStanding(connection, config, now)
  const problems = findProblems(standing, now)
  const last = new Map(standing.jobs.flatMap(each => (each.last ? [[each.job, each.last]] : [])))
  const failed = await readFailed(connection.table, parseSince(FAILED_SINCE, now))
  const smaller = await adviseEnvironments(connection.table, config, last, now)
  const next = new Map(comingFirings(Object.values(config.jobs), now, 1).flatMap(each => (each.at ? [[each.job, each.at]] : [])))
  const jobs = standing.jobs.map(job => ({ ...job, state: stateOf(job), next: next.get(job.job) ?? null }))
  return {
    document: {
      installation: connection.installation,
      region: connection.region,
      ok: problems.length === 0,
      problems,
      ...standing,
      jobs,
      failedMessages: failed.length,
      smaller,
    },
    lines: [
      headLine(connection.installation, connection.region, standing),
      ...jobTable(context, jobs, now),
      ...problems.map(problem => context.style.red(`✗ ${problem}`)),
      ...(failed.length ? [`! ${plural(failed.length, 'message')} given up in ${FAILED_SINCE}: tidemill notify --failed`] : []),
      ...smaller.map(({ environment, advice }) => `· ${environment}: ${adviceText(advice)}`),
    ],
    exitCode: problems.length === 0 ? EXIT.ok : EXIT.dbt,
  }
}

/** What a monitor should wake somebody for. A pause is somebody's decision. */
function findProblems(standing: Standing, now: Date): string[] {
  const age = (at: string | null) => (at === null ? 0 : now.getTime() - Date.parse(at))
  const { messages, sweptAt, deployedAt } = standing
  return [
    ...standing.jobs.flatMap(job => [
      ...(job.late
        ? [`${job.job} did not run: due ${formatDay(new Date(job.late.due), now, job.late.timezone)} ${job.late.timezone}`]
        : []),
      ...(job.failing && !job.paused ? [`${job.job}: ${plural(job.failing.runs, 'failed run')} in a row`] : []),
      ...(job.slow ? [`${job.job} takes longer than usual (${formatDuration(job.slow.usualSeconds)}): ${job.slow.run}`] : []),
    ]),
    ...(age(messages.since) > UNDELIVERED_MS
      ? [
          `${plural(messages.count, 'message')} not delivered, the oldest since ${formatSpan(age(messages.since) / 1000)}; runbook: failed-messages`,
        ]
      : []),
    ...(age(sweptAt) > SILENT_MS
      ? [`The sweeper has been silent for ${formatSpan(age(sweptAt) / 1000)}; runbook: sweeper-silent`]
      : []),
    ...(sweptAt === null && age(deployedAt) > SILENT_MS
      ? [`The sweeper has never run since the deployment ${formatSpan(age(deployedAt) / 1000)} ago; runbook: sweeper-silent`]
      : []),
  ]
}

type State = 'late' | 'slow' | 'failing' | 'paused' | 'running' | 'waiting' | 'ok'

/** The worst first; the table says the rest beside it. */
function stateOf(job: JobStanding): State {
  if (job.late) return 'late'
  if (job.paused) return 'paused'
  if (job.slow) return 'slow'
  if (job.failing) return 'failing'
  if (job.running.length) return 'running'
  return job.waiting ? 'waiting' : 'ok'
}

const MARK: Record<State, string> = { late: '!', slow: '!', failing: '✗', paused: '‖', running: '◔', waiting: '·', ok: '✓' }

function headLine(installation: string, region: string, { jobs, environments }: Standing): string {
  const count = (name: string, wanted: (job: JobStanding) => boolean) => {
    const found = jobs.filter(wanted).length
    return found ? [`${found} ${name}`] : []
  }
  const parts = [
    plural(jobs.length, 'job'),
    ...count('running', job => job.running.length > 0),
    ...count('waiting', job => job.waiting > 0),
    ...count('failing', job => job.failing !== undefined),
    ...count('late', job => job.late !== undefined),
    ...count('paused', job => job.paused !== undefined),
  ]
  const paused = environments.length ? `. Paused: ${environments.map(each => `environment ${each.environment}`).join(', ')}` : ''
  return `${installation} in ${region}: ${parts.join(', ')}${paused}`
}

function jobTable(
  { effects, style }: Context,
  jobs: (JobStanding & { state: State; next: string | null })[],
  now: Date,
): string[] {
  const day = (at: string) => formatDay(new Date(at), now, effects.zone)
  const rows = jobs.map((job): Cell[] => {
    const paint = paintOf(style, job.state)
    const { last } = job
    return [
      { text: MARK[job.state], paint },
      { text: job.state, paint },
      { text: job.job },
      { text: detailOf(job, now, day) },
      { text: last ? `${day(last.startedAt ?? last.claimedAt)} ${statusText(last)}` : 'never' },
      { text: job.next && !job.paused ? day(job.next) : '' },
    ]
  })
  const columns = [
    { title: '' },
    { title: 'STATE' },
    { title: 'JOB', shrinkTo: 12 },
    { title: '', shrinkTo: 12 },
    { title: `NEWEST RUN (${effects.zone})`, shrinkTo: 16 },
    { title: 'NEXT' },
  ]
  return rows.length ? formatTable(columns, rows, effects.stdout.columns) : []
}

function detailOf(job: JobStanding, now: Date, day: (at: string) => string): string {
  const [run] = job.running
  return [
    job.late && `due ${day(job.late.due)}`,
    job.paused &&
      `${job.paused.by === 'environment' ? 'environment paused' : 'paused'} since ${day(job.paused.at)} by ${oneLine(job.paused.actor, 100)}`,
    run &&
      `${run.status} for ${formatDuration(secondsOf(run, now))}${job.running.length > 1 ? ` and ${job.running.length - 1} more` : ''}`,
    job.slow && `usual ${formatDuration(job.slow.usualSeconds)}`,
    job.waiting > 0 && `${job.waiting} waiting`,
    job.failing && `${plural(job.failing.runs, 'failed run')}, first ${formatRelative(new Date(job.failing.since), now)}`,
  ]
    .filter(Boolean)
    .join(', ')
}

function paintOf(style: Style, state: State): (text: string) => string {
  if (state === 'late' || state === 'failing' || state === 'slow') return style.red
  if (state === 'running') return style.blue
  return state === 'ok' ? style.green : style.dim
}

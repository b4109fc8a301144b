/** The sentences of a message about one run: what its end means for others, and the facts around it. */
import { eventText, upstreamRuns } from './cause.ts'
import { namesOf } from './config-after.ts'
import { nextMemory } from './fargate.ts'
import { formatBytes, formatCount, formatMoney, formatSpan, formatTime, oneLine, plural, shortSha } from './format.ts'
import type { MessageInput } from './message.ts'
import { resumeOf } from './plan-build.ts'
import type { MessageKind, Reason } from './reasons.ts'
import { NO_NODES, type NodeCounts, type RunRecord } from './run.ts'

const MAX = { commitSubject: 72, person: 60 } as const

export const sumOf = (counts: NodeCounts) => Object.values(counts).reduce((sum, count) => sum + count, 0)

/** What the end means for others. */
export function meaningOf(input: MessageInput): string[] {
  const { kind, record } = input
  const counts = record.counts ?? NO_NODES
  const lines: string[] = []
  if (kind === 'error' || kind === 'cancelled') lines.push(builtLine(record, counts))
  if (kind === 'warn' && !counts.skipped && sumOf(counts)) lines.push('Everything was built.')
  if (kind === 'missed') lines.push('Nothing was built: the data is that of the run before.')
  if (kind === 'error' && record.reason === 'out_of_memory') lines.push(memoryLine(record))
  if (kind === 'error' && record.streak) lines.push(streakLine(input))
  if (record.artifactsIncomplete) lines.push('Not all logs and artifacts of this run could be stored.')
  return lines.filter(Boolean)
  if (record.streak?.deactivated)
    lines.push(`The job is paused now: nothing of it runs until somebody resumes it (tidemill resume ${record.job}).`)
}

/** What another attempt would do about it. */
function memoryLine(record: RunRecord): string {
  const last = record.attempts.at(-1)
  const next = last && nextMemory(last.cpu, last.memory)
  if (!next) return 'It had the largest task that there is.'
  const left = resumeOf(record)?.left
  const what = left ? ` and builds the ${left === 1 ? 'one remaining node' : `${formatCount(left)} remaining nodes`}` : ''
  return `The next attempt runs with ${formatBytes(next.memory * 1024 * 1024)}${what}.`
}

function builtLine({ reason, startedAt, message }: RunRecord, counts: NodeCounts): string {
  const built = counts.success + counts.warn
  const skipped = counts.skipped ? `${plural(counts.skipped, 'node')} ${counts.skipped === 1 ? 'was' : 'were'} skipped. ` : ''
  if (built) return `${skipped}${plural(built, 'node')} ${built === 1 ? 'is' : 'are'} up to date.`
  const known = sumOf(counts) > 0 || !startedAt || (reason && BEFORE_DBT.has(reason))
  if (message?.includes('Nothing was built.')) return skipped.trim()
  return known ? `${skipped}Nothing was built.` : 'How far it came is in the log.'
}

/** Ends at which dbt has built nothing for certain, also without results. */
const BEFORE_DBT: ReadonlySet<Reason> = new Set([
  'parse_error',
  'command_refused',
  'deps_failed',
  'profile_error',
  'freshness',
  'source_unavailable',
  'source_auth',
  'source_not_found',
  'launch_capacity',
  'launch_refused',
  'start_image',
  'start_secret',
  'start_network',
])

function streakLine(input: MessageInput): string {
  const { failures, since, first } = input.record.streak ?? { failures: 0, since: input.record.claimedAt }
  // A run that ended after a newer one has counted knows nothing of the others.
  if (failures === 0) return ''
  if (first) return 'No run of the job was good before.'
  if (failures === 1) return 'This is new: the run before did not fail.'
  const span = formatSpan((Date.parse(input.record.endedAt ?? input.record.claimedAt) - Date.parse(since)) / 1000)
  return `It has failed ${failures} times in a row, since ${formatTime(new Date(since), zoneOf(input))} (${span} before this one).`
}

/** Commit, start, duration, cost. */
export function factsOf(input: MessageInput): string[] {
  const { kind, record } = input
  return [commitLine(kind, record), kind === 'missed' ? '' : startLine(input)].filter(Boolean)
}

function commitLine(kind: MessageKind, { commit, claimedAt }: RunRecord): string {
  if (!commit) return ''
  const subject = oneLine(commit.subject, MAX.commitSubject).replaceAll('"', "'")
  const age = formatSpan((Date.parse(claimedAt) - Date.parse(commit.committedAt)) / 1000)
  const when = Number.isNaN(Date.parse(commit.committedAt)) ? '' : `, ${age} before the run`
  const what = kind === 'recovered' ? 'Good since commit' : 'Commit'
  return `${what} ${shortSha(commit.sha)} "${subject}" (${oneLine(commit.author, MAX.person)}${when}).`
}

function startLine(input: MessageInput): string {
  const { record, usualSeconds, cost } = input
  const at = new Date(record.startedAt ?? record.claimedAt)
  const usual = usualSeconds === undefined ? '' : ` (usual ${formatSpan(usualSeconds)})`
  const parts = [
    `${record.startedAt ? 'Started' : 'Asked for'} ${formatTime(at, zoneOf(input))} ${causeWords(record)}`,
    record.startedAt ? `${formatSpan(tookSeconds(record))}${usual}` : '',
    record.attempts.length ? `attempt ${record.attempts.length}` : '',
    cost === undefined ? '' : formatMoney(cost),
  ]
  return `${parts.filter(Boolean).join(', ')}.`
}

/** 0 for a run that never started. */
export const tookSeconds = ({ startedAt, claimedAt, endedAt }: RunRecord) =>
  (Date.parse(endedAt ?? claimedAt) - Date.parse(startedAt ?? claimedAt)) / 1000

/** The zone people think of the job in: that of the schedule that started it, else of its first one. */
export function zoneOf({ record, job }: MessageInput): string {
  const { cause } = record
  const own = cause.kind === 'schedule' ? job.schedules.find(schedule => schedule.name === cause.schedule) : undefined
  return (own ?? job.schedules[0])?.timezone ?? 'UTC'
}

export function causeWords({ cause }: RunRecord): string {
  switch (cause.kind) {
    case 'schedule':
      return 'by schedule'
    case 'upstream':
      return `after ${namesOf(upstreamRuns(cause).map(each => each.job))}`
    case 'commit':
      return `by commit ${shortSha(cause.sha)}`
    case 'event':
      return `by event ${oneLine(eventText(cause), MAX.person)}`
    case 'request':
      return `by ${shortActor(cause.actor)}`
  }
}

/** `ana` of `arn:aws:sts::…:assumed-role/Analyst/ana` and of `local:ana`. */
export const shortActor = (actor: string) => oneLine(actor.split(/[/:]/).at(-1) || actor, MAX.person)

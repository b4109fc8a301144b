/** The facts around a run: commit, start, cause, duration, cost. */
import { eventText, upstreamRuns } from './cause.ts'
import { namesOf } from './config-after.ts'
import { formatMoney, formatSpan, formatTime, oneLine, shortSha } from './format.ts'
import type { MessageInput } from './message.ts'
import type { Commit, NodeCounts, RunRecord } from './run.ts'
import { workBegan } from './usual.ts'

const MAX = { commitSubject: 72, person: 60 } as const

export const sumOf = (counts: NodeCounts) => Object.values(counts).reduce((sum, count) => sum + count, 0)

export function factsOf(input: MessageInput): string[] {
  const { kind, record } = input
  return [
    record.commit && kind !== 'late' && !(kind === 'recovered' && fixedBy(record))
      ? `Commit ${commitWords(record.commit, record.claimedAt)}.`
      : '',
    kind === 'missed' ? '' : startLine(input),
  ].filter(Boolean)
}

/** The commit that made the job good again; undefined when its code is that of the failure, or not known. */
export const fixedBy = ({ streak, commit }: RunRecord): Commit | undefined =>
  commit && streak?.from?.commit && streak.lastSha !== commit.sha ? commit : undefined

/** `4f2c1ab "Winter prices" (Ada Author, 6 h before the run)`. */
export function commitWords({ sha, subject, author, committedAt }: Commit, claimedAt: string): string {
  const line = oneLine(subject, MAX.commitSubject).replaceAll('"', "'")
  const age = (Date.parse(claimedAt) - Date.parse(committedAt)) / 1000
  const when = Number.isNaN(age) ? '' : `, ${formatSpan(age)} before the run`
  return `${shortSha(sha)} "${line}" (${oneLine(author, MAX.person)}${when})`
}

function startLine(input: MessageInput): string {
  const { kind, record, usualSeconds, cost } = input
  const at = new Date(record.startedAt ?? record.claimedAt)
  const usual = usualSeconds === undefined ? '' : ` (usual ${formatSpan(usualSeconds)})`
  const ended = kind !== 'late' && record.startedAt
  const parts = [
    `${record.startedAt ? 'Started' : 'Asked for'} ${formatTime(at, zoneOf(input))} ${causeWords(record)}`,
    ended ? `${formatSpan(tookSeconds(record))}${usual}` : '',
    record.attempts.length > 1 ? `attempt ${record.attempts.length}` : '',
    cost === undefined || !ended ? '' : formatMoney(cost),
  ]
  return `${parts.filter(Boolean).join(', ')}.`
}

/** 0 for a run that never started. */
export function tookSeconds(run: RunRecord): number {
  const end = run.endedAt ?? run.claimedAt
  const begin = workBegan(run) ?? (run.startedAt ? end : run.claimedAt)
  return (Date.parse(end) - Date.parse(begin)) / 1000
}

/** The zone people think of the job in: that of the schedule that started it, else of its first one. */
export function zoneOf({ record, job }: Pick<MessageInput, 'record' | 'job'>): string {
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

/** Runs in words: a row of the table, a line for a node, the head of `show`. */
import { type Cause, eventText, upstreamRuns } from '../shared/cause.ts'
import { namesOf } from '../shared/config-after.ts'
import type { Config } from '../shared/config-model.ts'
import { formatDuration, oneLine, plural, shortSha } from '../shared/format.ts'
import { shortActor } from '../shared/message-facts.ts'
import { isAboutNodes } from '../shared/message-nodes.ts'
import { describeFailure } from '../shared/message-words.ts'
import { hostedPage, runRoute } from '../shared/page-api.ts'
import { isReason, REASON_LABELS } from '../shared/reason-labels.ts'
import { reasonRow } from '../shared/reasons.ts'
import type { NodeCounts, NodeResult, RunRecord } from '../shared/run.ts'
import { workBegan } from '../shared/usual.ts'
import { markOf, paintStatus, type Style } from './style.ts'

const NAME = 120

/** Seconds from the start of the first task (or the claim, if none started) to the end, or to now; after a retry from then. */
export function secondsOf(record: RunRecord, now: Date): number {
  const start = Date.parse(workBegan(record) ?? record.retries?.at(-1)?.at ?? record.claimedAt)
  const end = record.endedAt === undefined ? now.getTime() : Date.parse(record.endedAt)
  return Math.max(0, (end - start) / 1000)
}

/** What opens the run in the browser: its address where pages are hosted. */
export const browserOf = (config: Config, id: string) => hostedPage(config, runRoute(id)) ?? `tidemill ui --run ${id}`

/** `151 ok 3 ✗ 31 –`; empty where nothing was built. */
export function countsText(counts: NodeCounts | undefined): string {
  if (!counts) return ''
  const good = counts.success + counts['no-op']
  const bad = counts.error + counts.fail
  return [
    good > 0 && `${good} ok`,
    counts.warn > 0 && `${counts.warn} !`,
    bad > 0 && `${bad} ✗`,
    counts.skipped > 0 && `${counts.skipped} –`,
  ]
    .filter(Boolean)
    .join(' ')
}

/** `schedule default, due 02:00`, `by arn:…`, `after run …`. */
export function causeText(cause: Cause): string {
  if (cause.kind === 'schedule') return `schedule ${oneLine(cause.schedule, NAME)}, due ${cause.scheduledFor}`
  if (cause.kind === 'upstream')
    return upstreamRuns(cause)
      .map(
        (each, index) =>
          `${index === 0 ? 'after run' : 'and'} ${oneLine(each.run, NAME)} of ${oneLine(each.job, NAME)} (${each.status})`,
      )
      .join(' ')
  if (cause.kind === 'commit')
    return `commit ${shortSha(cause.sha)} of ${oneLine(cause.repository, NAME)}${cause.branch ? `, branch ${oneLine(cause.branch, NAME)}` : ''}`
  if (cause.kind === 'event') return `event ${oneLine(eventText(cause), NAME)}, ${cause.time}`
  const { slice } = cause
  if (slice) return `backfill ${oneLine(slice.backfill, NAME)}, ${slice.start} to ${slice.end}, by ${oneLine(cause.actor, NAME)}`
  return `request by ${oneLine(cause.actor, NAME)}`
}

/** For a column: `schedule`, `after nightly`, `push main`, `s3://raw/orders.csv`, `ana`. */
export function shortCause(cause: Cause): string {
  if (cause.kind === 'schedule') return cause.schedule === 'default' ? 'schedule' : oneLine(cause.schedule, NAME)
  if (cause.kind === 'upstream')
    return `after ${namesOf(upstreamRuns(cause).map(each => oneLine(each.job.split('/').at(-1) ?? '', NAME)))}`
  if (cause.kind === 'commit') return `push ${oneLine(cause.branch ?? shortSha(cause.sha), NAME)}`
  if (cause.kind === 'event') return oneLine(eventText(cause), NAME)
  return cause.slice ? `backfill ${oneLine(cause.slice.backfill, NAME)}` : shortActor(cause.actor)
}

/** `4f2c1ab "rename amount columns" (A. Author)`. */
export function commitText(record: RunRecord): string {
  const { commit } = record
  if (!commit) return ''
  return `${shortSha(commit.sha)} "${oneLine(commit.subject, 80)}" (${oneLine(commit.author, 60)})`
}

/** `error: models failed`. */
export const statusText = (record: RunRecord) =>
  isReason(record.reason) ? `${record.status}: ${REASON_LABELS[record.reason]}` : record.status

/** `✗ stg_payments  model  0.4s  Binder Error: …`, as a node ends. */
export function nodeLine(node: NodeResult, style: Style, width: number): string {
  const took = node.executionSeconds === undefined ? '' : formatDuration(node.executionSeconds)
  const kind = node.materialized && node.resourceType === 'model' ? node.materialized : node.resourceType
  const head = `${markOf(node.status)} ${oneLine(node.name, NAME).padEnd(36)} ${oneLine(kind, 20).padEnd(12)} ${took.padStart(7)}`
  const detail = isBad(node.status) ? failureText(node) : ''
  const room = Math.max(20, width - head.length - 4)
  return `  ${paintStatus(style, node.status, head.trimEnd())}${detail ? `  ${detail.length > room ? `${detail.slice(0, room - 1)}…` : detail}` : ''}`
}

/** The database's own words, or the rows a test found, and the file. */
function failureText(node: NodeResult): string {
  const { words, path } = describeFailure(node)
  return `${words}${path ? `  (${path})` : ''}`
}

const isBad = (status: string) => status === 'error' || status === 'fail' || status === 'warn'

/** What happened and what to do, after a run has ended or stands still. */
export function endLines(record: RunRecord, style: Style, now: Date): string[] {
  const took = formatDuration(secondsOf(record, now))
  const nodes = countsText(record.counts)
  const job = `${record.project}/${record.job}`
  const head = `${markOf(record.status)} ${job} ${statusText(record)}  ${took}${nodes ? `  ${nodes}` : ''}  ${record.id}`
  const lines = [paintStatus(style, record.status, head)]
  const failures = isAboutNodes(record) ? (record.failures ?? []) : []
  if (failures.length > 0) lines.push(...failureLines(record, failures))
  else if (record.message && record.status !== 'success') lines.push(...boundedLines(record.message, 12).map(line => `  ${line}`))
  if (isReason(record.reason)) lines.push(`  ${reasonRow(record.reason).next}`)
  return lines
}

/** How many failing nodes the head of a run names; `show` has the others. */
export const NAMED_FAILURES = 5

function failureLines({ counts }: RunRecord, failures: NodeResult[]): string[] {
  const more = Math.max(failures.length, (counts?.error ?? 0) + (counts?.fail ?? 0)) - NAMED_FAILURES
  const named = failures.slice(0, NAMED_FAILURES).map(node => `  ${oneLine(node.name, NAME)}: ${failureText(node)}`)
  return more > 0 ? [...named, `  + ${more} more`] : named
}

/** At most `max` lines of a text that came from a container or a database. */
function boundedLines(text: string, max: number): string[] {
  const lines = text
    .split(/\r?\n/)
    .map(line => oneLine(line, 400))
    .filter(line => line !== '')
  return lines.length > max ? [...lines.slice(0, max), `… and ${plural(lines.length - max, 'more line')}`] : lines
}

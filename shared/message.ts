/**
 * What people are told about the end of a run: made from its record, in the order a reader needs it. The renderers
 * (message-text.ts, message-slack.ts) only set it; all foreign text in it is already on one line and bounded.
 */
import type { JobConfig } from './config-model.ts'
import { cutText, formatCount, formatSpan, formatTime, oneLine, plural, stripControls } from './format.ts'
import { factsOf, meaningOf, shortActor, sumOf, tookSeconds, zoneOf } from './message-lines.ts'
import { countByType, describeFailure, type FailureLine } from './message-words.ts'
import { resumeOf } from './plan-build.ts'
import { type MessageKind, offersRetry, reasonRow } from './reasons.ts'
import { NO_NODES, type NodeCounts, type NodeResult, type RunRecord } from './run.ts'

export interface MessageInput {
  kind: MessageKind
  record: RunRecord
  /** As the run was claimed with it. */
  job: JobConfig
  /** How people call the job: its short name where that is unique. */
  jobName: string
  /** Median of the job's last good runs; undefined when there are too few. */
  usualSeconds: number | undefined
  /** About, in US dollars (cost.ts). */
  cost: number | undefined
  links: MessageLink[]
}
export interface MessageLink {
  label: string
  url: string
}

export interface Message {
  kind: MessageKind
  runId: string
  project: string
  environment: string
  /** Short name. */
  job: string
  /** What happened, where: the first line. */
  title: string
  /** Of the e-mail: less than 100 characters, one line. */
  subject: string
  /** First failing nodes, and how many there are beside them. */
  failures: FailureLine[]
  moreFailures: number
  /** dbt's or AWS's own words, when it is not about single nodes; several lines. */
  words: string
  /** What it means for others, and since when. */
  meaning: string[]
  /** Commit, start, duration, cost. */
  facts: string[]
  /** What to do; empty when there is nothing to do. */
  next: string
  commands: string[]
  links: MessageLink[]
}

const SHOWN_FAILURES = 5
const MAX = { subject: 99, words: 1000, line: 400 } as const

export function makeMessage(input: MessageInput): Message {
  const { kind, record } = input
  const nodes = nodesToName(kind, record)
  const shown = nodes.slice(0, SHOWN_FAILURES)
  const total = Math.max(nodes.length, countOf(kind, record.counts ?? NO_NODES))
  return {
    kind,
    runId: record.id,
    project: record.project,
    environment: record.environment,
    job: record.job,
    title: oneLine(titleOf(input, nodes, total), MAX.line),
    subject: subjectOf(input, nodes, total),
    failures: shown.map(describeFailure),
    moreFailures: shown.length ? total - shown.length : 0,
    words: kind === 'error' && isAboutNodes(record) && shown.length ? '' : foreignWords(record.message ?? ''),
    meaning: meaningOf(input).map(line => oneLine(line, MAX.line)),
    facts: factsOf(input).map(line => oneLine(line, MAX.line)),
    next: kind === 'success' || kind === 'recovered' || kind === 'warn' || !record.reason ? '' : reasonRow(record.reason).next,
    commands: commandsOf(input),
    links: input.links,
  }
}

const foreignWords = (text: string) => cutText(stripControls(text.slice(0, MAX.words * 4)).trim(), MAX.words)

/** Failing nodes, those that could not be built before the tests that found rows; of a warning the ones that warn. */
function nodesToName(kind: MessageKind, record: RunRecord): NodeResult[] {
  const all = record.failures ?? []
  if (kind === 'warn') return all.filter(node => node.status === 'warn')
  if (kind !== 'error') return []
  return [...all.filter(node => node.status === 'error'), ...all.filter(node => node.status === 'fail')]
}
/** The reason says no more than the nodes do. */
/** What went wrong is told node by node; the message of the run adds nothing to that. */
export const isAboutNodes = ({ reason }: RunRecord) =>
  !reason || reason === 'node_failures' || reason === 'test_failures' || reason === 'freshness'
const countOf = (kind: MessageKind, counts: NodeCounts) =>
  kind === 'warn' ? counts.warn : kind === 'error' ? counts.error + counts.fail : 0

const SIGN: Record<MessageKind, string> = { error: '✗', warn: '!', success: '✓', recovered: '✓', cancelled: '–', missed: '!' }
const headOf = ({ kind, record, jobName }: MessageInput) =>
  `${SIGN[kind]} ${jobName} ${verbOf(kind, record)} in ${record.environment}`

function verbOf(kind: MessageKind, record: RunRecord): string {
  switch (kind) {
    case 'error':
      return record.startedAt || record.steps ? 'failed' : 'did not start'
    case 'warn':
      return 'finished with warnings'
    case 'success':
      return 'succeeded'
    case 'recovered':
      return 'is good again'
    case 'cancelled':
      return 'was cancelled'
    case 'missed':
      return 'did not run'
  }
}

function titleOf(input: MessageInput, nodes: NodeResult[], total: number): string {
  const { kind, record } = input
  const all = sumOf(record.counts ?? NO_NODES)
  switch (kind) {
    case 'error':
    case 'warn': {
      if (!total || !isAboutNodes(record))
        return record.reason ? `${headOf(input)}: ${reasonRow(record.reason).label}` : headOf(input)
      const stale = record.reason === 'freshness' ? ' stale' : ''
      // The record keeps only the first failing nodes: of more than these the kinds are not known.
      if (nodes.length < total) return `${headOf(input)}: ${formatCount(total)} of ${plural(all, 'node')}${stale}`
      return `${headOf(input)}: ${countByType(nodes)}${stale}${all > total ? ` of ${plural(all, 'node')}` : ''}`
    }
    case 'success':
      return all ? `${headOf(input)}: ${plural(all, 'node')} in ${formatSpan(tookSeconds(record))}` : headOf(input)
    case 'recovered':
      return headOf(input) + recoveredAfter(record)
    case 'cancelled':
      return record.cancel ? `${headOf(input)} by ${shortActor(record.cancel.actor)}` : headOf(input)
    case 'missed':
      return `${headOf(input)}: ${expectation(input)}`
  }
}

function recoveredAfter({ streak, endedAt, claimedAt }: RunRecord): string {
  if (!streak?.failures) return ''
  const seconds = (Date.parse(endedAt ?? claimedAt) - Date.parse(streak.since)) / 1000
  return `, after ${plural(streak.failures, 'failed run')} (${formatSpan(seconds)})`
}

function expectation(input: MessageInput): string {
  const { record } = input
  const zone = zoneOf(input)
  const expected =
    record.cause.kind === 'schedule'
      ? `expected ${formatTime(new Date(record.cause.scheduledFor), zone)}`
      : `asked for ${formatTime(new Date(record.claimedAt), zone)}`
  const [by] = formatTime(new Date(record.startBy), zone).split(' ')
  return `${expected}, ${record.reason === 'missed' ? 'nothing' : 'could not start'} by ${by}`
}

/** Names the first failing node, which a list of mails sorted by subject shows at once. */
function subjectOf(input: MessageInput, nodes: NodeResult[], total: number): string {
  const [first] = nodes
  if (!first || !isAboutNodes(input.record)) return oneLine(titleOf(input, nodes, total), MAX.subject)
  const more = total > 1 ? ` and ${total - 1} more` : ''
  const head = oneLine(headOf(input), MAX.subject - more.length - 12)
  return `${head}: ${oneLine(describeFailure(first).name, MAX.subject - head.length - more.length - 2)}${more}`
}

function commandsOf({ kind, record, jobName }: MessageInput): string[] {
  const again = `tidemill run ${jobName}`
  const retry = record.reason && record.attempts.length && offersRetry(record.reason) ? [retryCommand(record)] : []
  if (kind === 'missed') return ['tidemill next', again]
  const logs = record.startedAt && (kind === 'error' || kind === 'warn') ? [`tidemill logs ${record.id}`] : []
  return [`tidemill show ${record.id}`, ...logs, ...(kind === 'error' || kind === 'cancelled' ? [...retry, again] : [])]
}

function retryCommand(record: RunRecord): string {
  const left = resumeOf(record)?.left
  const only = left ? `     (runs the ${left === 1 ? 'one remaining node' : `${formatCount(left)} remaining nodes`} only)` : ''
  return `tidemill retry ${record.id}${only}`
}

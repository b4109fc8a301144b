/** First line and subject of a message: what happened, where. */
import { formatCount, formatSpan, formatTime, oneLine, plural } from './format.ts'
import type { MessageInput } from './message.ts'
import { shortActor, sumOf, tookSeconds, zoneOf } from './message-facts.ts'
import { isAboutNodes } from './message-nodes.ts'
import { countByType, describeFailure } from './message-words.ts'
import { REASON_LABELS } from './reason-labels.ts'
import type { MessageKind } from './reasons.ts'
import { NO_NODES, type NodeResult, type RunRecord } from './run.ts'

const MAX_SUBJECT = 99

const SIGN: Record<MessageKind, string> = {
  error: '✗',
  warn: '!',
  success: '✓',
  recovered: '✓',
  cancelled: '–',
  missed: '!',
  late: '!',
  source_stale: '!',
}
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
    case 'late':
      return 'takes longer than usual'
    case 'source_stale':
      return 'found stale sources'
  }
}

export function titleOf(input: MessageInput, nodes: readonly NodeResult[], total: number): string {
  const { kind, record, late } = input
  const all = sumOf(record.counts ?? NO_NODES)
  switch (kind) {
    case 'error':
    case 'warn':
      return headOf(input) + whatFailed(input, nodes, total, all)
    case 'source_stale':
      return `${headOf(input)}: ${plural(total, 'source')}`
    case 'success':
      return all ? `${headOf(input)}: ${plural(all, 'node')} in ${formatSpan(tookSeconds(record))}` : headOf(input)
    case 'recovered':
      return headOf(input) + recoveredAfter(record)
    case 'cancelled':
      return record.cancel ? `${headOf(input)} by ${shortActor(record.cancel.actor)}` : headOf(input)
    case 'missed':
      return `${headOf(input)}: ${expectation(input)}`
    case 'late':
      return late ? `${headOf(input)}: ${formatSpan(late.seconds)} so far, usual ${formatSpan(late.usual)}` : headOf(input)
  }
}

function whatFailed({ record, nodes: own }: MessageInput, nodes: readonly NodeResult[], total: number, all: number): string {
  if (!total || !isAboutNodes(record)) return record.reason ? `: ${REASON_LABELS[record.reason]}` : ''
  const stale = record.reason === 'freshness' ? ' stale' : ''
  const yours = own ? ' of yours' : ''
  // The record keeps only the first failing nodes: of more than these the kinds are not known.
  if (nodes.length < total) return `: ${formatCount(total)} of ${plural(all, 'node')}${stale}`
  return `: ${countByType(nodes)}${stale}${yours}${!own && all > total ? ` of ${plural(all, 'node')}` : ''}`
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
export function subjectOf(input: MessageInput, nodes: readonly NodeResult[], total: number): string {
  const [first] = nodes
  if (!first || (input.kind === 'error' && !isAboutNodes(input.record))) return oneLine(titleOf(input, nodes, total), MAX_SUBJECT)
  const more = total > 1 ? ` and ${total - 1} more` : ''
  const head = oneLine(headOf(input), MAX_SUBJECT - more.length - 12)
  return `${head}: ${oneLine(describeFailure(first).name, MAX_SUBJECT - head.length - more.length - 2)}${more}`
}

/** What a run's end means for others: what was built and what not, and whether it is new. */
import { nextMemory } from './fargate.ts'
import { formatBytes, formatCount, formatSpan, oneLine, plural } from './format.ts'
import type { MessageInput } from './message.ts'
import { sumOf } from './message-facts.ts'
import { isAboutNodes, nodesOfKind, staleSources } from './message-nodes.ts'
import { changeLine, recoveryLine, streakLine } from './message-streak.ts'
import type { Reason } from './reason-labels.ts'
import { isFinal, NO_NODES, type NodeCounts, type RunRecord } from './run.ts'
import { resumeOf } from './run-settings.ts'

export function meaningOf(input: MessageInput): string[] {
  const { kind, record, nodes } = input
  const counts = record.counts ?? NO_NODES
  const lines: string[] = []
  if (kind === 'error' || kind === 'cancelled') lines.push(...builtLines(record, counts))
  if (kind === 'warn' && !counts.skipped && sumOf(counts)) lines.push('Everything was built.')
  if (kind === 'missed') lines.push('Nothing was built: the data is that of the run before.')
  if (kind === 'late') lines.push(...lateLines(input))
  if (kind === 'source_stale') lines.push(...sourceLines(input, counts))
  else if (kind !== 'success' || record.status === 'warn') lines.push(staleLine(record))
  if (kind === 'error' && record.reason === 'out_of_memory') lines.push(memoryLine(record))
  if (kind === 'error' && record.streak) lines.push(streakLine(input), changeLine(record))
  if (kind === 'recovered') lines.push(recoveryLine(record))
  if (nodes) lines.push(othersLine(input))
  if (record.streak?.deactivated)
    lines.push(`The job is paused now: nothing of it runs until somebody resumes it (tidemill resume ${record.job}).`)
  if (record.artifactsIncomplete) lines.push('Not all logs and artifacts of this run could be stored.')
  return lines.filter(Boolean)
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

function builtLines({ reason, startedAt, message }: RunRecord, counts: NodeCounts): string[] {
  const built = counts.success + counts.warn
  // After failed nodes dbt skips what is downstream of them; after another end it is what was not reached.
  const which = isAboutNodes({ ...(reason && { reason }) }) ? 'downstream node' : 'node'
  const skipped = counts.skipped
    ? `${plural(counts.skipped, which)} ${counts.skipped === 1 ? 'was' : 'were'} ${which === 'node' ? 'not reached' : 'skipped'}.`
    : ''
  if (built) return [skipped, `${plural(built, 'node')} ${built === 1 ? 'is' : 'are'} up to date.`]
  const known = sumOf(counts) > 0 || !startedAt || (reason && BEFORE_DBT.has(reason))
  if (message?.includes('Nothing was built.')) return [skipped]
  return [skipped, known ? 'Nothing was built.' : 'How far it came is in the log.']
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

function lateLines({ record, late, job }: MessageInput): string[] {
  if (isFinal(record.status)) return [`It has ended meanwhile: ${record.status}.`]
  return [
    late ? `The longest of its last good runs took ${formatSpan(late.longest)}.` : '',
    `It goes on; its time limit is ${formatSpan(job.timeoutSeconds)}.`,
  ]
}

function sourceLines({ record, job }: MessageInput, counts: NodeCounts): string[] {
  const built = counts.success + counts.warn > 0
  if (built) return ['The run went on: what was built from them is as old as they are.']
  return job.freshness === 'fail'
    ? ['The run ended there: nothing was built.']
    : [record.status === 'error' ? 'The run failed.' : '']
}

/** In a message about something else: why a number may look old. */
function staleLine(record: RunRecord): string {
  const stale = record.reason === 'freshness' ? [] : staleSources(record)
  if (!stale.length) return ''
  const names = stale.slice(0, 3).map(node => oneLine(node.name, 60))
  const more = stale.length > names.length ? ` and ${stale.length - names.length} more` : ''
  return `Stale ${stale.length === 1 ? 'source' : 'sources'}: ${names.join(', ')}${more}.`
}

/** To an owner: that it is not only its nodes. */
function othersLine({ kind, record, nodes = [] }: MessageInput): string {
  const all = nodesOfKind(kind, record)
  const counts = record.counts ?? NO_NODES
  const total = Math.max(all.length, kind === 'error' ? counts.error + counts.fail : all.length)
  const others = total - all.filter(node => nodes.includes(node.uniqueId)).length
  const what = kind === 'error' ? 'failed' : kind === 'warn' ? 'warned' : 'are stale'
  return others > 0 ? `${plural(others, 'more')} of others ${what}.`.replace('mores', 'more') : ''
}

/** Rows of the list of runs: from the index, and of runs that go on. Pure. */

import type { Cause } from '../shared/cause.ts'
import { eventText } from '../shared/cause.ts'
import { RUN_ID_PATTERN } from '../shared/contract.ts'
import { oneLine } from '../shared/format.ts'
import type { HistoryIndex, IndexRun } from '../shared/history-index.ts'
import { isFinal, type RunRecord, type RunStatus } from '../shared/run.ts'

export interface Row extends Omit<IndexRun, 'status' | 'endedAt'> {
  status: RunStatus
  endedAt?: string
}

/** Newest first. */
export const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? 1 : a.id > b.id ? -1 : 0)

export function rowOf(record: RunRecord, index: HistoryIndex | undefined): Row {
  const { id, project, environment, job, status, reason, startedAt, endedAt, counts } = record
  const usual = index?.jobs.find(each => each.job === `${project}/${job}`)?.usualSeconds
  const by = byOf(record.cause)
  return {
    id,
    project,
    environment,
    job,
    status,
    trigger: record.cause.kind,
    ...(by && { by }),
    attempts: record.attempts.length,
    ...(reason && { reason }),
    ...(record.message && { message: oneLine(record.message, 160) }),
    ...(record.commit && { commit: record.commit.sha.slice(0, 12) }),
    ...(startedAt && { startedAt }),
    ...(endedAt && isFinal(status) && { endedAt, ...(startedAt && { seconds: secondsBetween(startedAt, endedAt) }) }),
    ...(usual !== undefined && { usualSeconds: usual }),
    ...(counts && { counts }),
  }
}

const secondsBetween = (from: string, to: string) => Math.max(0, (Date.parse(to) - Date.parse(from)) / 1000)

function byOf(cause: Cause): string | undefined {
  if (cause.kind === 'schedule') return cause.schedule
  if (cause.kind === 'upstream') return cause.job
  if (cause.kind === 'commit') return cause.branch ?? cause.sha.slice(0, 7)
  if (cause.kind === 'event') return oneLine(eventText(cause), 80)
  return cause.slice ? `backfill ${cause.slice.backfill}` : cause.actor
}

/** Seconds it took, or has taken so far. */
export const tookOf = (row: Row, now: Date): number | undefined =>
  row.seconds ??
  (row.startedAt && !isFinal(row.status) ? Math.max(0, (now.getTime() - Date.parse(row.startedAt)) / 1000) : undefined)

/** `schedule`, `after nightly`, `push main`, `ana`. */
export function triggerWords({ trigger, by }: Pick<Row, 'trigger' | 'by'>): string {
  const name = by ?? ''
  if (trigger === 'schedule') return !name || name === 'default' ? 'schedule' : `schedule ${name}`
  // The index names the run, which says nobody anything.
  if (trigger === 'upstream') return RUN_ID_PATTERN.test(name) ? 'after another job' : `after ${name.split('/').at(-1)}`
  if (trigger === 'commit') return `push ${name}`
  if (trigger === 'event') return name || 'event'
  // An ARN says its person last.
  return name.startsWith('arn:') ? (name.split('/').at(-1) ?? name) : name.replace(/^local:/, '') || 'request'
}

/** Half as long again as usual is worth a look. */
export const SLOW = 1.5
export const isSlow = (row: Pick<Row, 'usualSeconds'>, seconds: number | undefined) =>
  seconds !== undefined && row.usualSeconds !== undefined && seconds > SLOW * row.usualSeconds && seconds > row.usualSeconds + 60

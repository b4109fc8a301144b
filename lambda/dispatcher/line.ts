/** The order and the rules of the waiting line: pure. */
import type { JobConfig } from '../../shared/config-model.ts'
import { triggersOf } from '../../shared/config-trigger.ts'
import { fullName } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'

/** A run as its place in the line shows it. */
export interface Waiting {
  id: string
  /** Full name. */
  job: string
  priority: number
}

export const waitingOf = (run: RunRecord): Waiting => ({
  id: run.id,
  job: fullName(run.project, run.job),
  priority: run.priority,
})

/** Who has waited for so long may be first in a turn of the oldest. */
export const OLD_MS = 10 * 60_000
/** One turn in so many is one of the oldest. */
export const OLDEST_EVERY = 5

/**
 * Priority, then claim time. In a turn of the oldest (`oldBefore`: id of a run claimed that long ago) those who have waited
 * long go first, whatever their priority: so a line that never ends keeps nobody out for ever, and still gives four places of
 * five to those who matter more.
 */
export function inOrder<T extends Pick<Waiting, 'id' | 'priority'>>(waiting: readonly T[], oldBefore = ''): T[] {
  const rank = (each: T) => (each.id < oldBefore ? Number.POSITIVE_INFINITY : each.priority)
  const byClaim = (a: T, b: T) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
  return [...waiting].sort((a, b) => (rank(a) === rank(b) ? byClaim(a, b) : rank(a) > rank(b) ? -1 : 1))
}

/**
 * Run to the newer run that takes its place: of the waiting runs of one schedule only the newest scheduled time stays, of
 * commits on one branch the last that was told, of events those of a trigger that says so. Runs with parameters, of requests
 * and of other runs are wanted each; so is every run of a job with `overlap: allow`.
 */
export function findSuperseded(runs: readonly RunRecord[], jobOf: (run: RunRecord) => JobConfig | undefined) {
  const newest = new Map<string, RunRecord>()
  const candidates = runs.flatMap(run => {
    const job = jobOf(run)
    const line = run.attempts.length === 0 && !run.overrides && job?.overlap !== 'allow' ? lineOf(run, job) : undefined
    return line === undefined ? [] : [{ run, line: `${fullName(run.project, run.job)} ${line}` }]
  })
  for (const { run, line } of candidates) {
    const other = newest.get(line)
    if (!other || isLater(run, other)) newest.set(line, run)
  }
  const superseded = new Map<string, RunRecord>()
  for (const { run, line } of candidates) {
    const stays = newest.get(line)
    if (stays && stays.id !== run.id) superseded.set(run.id, stays)
  }
  return superseded
}

/** Runs of a job that stand for one another; undefined: each is wanted. */
function lineOf({ cause }: RunRecord, job: JobConfig | undefined): string | undefined {
  if (cause.kind === 'schedule') return `schedule ${cause.schedule}`
  if (cause.kind === 'commit') return `commit ${cause.branch ?? ''}`
  if (cause.kind !== 'event' || !job) return undefined
  const merged = triggersOf(job, 'event').some(each => each.name === cause.trigger && each.coalesce)
  return merged ? `event ${cause.trigger}` : undefined
}

const scheduledFor = (run: RunRecord) => (run.cause.kind === 'schedule' ? run.cause.scheduledFor : '')
const isLater = (a: RunRecord, b: RunRecord) => `${scheduledFor(a)} ${a.id}` > `${scheduledFor(b)} ${b.id}`

/** How long a job usually takes, which tells a slow run from a normal one. */
import { secondsBetween } from './history-values.ts'
import type { RunRecord, RunStatus } from './run.ts'

/** What is looked at of a run: a record, or a row of the index. */
export interface Timed {
  status: RunStatus
  startedAt?: string
  endedAt?: string
  /** A run of other commands or code than the job's own says nothing of the job. */
  overrides?: unknown
  /** One that was opened again did its work in parts, with a night between them perhaps. */
  retries?: unknown
}

/** Fewer good runs say nothing about what is usual. */
const LEAST_RUNS = 3

/** Seconds: median, and the longest. */
export interface Usual {
  usual: number
  longest: number
}

/** Of the good ones among the runs; undefined when there are fewer than three. */
export function usualOf(runs: readonly Timed[]): Usual | undefined {
  const took = runs
    .filter(run => (run.status === 'success' || run.status === 'warn') && !run.overrides && !run.retries)
    .flatMap(({ startedAt, endedAt }) => (startedAt && endedAt ? (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 : []))
    .sort((a, b) => a - b)
  const [usual, longest] = [took[Math.floor(took.length / 2)], took.at(-1)]
  return took.length < LEAST_RUNS || usual === undefined || longest === undefined ? undefined : { usual, longest }
}

/** When its work began; of a run that was opened again the work since then. Undefined: no task of it has started yet. */
export function workBegan({ startedAt, attempts, retries }: RunRecord): string | undefined {
  const before = retries?.at(-1)?.attempts
  return before === undefined ? startedAt : attempts[before]?.startedAt
}

/** Seconds in which a container of these attempts ran, of those that have stopped. */
export const busySeconds = (attempts: RunRecord['attempts']): number =>
  attempts.reduce((sum, { startedAt, stoppedAt }) => sum + (secondsBetween(startedAt, stoppedAt) ?? 0), 0)

export const usualSeconds = (runs: readonly Timed[]): number | undefined => usualOf(runs)?.usual

/** Half as long again is noise for a job of a minute. */
const LEAST_MORE_SECONDS = 5 * 60

/** Longer than any of its last good runs, by half more than the median and by five minutes at least: then people are told. */
export const lateAfterSeconds = ({ usual, longest }: Usual): number => Math.max(longest, 1.5 * usual, usual + LEAST_MORE_SECONDS)

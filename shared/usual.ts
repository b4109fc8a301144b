/** How long a job usually takes, which tells a slow run from a normal one. */
import type { RunRecord } from './run.ts'

/** Fewer good runs say nothing about what is usual. */
const LEAST_RUNS = 3

/** Median seconds of the good ones among the runs; undefined when there are fewer than three. */
export function usualSeconds(runs: readonly RunRecord[]): number | undefined {
  const took = runs
    .filter(run => (run.status === 'success' || run.status === 'warn') && !run.overrides)
    .flatMap(({ startedAt, endedAt }) => (startedAt && endedAt ? (Date.parse(endedAt) - Date.parse(startedAt)) / 1000 : []))
    .sort((a, b) => a - b)
  return took.length < LEAST_RUNS ? undefined : took[Math.floor(took.length / 2)]
}

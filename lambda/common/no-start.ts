/** The end of a run that AWS could not start in its time: used by the dispatcher, and by the sweeper where calls stay without an answer. */
import type { Attempt, RunRecord } from '../../shared/run.ts'
import type { RunEnd } from './store.ts'

export const noStart = (tries: number, words: string | undefined) =>
  ({
    status: 'error',
    reason: 'launch_capacity',
    message: `AWS could not start the task in time, in ${tries} ${tries === 1 ? 'try' : 'tries'}: ${words ?? 'no reason given'}`,
  }) as const satisfies RunEnd

/**
 * Until when the attempt must have started. A scheduled run's first attempt has its time from its moment on; a run that had
 * to wait in line, and a later attempt, from its place on.
 */
export function startDeadline(run: RunRecord, attempt: Attempt, startWithinSeconds: number): string {
  if (run.cause.kind === 'schedule' && attempt.number === 1) return run.startBy
  return new Date(Date.parse(attempt.dispatchedAt) + startWithinSeconds * 1000).toISOString()
}

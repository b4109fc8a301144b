/** The end of a run that AWS could not start in its time: used by the dispatcher, and by the sweeper where calls stay without an answer. */
import type { Attempt, RunRecord } from '../../shared/run.ts'
import type { AttemptEnd } from './store.ts'

/** Refusals that followed a call without an answer: what they say of the call is kept, and was not yet the end. */
const REFUSED = /^(AccessDenied|Blocked|Client|ClusterNotFound|InvalidParameter|Platform\w+|UnsupportedFeature)Exception/
const PASSES = /rate exceeded|throttl|capacity|quota|limit/i

export function noStart(tries: number, words = 'no reason given'): AttemptEnd['outcome'] {
  if (REFUSED.test(words) && !PASSES.test(words))
    return { status: 'error', reason: 'launch_refused', message: `AWS refused to start the task: ${words}` }
  const message = `AWS could not start the task in time, in ${tries} ${tries === 1 ? 'try' : 'tries'}: ${words}`
  return { status: 'error', reason: 'launch_capacity', message }
}

/**
 * Until when the attempt must have started. A scheduled run's first attempt has its time from its moment on; a run that had
 * to wait in line, and a later attempt, from its place on.
 */
export function startDeadline(run: RunRecord, attempt: Attempt, startWithinSeconds: number): string {
  if (run.cause.kind === 'schedule' && attempt.number === 1) return run.startBy
  return new Date(Date.parse(attempt.dispatchedAt) + startWithinSeconds * 1000).toISOString()
}

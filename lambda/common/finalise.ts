/** The end of a run. Whoever ends one goes through here: launch failures, the end of a task, cancelling, repairs. */
import { EFFECTS, LIMIT, type RunRecord, type RunStatus } from '../../shared/run.ts'
import type { Log } from './log.ts'
import { type AttemptEnd, OPEN_STATUSES, type RunEnd, type Store } from './store.ts'

export interface FinaliseDeps {
  store: Pick<Store, 'endRun'>
  now(): Date
  log: Log
}

/** The record of the run after its end, all effects open. */
export function applyEnd(run: RunRecord, end: RunEnd, now: Date, attempt?: AttemptEnd): RunRecord {
  const { reason: _, message: __, notBefore: ___, ...rest } = run
  const startedAt = run.startedAt ?? attempt?.startedAt
  // Clocks of Lambdas and ECS differ: a run never ends before it began.
  const endedAt = [now.toISOString(), startedAt ?? '', run.claimedAt].sort().at(-1) ?? now.toISOString()
  return {
    ...rest,
    ...end.findings,
    status: end.status,
    ...(end.reason && { reason: end.reason }),
    ...(end.message && { message: end.message.slice(0, LIMIT.message) }),
    ...(startedAt && { startedAt }),
    endedAt,
    attempts: attempt ? [...run.attempts.slice(0, -1), { ...lastAttempt(run), ...attempt }] : run.attempts,
    effects: [...EFFECTS],
  }
}

function lastAttempt(run: RunRecord) {
  const last = run.attempts.at(-1)
  if (!last) throw new Error(`run ${run.id} has no attempt to close`)
  return last
}

/**
 * Ends the run in one transaction, if it still is as expected: final status, places in job and environment given back,
 * effects open. Undefined: somebody else ended it or took it further; nothing was changed.
 */
export async function finalise(
  deps: FinaliseDeps,
  run: RunRecord,
  end: RunEnd,
  options: { attempt?: AttemptEnd; statuses?: readonly RunStatus[] } = {},
): Promise<RunRecord | undefined> {
  const expected = { statuses: options.statuses ?? OPEN_STATUSES, attempts: run.attempts.length }
  const ended = await deps.store.endRun(run, expected, applyEnd(run, end, deps.now(), options.attempt))
  deps.log(ended ? 'run ended' : 'run was ended or taken further by another', {
    runId: run.id,
    status: end.status,
    reason: end.reason,
  })
  return ended
}

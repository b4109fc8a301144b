/** The streak of failed runs of a job: pure rules. The store keeps it with one transaction per run. */
import type { RunRecord, Streak } from '../../shared/run.ts'
import type { JobStreak } from './store.ts'

export interface StreakChange {
  /** Kept in the run: failures in a row with it, or before it if it was good again. */
  run: Streak
  /** Undefined: a newer run has counted already, the job's streak stays. */
  job: JobStreak | undefined
  /** Who pauses the job with this failure. */
  pausedBy?: string
}

/** Runs count in the order of their ids; one that ends after a newer run has counted changes nothing. */
export function nextStreak(
  before: JobStreak | undefined,
  run: RunRecord,
  failed: boolean,
  deactivateAfter?: number | null,
): StreakChange {
  const since = run.endedAt ?? run.claimedAt
  const none = { failures: 0, since }
  if (before && before.lastRun > run.id) return { run: none, job: undefined }
  // Opened again after it had failed: it fails once more as the same run, or ends the streak that it had begun or continued.
  if (before?.lastRun === run.id && failed) return { run: { failures: before.failures, since: before.since }, job: undefined }
  const open = before?.failures ? { failures: before.failures, since: before.since } : none
  const counted = failed ? { failures: open.failures + 1, since: open.since } : none
  const told = failed ? counted : open
  const change = { run: before ? told : { ...told, first: true }, job: { ...counted, lastRun: run.id } }
  // Each time anew: who resumed the job gave it as many failures again.
  if (!failed || !deactivateAfter || counted.failures % deactivateAfter) return change
  return {
    run: { ...change.run, deactivated: true },
    job: change.job,
    pausedBy: `tidemill (${counted.failures} failures in a row)`,
  }
}

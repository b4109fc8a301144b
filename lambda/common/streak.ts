/** The streak of failed runs of a job: pure rules. The store keeps it with one transaction per run. */
import { staleSources } from '../../shared/message-nodes.ts'
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

/** `heard`: targets that are told of the failure. Runs count in the order of their ids; one that ends after a newer run has counted changes nothing. */
export function nextStreak(
  before: JobStreak | undefined,
  run: RunRecord,
  failed: boolean,
  deactivateAfter?: number | null,
  heard: readonly string[] = [],
): StreakChange {
  const since = run.endedAt ?? run.claimedAt
  const none = { failures: 0, since }
  if (before && before.lastRun > run.id) return { run: none, job: undefined }
  // Opened again after it had failed: it fails once more as the same run, or ends the streak that it had begun or continued.
  if (before?.lastRun === run.id && failed) return { run: asRun(before), job: undefined }
  const open = before?.failures ? asRun(before) : none
  const stale = staleOf(before, run, since)
  const counted = failed ? countFailure(open, before, run, heard) : { ...none, good: countGood(before, run) }
  const told = failed ? { ...open, failures: counted.failures, ...pick(counted, ['from', 'good']) } : open
  const change = {
    run: { ...told, ...(!before && { first: true }), ...(stale && { stale }) },
    job: { ...counted, lastRun: run.id, ...(stale && { stale: { ...stale, previous: since } }) },
  }
  // Each time anew: who resumed the job gave it as many failures again.
  if (!failed || !deactivateAfter || counted.failures % deactivateAfter) return change
  return {
    run: { ...change.run, deactivated: true },
    job: change.job,
    pausedBy: `tidemill (${counted.failures} failures in a row)`,
  }
}

/** What a run is told of the job's streak as it stood before it. */
function asRun({ lastRun: _, stale: __, ...streak }: JobStreak): Streak {
  return streak
}

function countFailure(open: Streak, before: JobStreak | undefined, run: RunRecord, heard: readonly string[]): Streak {
  const good = open.failures ? open.good : before?.good
  const told = [...new Set([...(open.told ?? []), ...heard])].sort()
  return {
    failures: open.failures + 1,
    since: open.since,
    from: open.from ?? { run: run.id, ...(run.commit && { commit: run.commit }) },
    previous: run.endedAt ?? run.claimedAt,
    ...(run.commit && { lastSha: run.commit.sha }),
    ...(good && { good }),
    ...(told.length > 0 && { told }),
  }
}

function countGood(before: JobStreak | undefined, run: RunRecord): NonNullable<Streak['good']> {
  const runs = before?.failures ? 0 : (before?.good?.runs ?? 0)
  return { runs: runs + 1, ...(run.commit && { sha: run.commit.sha }) }
}

function staleOf(before: JobStreak | undefined, run: RunRecord, end: string): Streak['stale'] {
  if (!staleSources(run).length) return undefined
  const last = before?.stale
  return { runs: (last?.runs ?? 0) + 1, since: last?.since ?? end, ...(last?.previous && { previous: last.previous }) }
}

const pick = <T extends object, K extends keyof T>(from: T, names: readonly K[]) =>
  Object.fromEntries(names.flatMap(name => (from[name] === undefined ? [] : [[name, from[name]]]))) as Partial<Pick<T, K>>

/** Counts a run in its job's streak exactly once, and pauses the job with it: run and job change in one transaction. */
import { fullName, PK } from '../../shared/contract.ts'
import type { RunRecord, Streak } from '../../shared/run.ts'
import { type Dynamo, transact, writeInput } from './dynamo.ts'
import type { JobState } from './store.ts'
import { nextStreak } from './streak.ts'

interface Reads {
  run(id: string): Promise<RunRecord | undefined>
  job(name: string): Promise<JobState>
}

export async function countStreak(
  dynamo: Dynamo,
  reads: Reads,
  run: RunRecord,
  failed: boolean,
  deactivateAfter?: number | null,
  heard?: readonly string[],
): Promise<Streak | undefined> {
  const job = fullName(run.project, run.job)
  for (let left = 20; left > 0; left--) {
    const current = await reads.run(run.id)
    if (!current || current.streak) return current?.streak
    const before = (await reads.job(job)).streak
    const change = nextStreak(before, current, failed, deactivateAfter, heard)
    const keep = writeInput(dynamo.table, {
      pk: PK.run(run.id),
      update: 'SET #streak = :streak',
      condition: 'attribute_not_exists(#streak) AND attribute_exists(#id)',
      values: { streak: change.run },
    })
    const paused = change.pausedBy && { at: run.endedAt ?? run.claimedAt, actor: change.pausedBy }
    const count =
      change.job &&
      writeInput(dynamo.table, {
        pk: PK.job(job),
        // Who paused it before has his name stay there.
        update: `SET #streak = :streak${paused ? ', #paused = if_not_exists(#paused, :paused)' : ''}`,
        condition: before ? '#streak.#lastRun = :last' : 'attribute_not_exists(#streak)',
        values: { streak: change.job, ...(paused && { paused }), ...(before && { last: before.lastRun }) },
      })
    if (!(await transact(dynamo, [{ Update: keep }, ...(count ? [{ Update: count }] : [])]))) return change.run
  }
  throw new Error(`streak of ${job} did not stand still for 20 tries`)
}

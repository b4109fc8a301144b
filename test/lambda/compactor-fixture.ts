/** Runs that are over, and a compactor over the table and bucket in memory. */
import { type CompactDeps, compact } from '../../lambda/compactor/compact.ts'
import { makeRunId } from '../../shared/contract.ts'
import { type DayPage, HISTORY_KEY, type HistoryIndex, type IndexRun, type JobPage } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { attemptOf, configOf, NOW, runOf, scheduled } from '../fakes/records.ts'

/** A run that took so many seconds, claimed so many minutes before or after now. */
export function endedRun(number: number, minutes: number, over: Partial<RunRecord> & { seconds?: number } = {}): RunRecord {
  const { seconds = 60, ...fields } = over
  const claimed = new Date(Date.parse(NOW) + minutes * 60_000)
  const after = (s: number) => new Date(claimed.getTime() + s * 1000).toISOString()
  return runOf(number, {
    id: makeRunId(claimed, number.toString(16).padStart(12, '0')),
    cause: scheduled(claimed.toISOString()),
    status: 'success',
    claimedAt: claimed.toISOString(),
    startedAt: after(30),
    endedAt: after(30 + seconds),
    attempts: [attemptOf(1, { taskArn: 'task', dispatchedAt: after(1), stoppedAt: after(30 + seconds) })],
    ...fields,
  })
}

export function makeCompactor(cloud: FakeCloud = makeCloud(configOf())) {
  const calls: object[] = []
  const deps: CompactDeps = { ...cloud.deps, compact: async payload => void calls.push(payload) }
  const index = () => cloud.json(HISTORY_KEY.index) as HistoryIndex
  return {
    cloud,
    deps,
    calls,
    index,
    end(run: RunRecord) {
      cloud.store.plant(run)
      return { day: run.claimedAt.slice(0, 10), runs: [run.id] }
    },
    poke: (event: unknown) => compact(deps, event),
    day: (date: string): IndexRun[] => {
      const day = index().days.find(each => each.date === date)
      return day ? (cloud.json(day.page) as DayPage).runs : []
    },
    job: (name: string): IndexRun[] => {
      const job = index().jobs.find(each => each.job === name)
      return job ? (cloud.json(job.page) as JobPage).runs : []
    },
  }
}

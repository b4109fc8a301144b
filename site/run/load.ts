/** A run's record: from the table, or, when it is no longer there, from the bucket by way of the index. */
import { dayOfRun, KEY, type RunPlace } from '../../shared/contract.ts'
import type { DayPage, HistoryIndex, IndexRun, JobPage, RunNode, RunNodes } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { readIndex } from '../app-context.ts'
import { faultError, faultOf } from '../fault.ts'
import { readData, readRecord } from '../server.ts'

export async function loadRecord(id: string, signal?: AbortSignal): Promise<RunRecord> {
  try {
    return await readRecord(id, signal)
  } catch (error) {
    if (faultOf(error).status !== 404) throw error
    const { index } = await readIndex(signal)
    const row = index && (await findRow(index, id))
    if (!row)
      throw faultError({
        status: 404,
        message: `There is no run ${id}.`,
        hint: 'It may be older than the time that runs are kept (`retention` in tidemill.yml), or of another installation.',
      })
    return readData<RunRecord>(KEY.record(row), { keep: true })
  }
}

async function findRow(index: HistoryIndex, id: string): Promise<IndexRun | undefined> {
  const known = index.newest.find(run => run.id === id)
  const day = index.days.find(each => each.date === dayOfRun(id))
  if (known || !day) return known
  return (await readData<DayPage>(day.page, { keep: true })).runs.find(run => run.id === id)
}

/** Newest first; empty when no run of the job has ended. */
export async function loadJobRuns(index: HistoryIndex | undefined, job: string): Promise<IndexRun[]> {
  const page = index?.jobs.find(each => each.job === job)?.page
  return page ? (await readData<JobPage>(page, { keep: true })).runs : []
}

/** Undefined where the run left none. */
export async function loadNodes(place: RunPlace): Promise<RunNode[] | undefined> {
  try {
    return (await readData<RunNodes>(KEY.nodes(place), { keep: true })).nodes
  } catch (error) {
    if (faultOf(error).status === 404) return undefined
    throw error
  }
}

/** What runs left in the bucket. */
import { KEY, type RunPlace } from '../../shared/contract.ts'
import type { HistoryIndex, IndexRun, JobPage, RunNode, RunNodes } from '../../shared/history-index.ts'
import { faultOf } from '../fault.ts'
import { readData } from '../server.ts'

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

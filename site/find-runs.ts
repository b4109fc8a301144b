/** Reads as many pages of days as a page of the list of runs needs. */
import type { DayPage, HistoryIndex, IndexRun, JobPage } from '../shared/history-index.ts'
import { daysFor, type Filter, matcher } from './filter.ts'
import { byId, type Row } from './rows.ts'

export const PAGE_ROWS = 100
/** Pages of days that are read before somebody asks for more: a filter that finds nothing must not read years. */
export const DAYS_AT_ONCE = 10

export interface Found {
  rows: Row[]
  /** There are older ones that match, or that have not been looked at. */
  more: boolean
  /** Everything from this date on has been looked at, YYYY-MM-DD; absent: all there is. */
  backTo?: string
}

/** What is read first: the newest runs of all jobs, or of the one that is wanted. */
interface Newest {
  runs: readonly IndexRun[]
  /** Nothing is older. */
  all: boolean
}

async function newestOf(index: HistoryIndex, filter: Filter, read: ReadPage): Promise<Newest> {
  const job = filter.job && index.jobs.find(each => each.job === filter.job)
  if (filter.job && !job) return { runs: [], all: true }
  if (job) {
    const { runs } = await read(job.page)
    return { runs, all: job.runs <= runs.length }
  }
  return { runs: index.newest, all: index.days.reduce((sum, day) => sum + day.runs, 0) <= index.newest.length }
}

type ReadPage = (key: string) => Promise<DayPage | JobPage>

/** `days`: at most so many pages of days are read. */
export async function findRuns(
  index: HistoryIndex,
  filter: Filter,
  { before, days, read }: { before: string; days: number; read: ReadPage },
): Promise<Found> {
  const matches = matcher(filter)
  const isWanted = (row: Row) => (!before || row.id < before) && matches(row)
  const newest = await newestOf(index, filter, read)
  const rows: Row[] = newest.runs.filter(isWanted)
  if (rows.length > PAGE_ROWS) return { rows: rows.slice(0, PAGE_ROWS), more: true }
  if (newest.all) return { rows, more: false }
  // Below the last of the newest runs only the pages of days go on.
  const floor = newest.runs.at(-1)?.id ?? '9999'
  const left = daysFor(index.days, filter, before && before < floor ? before : floor)
  for (const [number, day] of left.entries()) {
    if (number >= days) return { rows, more: true, backTo: left[number - 1]?.date ?? day.date }
    const page = await read(day.page)
    rows.push(...page.runs.filter(row => row.id < floor && isWanted(row)).sort(byId))
    if (rows.length > PAGE_ROWS) return { rows: rows.slice(0, PAGE_ROWS), more: true }
  }
  return { rows, more: false }
}

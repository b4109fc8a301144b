/** Rows into the pages of their days and jobs. The result is the same in whatever order runs come, and however often. */
import { dayOfRun, fullName, SCHEMA_VERSION } from '../../shared/contract.ts'
import {
  type HistoryIndex,
  type IndexDay,
  type IndexJob,
  type IndexRun,
  JOB_RUNS,
  NEWEST_RUNS,
} from '../../shared/history-index.ts'
import { usualSeconds } from '../../shared/usual.ts'
import type { Bucket } from '../common/bucket.ts'
import { readRows, writePage } from './book.ts'

type Pages = Pick<Bucket, 'read' | 'write'>

/** As many runs as say what is usual for a job. */
const USUAL_OF = 20
const OUTCOMES = 30

/**
 * The index with these rows in it; their pages are written, the index is not. The same object: nothing is new. `renewed`: the
 * runs have new files, whatever the index says of them, and pages that are gone count as empty.
 */
export async function addRows(
  bucket: Pages,
  index: HistoryIndex,
  rows: readonly IndexRun[],
  renewed = false,
): Promise<HistoryIndex> {
  const days = new Map(index.days.map(day => [day.date, day]))
  const broken = renewed ? 'replace' : 'refuse'
  const known = await rowsOf(bucket, days, [...new Set(rows.map(row => dayOfRun(row.id)))], broken)
  const knownOf = (row: IndexRun) => known.get(dayOfRun(row.id))?.get(row.id)
  const changed = rows.filter(row => renewed || !sameRun(knownOf(row), row))
  if (changed.length === 0) return index
  const isNew = (row: IndexRun) => knownOf(row) === undefined
  // Its files were written with its end: a row that says something else of the same end has no new ones.
  const ends = new Set(changed.filter(row => renewed || knownOf(row)?.endedAt !== row.endedAt).map(row => row.id))

  const jobs = new Map(index.jobs.map(job => [job.job, job]))
  const touched: IndexRun[] = []
  for (const [name, added] of groupBy(changed, row => fullName(row.project, row.job))) {
    const before = jobs.get(name)
    const { all, moved } = withUsual(merge(await readRows(bucket, before?.page, broken), added), added, before?.runs ?? 0)
    touched.push(...moved)
    jobs.set(name, await jobOf(bucket, name, all, before, (before?.runs ?? 0) + added.filter(isNew).length))
  }

  // What is usual has moved also for later runs, perhaps of later days.
  const others = [...new Set(touched.map(row => dayOfRun(row.id)))].filter(date => !known.has(date) && days.has(date))
  for (const [date, page] of await rowsOf(bucket, days, others, broken)) known.set(date, page)
  for (const [date, added] of groupBy(touched, row => dayOfRun(row.id))) {
    const before = days.get(date)
    const tail = new Set([...(before?.tail ?? []), ...added.map(row => row.id).filter(id => ends.has(id))])
    const page = merge([...(known.get(date)?.values() ?? [])], added)
    days.set(date, await dayOf(bucket, date, page, { ...before, tail: [...tail].sort() }))
  }
  return {
    ...index,
    days: newestFirst([...days.values()], day => day.date),
    jobs: [...jobs.values()].sort((a, b) => (a.job < b.job ? -1 : 1)),
    newest: merge(index.newest, touched, id => isNewest(index, id)).slice(0, NEWEST_RUNS),
  }
}

/** A row that only has become newer by what is usual is not written into a list that no longer has it. */
function isNewest({ newest }: HistoryIndex, id: string): boolean {
  return newest.length < NEWEST_RUNS || id >= (newest.at(-1)?.id ?? '')
}

/** The entry of a day, its page written. */
export async function dayOf(
  bucket: Pages,
  date: string,
  rows: readonly IndexRun[],
  before: Partial<IndexDay> & { tail: string[] },
): Promise<IndexDay> {
  return {
    ...before,
    date,
    page: await writePage(bucket, { schemaVersion: SCHEMA_VERSION, date, runs: [...rows] }, before.page),
    runs: rows.length,
    failed: rows.filter(row => row.status === 'error').length,
    usd: Number(rows.reduce((sum, row) => sum + (row.usd ?? 0), 0).toFixed(6)),
  }
}

/** The entry of a job, its page written. `runs`: also those that are no longer on the page. */
export async function jobOf(
  bucket: Pages,
  job: string,
  rows: readonly IndexRun[],
  before: IndexJob | undefined,
  runs: number,
): Promise<IndexJob> {
  const newest = rows.slice(0, JOB_RUNS)
  const usual = usualSeconds(newest.slice(0, USUAL_OF))
  return {
    job,
    environment: newest[0]?.environment ?? before?.environment ?? '',
    page: await writePage(bucket, { schemaVersion: SCHEMA_VERSION, job, runs: newest }, before?.page),
    runs,
    outcomes: newest.slice(0, OUTCOMES).map(row => row.status),
    ...(usual !== undefined && { usualSeconds: usual }),
  }
}

/** What was usual before each run, where runs were added; `moved`: the added rows and those that say something else now. */
function withUsual(rows: readonly IndexRun[], added: readonly IndexRun[], runsBefore: number) {
  const ids = new Set(added.map(row => row.id))
  const oldest = rows.findLastIndex(row => ids.has(row.id))
  const whole = runsBefore <= JOB_RUNS
  const moved: IndexRun[] = []
  const all = rows.map((row, at) => {
    // Behind the end of the page there are runs that are not known here.
    const isKnown = at <= oldest && (whole || at + USUAL_OF < rows.length || ids.has(row.id))
    const usual = isKnown ? usualSeconds(rows.slice(at + 1, at + 1 + USUAL_OF)) : row.usualSeconds
    if (usual === row.usualSeconds && !ids.has(row.id)) return row
    const { usualSeconds: _, ...rest } = row
    const next = usual === undefined ? rest : { ...rest, usualSeconds: usual }
    moved.push(next)
    return next
  })
  return { all, moved }
}

/** Newest first; of two with the same id the added one. */
export function merge(
  rows: readonly IndexRun[],
  added: readonly IndexRun[],
  wanted: (id: string) => boolean = () => true,
): IndexRun[] {
  const byId = new Map([...rows, ...added.filter(row => wanted(row.id))].map(row => [row.id, row]))
  return newestFirst([...byId.values()], row => row.id)
}

const newestFirst = <T>(items: T[], key: (item: T) => string) => items.sort((a, b) => (key(a) < key(b) ? 1 : -1))

/** Whether a row says the same, but for what was usual. */
function sameRun(a: IndexRun | undefined, b: IndexRun): boolean {
  const rest = ({ usualSeconds: _, ...row }: IndexRun) => JSON.stringify(Object.entries(row).sort())
  return a !== undefined && rest(a) === rest(b)
}

async function rowsOf(
  bucket: Pages,
  days: ReadonlyMap<string, IndexDay>,
  dates: readonly string[],
  broken: 'refuse' | 'replace',
) {
  const read = async (date: string) =>
    [date, new Map((await readRows(bucket, days.get(date)?.page, broken)).map(row => [row.id, row]))] as const
  return new Map(await Promise.all(dates.map(read)))
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const group = groups.get(key(item))
    if (group) group.push(item)
    else groups.set(key(item), [item])
  }
  return groups
}

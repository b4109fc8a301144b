/** Runs leave the index as long after their day as their environment says; compacted files follow when they are written anew. */
import { dayOfRun, fullName } from '../../shared/contract.ts'
import { type HistoryIndex, type IndexDay, type IndexRun, NEWEST_RUNS } from '../../shared/history-index.ts'
import { keptDays, type Retention } from '../../shared/retention.ts'
import type { Bucket } from '../common/bucket.ts'
import { readRows } from './book.ts'
import { DAY_MS } from './closed.ts'
import { dayOf, jobOf } from './rows.ts'

type Pages = Pick<Bucket, 'read' | 'write'>

const AT_ONCE = 16

export const isExpired = (date: string, days: number, now: Date) => Date.parse(date) + (days + 1) * DAY_MS <= now.getTime()

/** Whether some environment's runs leave the days between, but not yet all of them: then it is not worth writing their file. */
export const isLeaving = (config: Retention, from: string, to: string, now: Date): boolean =>
  allKept(config).some(days => isExpired(from, days, now) && !isExpired(to, days, now))

export const allKept = (config: Retention): number[] => [
  config.retention.runs,
  ...Object.keys(config.environments).map(name => keptDays(config, name)),
]

/** Whether the run is too old for the index. */
export const isGone = ({ id, project, environment }: IndexRun, config: Retention, now: Date): boolean =>
  isExpired(dayOfRun(id), keptDays(config, fullName(project, environment)), now)

/** The index without them; the pages are written, the index is not. The same object: nothing has left. */
export async function expire(bucket: Pages, index: HistoryIndex, config: Retention, now: Date): Promise<HistoryIndex> {
  const least = Math.min(...allKept(config))
  const old = index.days.filter(day => isExpired(day.date, least, now))
  const days = new Map(index.days.map(day => [day.date, day]))
  const left = new Map<string, number>()
  for (let from = 0; from < old.length; from += AT_ONCE)
    for (const [day, rows] of await Promise.all(old.slice(from, from + AT_ONCE).map(each => withRows(bucket, each)))) {
      const gone = rows.filter(row => isGone(row, config, now))
      if (gone.length === 0) continue
      for (const row of gone) left.set(fullName(row.project, row.job), (left.get(fullName(row.project, row.job)) ?? 0) + 1)
      const ids = new Set(gone.map(row => row.id))
      if (gone.length === rows.length) days.delete(day.date)
      else {
        const tail = day.tail.filter(id => !ids.has(id))
        const rest = rows.filter(row => !ids.has(row.id))
        days.set(day.date, await dayOf(bucket, day.date, rest, { ...day, tail }))
      }
    }
  if (left.size === 0) return index

  const jobs = []
  for (const job of index.jobs) {
    const runs = job.runs - (left.get(job.job) ?? 0)
    if (runs === job.runs) jobs.push(job)
    else if (runs > 0) {
      const rows = (await readRows(bucket, job.page)).filter(row => !isGone(row, config, now))
      jobs.push(await jobOf(bucket, job.job, rows, job, runs))
    }
  }
  const kept = index.days.flatMap(day => days.get(day.date) ?? [])
  return { ...index, days: kept, jobs, newest: await newestOf(bucket, kept) }
}

/** From the pages of the newest days. */
export async function newestOf(bucket: Pages, days: readonly IndexDay[]): Promise<IndexRun[]> {
  const newest: IndexRun[] = []
  for (const day of days) {
    if (newest.length >= NEWEST_RUNS) break
    newest.push(...(await readRows(bucket, day.page)))
  }
  return newest.slice(0, NEWEST_RUNS)
}

const withRows = async (bucket: Pages, day: IndexDay) => [day, await readRows(bucket, day.page)] as const

/** What was to run by schedule, and what did. Pure. */
import type { Config } from '../../shared/config-model.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import { firingsBetween, type JobFiring } from '../firings.ts'
import { claimedAt } from '../rows.ts'

export type Kept = 'coming' | 'unknown' | 'missed' | 'ran' | 'skipped'
export interface Expected {
  at: string
  schedule: string
  kept: Kept
  /** The run that answers it. */
  run?: Pick<IndexRun, 'id' | 'status'>
}

const MINUTE = 60_000
/** A run that is claimed this much later is of another firing; the sweeper notes what is missing well before. */
const LATEST = 2 * 60 * MINUTE
/** Until then a run may still be on its way: it goes on, or the index does not have it yet. */
const PATIENCE = 60 * MINUTE

interface Seen {
  /** Of the job, in any order; also those that go on. */
  runs: readonly (Pick<IndexRun, 'id' | 'trigger' | 'by' | 'reason'> & { status: string })[]
  /** Nothing older is known. ISO 8601. */
  since: string
}

/** A configuration while it was in force. */
export interface Period {
  config: Config
  from: Date
  until: Date
}

/** What of a span each configuration was in force for. `deployments`: newest first; before the oldest one it counts as well. */
export function periodsOf<T extends { from: string }>(deployments: readonly T[], from: Date, until: Date) {
  let end = until
  return deployments.flatMap((each, i) => {
    const start = new Date(i < deployments.length - 1 ? Math.max(Date.parse(each.from), from.getTime()) : from)
    if (start >= end) return []
    const period = { ...each, from: start, until: end }
    end = start
    return [period]
  })
}

/** Of jobs that had a schedule at some time, by full name. */
export const scheduledJobs = (periods: readonly Period[]): string[] => [
  ...new Set(
    periods.flatMap(({ config }) =>
      Object.entries(config.jobs).flatMap(([name, job]) => (job.schedules.some(({ enabled }) => enabled) ? name : [])),
    ),
  ),
]

/** All firings of a job in a span, in order of time, by the schedules that it had then. */
export const firingsOf = (periods: readonly Period[], job: string, from: Date, until: Date): JobFiring[] =>
  periods
    .flatMap(period => {
      const own = period.config.jobs[job]
      const [start, end] = [period.from > from ? period.from : from, period.until < until ? period.until : until]
      return own && start < end ? firingsBetween(own, start, end) : []
    })
    .sort((a, b) => (a.at < b.at ? -1 : 1))

/** Each firing with its run. */
export function expectedOf(firings: readonly JobFiring[], { runs, since }: Seen, now: Date): Expected[] {
  const left = runs
    .filter(run => run.trigger === 'schedule')
    .map(run => ({ run, at: Date.parse(claimedAt(run.id)) }))
    .sort((a, b) => a.at - b.at)
  return firings.map(({ at, schedule }, i): Expected => {
    const due = Date.parse(at)
    const next = firings.slice(i + 1).find(each => each.schedule === schedule)
    const limit = Math.min(due + LATEST, next ? Date.parse(next.at) : Number.POSITIVE_INFINITY)
    // Clocks of EventBridge and ours may differ by seconds.
    const found = left.findIndex(each => each.at >= due - MINUTE && each.at < limit && (each.run.by ?? 'default') === schedule)
    const [match] = found < 0 ? [] : left.splice(found, 1)
    if (match) return { at, schedule, kept: keptBy(match.run), run: match.run as Pick<IndexRun, 'id' | 'status'> }
    if (due > now.getTime() - PATIENCE) return { at, schedule, kept: due > now.getTime() ? 'coming' : 'unknown' }
    return { at, schedule, kept: at < since ? 'unknown' : 'missed' }
  })
}

function keptBy({ status, reason }: Seen['runs'][number]): Kept {
  if (reason === 'missed' || reason === 'expired') return 'missed'
  return status === 'skipped' ? 'skipped' : 'ran'
}

export interface DaySum {
  expected: number
  good: number
  failed: number
  missed: number
  skipped: number
  coming: number
}

export function sumOf(list: readonly Expected[]): DaySum {
  const count = (wanted: (each: Expected) => boolean) => list.filter(wanted).length
  const failed = ({ run }: Expected) => run?.status === 'error' || run?.status === 'cancelled'
  return {
    expected: list.length,
    good: count(each => each.kept === 'ran' && !failed(each)),
    failed: count(each => each.kept === 'ran' && failed(each)),
    missed: count(each => each.kept === 'missed'),
    skipped: count(each => each.kept === 'skipped'),
    coming: count(each => each.kept === 'coming'),
  }
}

/** Monday of the week, in the viewer's zone. `text`: YYYY-MM-DD of any of its days; else the week of now. */
export function weekOf(text: string, now: Date): Date {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []
  const date = year ? new Date(Number(year), Number(month) - 1, Number(day)) : new Date(now)
  date.setHours(0, 0, 0, 0)
  date.setDate(date.getDate() - ((date.getDay() + 6) % 7))
  return date
}
export const plusDays = (date: Date, days: number): Date => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days)
export const dateText = (date: Date) =>
  `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`

/** What was to run by schedule, and what did. Pure. */
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import { firingsBetween } from '../firings.ts'
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

/** All firings of the job in a span, in order of time, each with its run. */
export function expectedOf(job: JobConfig, { runs, since }: Seen, from: Date, until: Date, now: Date): Expected[] {
  const firings = firingsBetween(job, from, until)
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

export const jobName = (job: JobConfig) => fullName(job.project, job.name)

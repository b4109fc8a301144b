/** What a month has cost and will cost, by job. Estimates in USD. Pure. */
import type { Config } from '../../shared/config-model.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import { idleMonth, priceOfUse, useOfRun } from '../../shared/machinery-cost.ts'
import { firingsBetween } from '../firings.ts'

export interface JobCost {
  job: string
  runs: number
  /** Containers; what is around them. */
  tasks: number
  machinery: number
  /** Of the rest of the month, by its schedules, else by how often it ran so far. */
  rest: number
}
export interface MonthCost {
  jobs: JobCost[]
  /** What stands there while nothing runs, of the whole month. */
  idle: number
  soFar: number
  rest: number
}

/** A run of which no log is known: as `tidemill cost` assumes. */
const LOG_MB = 0.5
const DAY = 86_400_000

/** `month`: YYYY-MM (UTC). `runs`: all of it. */
export function monthCost(runs: readonly IndexRun[], config: Config | undefined, month: string, now: Date): MonthCost {
  const [from, until] = spanOf(month)
  const current = now >= from && now < until
  const passed = current ? (now.getTime() - from.getTime()) / DAY : 1
  const left = current ? (until.getTime() - now.getTime()) / DAY : 0
  const names = [...new Set([...runs.map(jobOf), ...(current ? Object.keys(config?.jobs ?? {}) : [])])]
  const jobs = names.map((job): JobCost => {
    const own = runs.filter(run => jobOf(run) === job)
    const tasks = sum(own.map(run => run.usd ?? 0))
    const machinery = sum(own.map(run => priceOfUse(useOfRun({ seconds: run.seconds ?? 0, logMb: LOG_MB }))))
    const configured = config?.jobs[job]
    const started = own.filter(run => run.usd !== undefined).length
    const each = started ? (tasks + machinery) / started : 0
    const coming =
      !current || !configured
        ? 0
        : configured.schedules.some(schedule => schedule.enabled)
          ? firingsBetween(configured, now, until).length
          : (started / passed) * left
    return { job, runs: own.length, tasks, machinery, rest: coming * each }
  })
  const standing = sum(idleMonth().map(({ usd }) => usd))
  const idle = current ? (standing * passed) / (passed + left) : standing
  return {
    jobs: jobs.sort((a, b) => b.tasks + b.rest - (a.tasks + a.rest)),
    idle,
    soFar: idle + sum(jobs.map(job => job.tasks + job.machinery)),
    rest: standing - idle + sum(jobs.map(job => job.rest)),
  }
}

const jobOf = ({ project, job }: IndexRun) => `${project}/${job}`
const sum = (list: number[]) => list.reduce((all, each) => all + each, 0)

function spanOf(month: string): [Date, Date] {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return [new Date(Date.UTC(year, number - 1, 1)), new Date(Date.UTC(year, number, 1))]
}

/** USD of the containers by month, newest first. */
export function byMonth(
  days: readonly { date: string; usd: number; runs: number }[],
): { month: string; usd: number; runs: number }[] {
  const months = new Map<string, { month: string; usd: number; runs: number }>()
  for (const { date, usd, runs } of days) {
    const month = months.get(date.slice(0, 7)) ?? { month: date.slice(0, 7), usd: 0, runs: 0 }
    months.set(month.month, { ...month, usd: month.usd + usd, runs: month.runs + runs })
  }
  return [...months.values()].sort((a, b) => (a.month < b.month ? 1 : -1))
}

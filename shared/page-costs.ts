/** What a month has cost and will cost, by job. Estimates in USD. */
import type { Config } from './config-model.ts'
import { fullName } from './contract.ts'
import type { IndexRun } from './history-index.ts'
import { firingsBetween } from './job-firings.ts'
import { idleMonth, priceOfUse, useOfRun } from './machinery-cost.ts'
import type { JobCost, MonthAnswer, MonthCost } from './page-api.ts'
import { type PageReads, readDays, readIndex } from './page-reads.ts'

const DEAREST = 10

/** `month`: YYYY-MM (UTC). */
export async function readMonth(reads: PageReads, month: string, now: Date): Promise<MonthAnswer> {
  const [index, config] = await Promise.all([readIndex(reads), reads.config(await reads.configKey())])
  const runs = await readDays(reads, index, `${month}-01`, `${month}-31`)
  const priced = runs.filter(run => run.usd !== undefined).sort((a, b) => (b.usd ?? 0) - (a.usd ?? 0))
  return { ...monthCost(runs, config, month, now), dearest: priced.slice(0, DEAREST) }
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

const jobOf = ({ project, job }: IndexRun) => fullName(project, job)
const sum = (list: number[]) => list.reduce((all, each) => all + each, 0)

function spanOf(month: string): [Date, Date] {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return [new Date(Date.UTC(year, number - 1, 1)), new Date(Date.UTC(year, number, 1))]
}

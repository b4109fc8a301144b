/** What was to run by schedule in some days, and what did. */
import type { Config } from './config-model.ts'
import { claimedAt, fullName, KEY } from './contract.ts'
import { parseDeployment } from './deployment.ts'
import type { IndexRun } from './history-index.ts'
import { firingsBetween } from './job-firings.ts'
import type { Expected, JobFiring, Week } from './page-api.ts'
import { readOpen } from './page-open.ts'
import { type PageReads, readDays, readIndex } from './page-reads.ts'
import type { RunRecord, RunStatus } from './run.ts'

const MINUTE = 60_000
/** A run that is claimed this much later is of another firing; the sweeper notes what is missing well before. */
const LATEST = 2 * 60 * MINUTE
/** Until then a run may still be on its way: it goes on, or the index does not have it yet. */
const PATIENCE = 60 * MINUTE

/** Those of some years; before the oldest of them its schedules are taken to be the same. */
const MOST_DEPLOYMENTS = 200
/** Of all jobs: a job of every minute has 1,440 a day. */
const MOST_FIRINGS = 50_000

/** `until`: at most some weeks later. */
export async function readWeek(reads: PageReads, from: Date, until: Date, now: Date): Promise<Week> {
  const [index, deployments, open] = await Promise.all([
    readIndex(reads),
    readDeployments(reads),
    readOpen(reads, Promise.resolve(undefined), now),
  ])
  const periods = await Promise.all(
    periodsOf(deployments, from, until).map(async each => ({ ...each, config: await reads.config(each.config) })),
  )
  const packed = await readDays(reads, index, dateOf(from.getTime() - MINUTE), dateOf(until.getTime() + LATEST))
  const runs = new Map([...open.runs.flatMap(scheduledRun), ...packed].map(run => [run.id, run]))
  const [oldest = '', first = '9999'] = [deployments.at(-1)?.from, index?.days.at(-1)?.date]
  // Older runs than deployments: those were not noted yet.
  const unsure = first < oldest.slice(0, 10)
  const week: Week = { jobs: [], ...(unsure && new Date(oldest) > from && { notedSince: oldest }) }
  let left = MOST_FIRINGS
  for (const job of scheduledJobs(periods)) {
    const firings = firingsOf(periods, job, from, until)
    left -= firings.length
    if (left < 0) return { ...week, leftOut: true }
    const own = [...runs.values()].filter(run => fullName(run.project, run.job) === job)
    week.jobs.push({ job, firings: expectedOf(firings, { runs: own, since: unsure || !oldest ? first : oldest }, now) })
  }
  return week
}

const dateOf = (time: number) => new Date(time).toISOString().slice(0, 10)

interface Scheduled extends Pick<IndexRun, 'id' | 'project' | 'job' | 'trigger' | 'by' | 'reason'> {
  status: RunStatus
}
interface Seen {
  /** Of the job, in any order; also those that go on. */
  runs: readonly Omit<Scheduled, 'project' | 'job'>[]
  /** Nothing older is known. ISO 8601. */
  since: string
}

/** Which configuration came when, the newest first. An installation of a version that kept no deployments has the one in force. */
async function readDeployments(reads: PageReads): Promise<{ config: string; from: string }[]> {
  const items = await reads.items(await reads.deployments(MOST_DEPLOYMENTS))
  const deployments = items.flatMap(item => parseDeployment(item) ?? []).sort((a, b) => (a.id < b.id ? 1 : -1))
  const noted = deployments.map(({ hash, at, since }) => ({ config: KEY.config(hash), from: since ?? at }))
  return noted.length ? noted : [{ config: await reads.configKey(), from: '' }]
}

const scheduledRun = ({ id, project, job, status, reason, cause }: RunRecord): Scheduled[] =>
  cause.kind === 'schedule'
    ? [{ id, project, job, status, ...(reason && { reason }), trigger: 'schedule', by: cause.schedule }]
    : []

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
  const schedules = [...new Set(firings.map(firing => firing.schedule))]
  return schedules
    .flatMap(schedule => {
      const own = firings.filter(firing => firing.schedule === schedule)
      const left = runs
        .filter(run => run.trigger === 'schedule' && (run.by ?? 'default') === schedule)
        .map(run => ({ run, at: Date.parse(claimedAt(run.id)) }))
        .sort((a, b) => a.at - b.at)
      let next = 0
      return own.map(({ at }, i): Expected => {
        const due = Date.parse(at)
        const limit = Math.min(due + LATEST, Date.parse(own[i + 1]?.at ?? '') || Number.POSITIVE_INFINITY)
        // Clocks of EventBridge and ours may differ by seconds.
        while ((left[next]?.at ?? due) < due - MINUTE) next++
        const found = left[next]
        if (found && found.at < limit) {
          next++
          const { id, status } = found.run
          return { at, schedule, kept: keptBy(found.run), run: { id, status } }
        }
        if (due > now.getTime() - PATIENCE) return { at, schedule, kept: due > now.getTime() ? 'coming' : 'unknown' }
        return { at, schedule, kept: at < since ? 'unknown' : 'missed' }
      })
    })
    .sort((a, b) => (a.at < b.at ? -1 : 1))
}

function keptBy({ status, reason }: Seen['runs'][number]): Expected['kept'] {
  if (reason === 'missed' || reason === 'expired') return 'missed'
  return status === 'skipped' ? 'skipped' : 'ran'
}

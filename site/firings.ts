/** Coming and past firings of a job, by the evaluator that `tidemill next` and the sweeper use. Pure. */
import type { JobConfig } from '../shared/config-model.ts'
import { firings } from '../shared/schedule.ts'

export interface JobFiring {
  /** ISO 8601, UTC. */
  at: string
  schedule: string
  timezone: string
  /** In the zone of the schedule, `2027-03-28T02:30`. */
  local: string
}

export const nextFirings = (job: JobConfig, from: Date, count: number): JobFiring[] => ofJob(job, from, { count }).slice(0, count)
export const firingsBetween = (job: JobConfig, from: Date, until: Date): JobFiring[] => ofJob(job, from, { until })

function ofJob(job: JobConfig, from: Date, limit: { count: number } | { until: Date }): JobFiring[] {
  return job.schedules
    .filter(schedule => schedule.enabled)
    .flatMap(({ name, cron, timezone }) =>
      firings(cron, timezone, from, limit).map(({ at, local }) => ({ at: at.toISOString(), schedule: name, timezone, local })),
    )
    .sort((a, b) => (a.at < b.at ? -1 : 1))
}

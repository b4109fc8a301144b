/** Coming and past firings of a job, by the evaluator that `tidemill next` and the sweeper use. Pure. */
import type { JobConfig } from './config-model.ts'
import type { JobFiring } from './page-api.ts'
import { firings } from './schedule.ts'

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

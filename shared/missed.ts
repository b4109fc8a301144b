/** Which firing has been missed: the sweeper tells of it, `tidemill status` shows it. */
import type { Config, ScheduleConfig } from './config-model.ts'
import { causeString } from './contract.ts'
import type { Firing } from './schedule.ts'

const MINUTE_MS = 60_000
/** After `start_within`: the launcher may be claiming at that moment. */
export const MARGIN_MS = 3 * MINUTE_MS
/** Nobody waits any more for what was due before. */
export const LOOK_BACK_MS = 24 * 60 * MINUTE_MS
/** Deployments looked at: as many as may be within the time looked back on. */
export const DEPLOYMENTS = 20

/** Canonical causes of a firing, one of which a run must have (a local time that comes twice has two). `job`: full name. */
export const causesOf = (job: string, { name: schedule }: ScheduleConfig, { at, again }: Firing): string[] =>
  [at, ...(again ? [again] : [])].map(time => causeString(job, { kind: 'schedule', schedule, scheduledFor: time.toISOString() }))

/** Only what was scheduled the same way when it should have fired: a schedule deployed or changed since is not late. */
export const wasScheduled = (then: Config, job: string, schedule: ScheduleConfig): boolean =>
  (then.jobs[job]?.schedules ?? []).some(
    ({ name, enabled, timezone, cron }) =>
      name === schedule.name && enabled && timezone === schedule.timezone && cron === schedule.cron,
  )

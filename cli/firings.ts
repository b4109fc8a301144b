/** Coming firings of jobs, in order, with what the change of the clock does to them. Pure. */
import { namesOf, upstreamsOf } from '../shared/config-after.ts'
import type { Config, JobConfig, ScheduleConfig } from '../shared/config-model.ts'
import { fullName } from '../shared/contract.ts'
import { type Occurrence, occurrences } from '../shared/schedule.ts'
import { offsetAt } from '../shared/schedule-zone.ts'

export interface ComingFiring {
  job: string
  schedule: string
  timezone: string
  /** Local time in the zone of the schedule, `2027-03-28T02:30`. */
  local: string
  /** ISO 8601, UTC; null: that local time does not exist and nothing runs. */
  at: string | null
  /** What is unusual about it. */
  note: 'skipped' | 'twice' | 'summer' | 'winter' | null
}

/** The next `count` firings of each job, all in order of time; local times that are left out come in between. */
export function comingFirings(jobs: JobConfig[], from: Date, count: number): ComingFiring[] {
  return jobs
    .flatMap(job => ofJob(job, from, count))
    .sort(byTime)
    .map(({ firing }) => firing)
}

interface Ordered {
  /** Milliseconds. */
  order: number
  firing: ComingFiring
}
const byTime = (a: Ordered, b: Ordered) => a.order - b.order || a.firing.job.localeCompare(b.firing.job)

function ofJob(job: JobConfig, from: Date, count: number): Ordered[] {
  const enabled = job.schedules.filter(schedule => schedule.enabled)
  const all = enabled.flatMap(schedule => ofSchedule(job, schedule, from, count)).sort(byTime)
  const shown: Ordered[] = []
  let fired = 0
  for (const each of all) {
    if (fired === count) break
    shown.push(each)
    if (each.firing.at !== null) fired += 1
  }
  return shown
}

/** A local time that does not exist stands just before the firing that follows it. */
function ofSchedule(job: JobConfig, schedule: ScheduleConfig, from: Date, count: number): Ordered[] {
  const { timezone } = schedule
  const found = occurrences(schedule.cron, timezone, from, { count })
  let offset = offsetAt(timezone)(from.getTime())
  return found.map((occurrence, i) => {
    const following = found.slice(i).find(other => other.kind === 'fires')
    const at = following?.kind === 'fires' ? following.at.getTime() : Number.POSITIVE_INFINITY
    const note = noteOf(occurrence, offset)
    if (occurrence.kind === 'fires') offset = occurrence.offset
    const firing: ComingFiring = {
      job: fullName(job.project, job.name),
      schedule: schedule.name,
      timezone,
      local: occurrence.local,
      at: occurrence.kind === 'fires' ? occurrence.at.toISOString() : null,
      note,
    }
    return { order: occurrence.kind === 'fires' ? at : at - 1, firing }
  })
}

function noteOf(occurrence: Occurrence, offsetBefore: number): ComingFiring['note'] {
  if (occurrence.kind === 'skipped') return 'skipped'
  if (occurrence.again) return 'twice'
  if (!occurrence.offsetChanged) return null
  return occurrence.offset > offsetBefore ? 'summer' : 'winter'
}

/** Jobs that no schedule starts, and what does. */
export function unscheduled(config: Config, names: string[]): { job: string; why: string }[] {
  return names.flatMap(name => {
    const job = config.jobs[name]
    if (!job || job.schedules.some(schedule => schedule.enabled)) return []
    const upstreams = upstreamsOf(job)
    if (upstreams) return [{ job: name, why: `after ${namesOf(upstreams.jobs)} (${upstreams.status.join(', ')})` }]
    return [{ job: name, why: job.schedules.length > 0 ? 'its schedules are switched off' : 'by hand: no schedule' }]
  })
}

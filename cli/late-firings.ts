/** Firings that no run came of, as the sweeper sees them. */
import { createHash } from 'node:crypto'
import type { Config, JobConfig, ScheduleConfig } from '../shared/config-model.ts'
import { causeString, PK } from '../shared/contract.ts'
import type { Deployment } from '../shared/deployment.ts'
import { fieldsOf } from '../shared/fields.ts'
import { firings } from '../shared/schedule.ts'
import { loadDeployed, readDeployments } from './config-history.ts'
import type { Connection } from './connection.ts'

/** Due then, and late beyond `start_within`. */
export interface LateFiring {
  schedule: string
  due: string
  timezone: string
}

const MINUTE = 60_000
/** The launcher may be claiming at that moment. */
const MARGIN_MS = 3 * MINUTE
const LOOK_BACK_MS = 24 * 60 * MINUTE
/** Deployments looked at: as many as may be within the time looked back on. */
const DEPLOYMENTS = 20

/** The newest firing of each job that should have a run by now, and has none. */
export async function findLate(connection: Connection, config: Config, now: Date): Promise<Map<string, LateFiring>> {
  const due = Object.entries(config.jobs).flatMap(([name, job]) => newestDue(name, job, now))
  const items = await connection.table.getMany(due.flatMap(each => each.causes))
  const found = new Set(items.map(item => fieldsOf(item).pk))
  const late = due.filter(each => !each.causes.some(cause => found.has(cause)))
  const expected = await keepExpected(connection, late)
  return new Map(
    expected.map(({ name, schedule, at }) => [
      name,
      { schedule: schedule.name, due: at.toISOString(), timezone: schedule.timezone },
    ]),
  )
}

interface Due {
  name: string
  schedule: ScheduleConfig
  at: Date
  /** Keys of its causes, one of which a run must have (a local time that comes twice has two). */
  causes: string[]
}

function newestDue(name: string, job: JobConfig, now: Date): Due[] {
  const until = new Date(now.getTime() - job.startWithinSeconds * 1000 - MARGIN_MS)
  const from = new Date(until.getTime() - LOOK_BACK_MS)
  const all = job.schedules
    .filter(schedule => schedule.enabled)
    .flatMap(schedule => firings(schedule.cron, schedule.timezone, from, { until }).map(firing => ({ schedule, firing })))
    .sort((a, b) => a.firing.at.getTime() - b.firing.at.getTime())
  const newest = all.at(-1)
  if (!newest) return []
  const { schedule, firing } = newest
  const causeOf = (at: Date) => causeString(name, { kind: 'schedule', schedule: schedule.name, scheduledFor: at.toISOString() })
  const causes = [firing.at, ...(firing.again ? [firing.again] : [])].map(at => PK.cause(sha256(causeOf(at))))
  return [{ name, schedule, at: firing.at, causes }]
}

/**
 * Only what was scheduled the same way when it should have fired: a schedule that was deployed or changed since is not
 * late. A deployment counts from when the sweeper first ran with it; one it has not run with yet is too new for anything.
 */
async function keepExpected(connection: Connection, late: readonly Due[]): Promise<Due[]> {
  if (late.length === 0) return []
  const deployments = await readDeployments(connection.table, DEPLOYMENTS)
  // An installation of a version that kept no deployments.
  if (deployments.length === 0) return [...late]
  const loaded = new Map<string, Promise<Config>>()
  const configOf = ({ hash }: Deployment) => {
    const config = loaded.get(hash) ?? loadDeployed(connection, hash)
    loaded.set(hash, config)
    return config
  }
  const kept: Due[] = []
  for (const each of late) {
    const inForce = deployments.find(({ since }) => since !== undefined && since <= each.at.toISOString())
    const before = inForce && (await configOf(inForce)).jobs[each.name]
    if (before?.schedules.some(other => isSame(other, each.schedule))) kept.push(each)
  }
  return kept
}

const isSame = (before: ScheduleConfig, now: ScheduleConfig) =>
  before.name === now.name && before.enabled && before.timezone === now.timezone && before.cron === now.cron

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

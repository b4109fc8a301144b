/** Firings that no run came of, as the sweeper sees them. */
import { createHash } from 'node:crypto'
import type { Config, JobConfig, ScheduleConfig } from '../shared/config-model.ts'
import { PK } from '../shared/contract.ts'
import type { Deployment } from '../shared/deployment.ts'
import { fieldsOf } from '../shared/fields.ts'
import { causesOf, DEPLOYMENTS, LOOK_BACK_MS, MARGIN_MS, wasScheduled } from '../shared/missed.ts'
import { firings } from '../shared/schedule.ts'
import { loadDeployed, readDeployments } from './config-history.ts'
import type { Connection } from './connection.ts'

/** Due then, and late beyond `start_within`. */
export interface LateFiring {
  schedule: string
  due: string
  timezone: string
}

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
  /** Keys of its causes, one of which a run must have. */
  causes: string[]
}

function newestDue(name: string, job: JobConfig, now: Date): Due[] {
  const until = new Date(now.getTime() - job.startWithinSeconds * 1000 - MARGIN_MS)
  const from = new Date(until.getTime() - LOOK_BACK_MS)
  const all = job.schedules
    .filter(schedule => schedule.enabled)
    .flatMap(schedule => firings(schedule.cron, schedule.timezone, from, { until }).map(firing => ({ schedule, firing })))
    .filter(({ firing }) => (firing.again ?? firing.at) <= until)
    .sort((a, b) => a.firing.at.getTime() - b.firing.at.getTime())
  const newest = all.at(-1)
  if (!newest) return []
  const { schedule, firing } = newest
  const causes = causesOf(name, schedule, firing).map(cause => PK.cause(sha256(cause)))
  return [{ name, schedule, at: firing.at, causes }]
}

/** A deployment counts from when the sweeper first ran with it; one it has not run with yet is too new for anything. */
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
    if (inForce && wasScheduled(await configOf(inForce), each.name, each.schedule)) kept.push(each)
  }
  return kept
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

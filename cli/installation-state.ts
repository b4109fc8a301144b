/** How an installation stands: read from table and configuration, judged here. The lines of `status` are made elsewhere. */
import type { Config, JobConfig } from '../shared/config-model.ts'
import { fullName, OPEN_PHASE, openKey, PK, parseWaiting, SHARDS } from '../shared/contract.ts'
import { type Fields, fieldsOf } from '../shared/fields.ts'
import type { RunRecord } from '../shared/run.ts'
import { usualSeconds, workBegan } from '../shared/usual.ts'
import { readDeployments } from './config-history.ts'
import type { Connection, Table } from './connection.ts'
import { findLate, type LateFiring } from './late-firings.ts'
import { findRuns, readRuns } from './runs-query.ts'

export interface Pause {
  at: string
  actor: string
}
/** Why no run of a job starts. */
export interface JobPause extends Pause {
  job: string
  by: 'job' | 'environment'
}
export interface JobStanding {
  job: string
  /** Its own pause, or its environment's. */
  paused?: Pause & { by: 'job' | 'environment' }
  failing?: { runs: number; since: string }
  /** A firing that no run came of: due then, and late beyond `start_within`. */
  late?: LateFiring
  /** Runs for longer than twice its usual time. */
  slow?: { run: string; usualSeconds: number }
  running: RunRecord[]
  waiting: number
  last?: RunRecord
}
export interface Standing {
  jobs: JobStanding[]
  environments: { environment: string; paused: Pause }[]
  /** Messages that nobody has got yet, and since when the oldest is there. */
  messages: { count: number; since: string | null }
  /** The sweeper has looked last; null: never. */
  sweptAt: string | null
  /** The configuration in force was deployed; null: by a version that did not note it. */
  deployedAt: string | null
}

export async function readStanding(connection: Connection, config: Config, now: Date): Promise<Standing> {
  const { table } = connection
  const [active, waiting, messages] = await Promise.all(
    [OPEN_PHASE.active, OPEN_PHASE.waiting, OPEN_PHASE.message].map(phase => readPhase(table, phase)),
  )
  const names = Object.keys(config.jobs)
  const environments = Object.keys(config.environments)
  const [runs, states, sweep, last, late, [deployment]] = await Promise.all([
    readRuns(
      table,
      (active ?? []).map(entry => entry.pk.slice('RUN#'.length)),
    ),
    readStates(table, [...names.map(PK.job), ...environments.map(PK.environment)]),
    table.get(PK.sweep),
    inTurns(names, async name => (await findRuns(table, { job: name, limit: 1 }, now))[0]),
    findLate(connection, config, now),
    readDeployments(table, 1),
  ])
  const slow = await findSlow(table, runs, now)
  const line = (waiting ?? []).flatMap(entry => parseWaiting(entry.sort) ?? [])
  return {
    jobs: names.map((name, index): JobStanding => {
      const paused = pauseOfJob(states, name, config.jobs[name] as JobConfig)
      return {
        job: name,
        ...given('paused', paused),
        ...given('failing', failingOf(states.get(PK.job(name))?.streak)),
        ...given('late', paused ? undefined : late.get(name)),
        ...given('slow', slow.get(name)),
        running: runs.filter(run => fullName(run.project, run.job) === name),
        waiting: line.filter(entry => entry.job === name).length,
        ...given('last', last[index]),
      }
    }),
    environments: environments.flatMap(environment => {
      const paused = pauseOf(states.get(PK.environment(environment))?.paused)
      return paused ? [{ environment, paused }] : []
    }),
    messages: { count: messages?.length ?? 0, since: messages?.[0]?.sort.slice(OPEN_PHASE.message.length) ?? null },
    sweptAt: textOf(sweep, 'checkedUntil') ?? null,
    deployedAt: deployment?.at ?? null,
  }
}

const given = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as Partial<Record<K, V>>

/** Of those jobs that are paused, or whose environment is. */
export async function readPauses(table: Table, config: Config, names: string[]): Promise<JobPause[]> {
  const states = await readStates(table, [...names.map(PK.job), ...Object.keys(config.environments).map(PK.environment)])
  return names.flatMap(job => {
    const pause = pauseOfJob(states, job, config.jobs[job] as JobConfig)
    return pause ? [{ job, ...pause }] : []
  })
}

function pauseOfJob(states: States, name: string, job: JobConfig): JobStanding['paused'] {
  const ofEnvironment = pauseOf(states.get(PK.environment(fullName(job.project, job.environment)))?.paused)
  if (ofEnvironment) return { ...ofEnvironment, by: 'environment' }
  const own = pauseOf(states.get(PK.job(name))?.paused)
  return own && { ...own, by: 'job' }
}

type States = Map<string, Fields>

async function readPhase(table: Table, phase: string): Promise<{ pk: string; sort: string }[]> {
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => table.open(openKey(shard), phase)))
  return shards.flat().sort((a, b) => (a.sort < b.sort ? -1 : 1))
}

async function readStates(table: Table, pks: string[]): Promise<States> {
  const items = (await table.getMany(pks)).map(fieldsOf)
  return new Map(items.map(item => [String(item.pk), item]))
}

/** At most ten at a time: an installation may have a thousand jobs. */
async function inTurns<T, R>(items: T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const found: R[] = []
  for (let from = 0; from < items.length; from += 10) found.push(...(await Promise.all(items.slice(from, from + 10).map(act))))
  return found
}

/** Twice the usual time and ten minutes more: short runs vary. */
async function findSlow(table: Table, runs: RunRecord[], now: Date): Promise<Map<string, NonNullable<JobStanding['slow']>>> {
  const found = await inTurns(runs, async run => {
    const job = fullName(run.project, run.job)
    const usual = usualSeconds(await findRuns(table, { job, limit: 20 }, now))
    const began = workBegan(run)
    const took = began ? (now.getTime() - Date.parse(began)) / 1000 : 0
    return usual !== undefined && took > 2 * usual + 600 ? [[job, { run: run.id, usualSeconds: usual }] as const] : []
  })
  return new Map(found.flat())
}

function failingOf(streak: unknown): { runs: number; since: string } | undefined {
  const runs = fieldsOf(streak).failures
  const since = textOf(streak, 'since')
  return typeof runs === 'number' && runs > 0 && since !== undefined ? { runs, since } : undefined
}

function pauseOf(value: unknown): Pause | undefined {
  const [at, actor] = [textOf(value, 'at'), textOf(value, 'actor')]
  return at !== undefined && actor !== undefined ? { at, actor } : undefined
}

const textOf = (value: unknown, name: string) => {
  const field = fieldsOf(value)[name]
  return typeof field === 'string' ? field : undefined
}

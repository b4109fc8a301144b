/** A history as the compactor leaves it, made from a seed: for the tests of the pages and their benchmark. */
import { createHash } from 'node:crypto'
import type { Cause } from '../../shared/cause.ts'
import type { Config } from '../../shared/config-model.ts'
import { dayOfRun, KEY, makeRunId, SCHEMA_VERSION } from '../../shared/contract.ts'
import {
  HISTORY_KEY,
  type HistoryIndex,
  type IndexDay,
  type IndexJob,
  type IndexRun,
  JOB_RUNS,
  NEWEST_RUNS,
} from '../../shared/history-index.ts'
import type { Reason } from '../../shared/reason-labels.ts'
import type { FinalStatus, NodeCounts, RunRecord } from '../../shared/run.ts'
import { configOf, environmentOf, hashOf, jobOf } from '../fakes/records.ts'
import { makeRandom, type Random } from '../simulation/random.ts'

export interface MadeHistory {
  config: Config
  /** Newest first. */
  runs: IndexRun[]
  index: HistoryIndex
  /** Objects of the bucket by key: index, pages of days and jobs, configuration. */
  objects: Map<string, string | Buffer>
}
interface Wanted {
  runs: number
  /** End of the newest run. */
  now: Date
  seed?: number
  /** Put in front of the made ones. */
  first?: IndexRun[]
}

const MINUTE = 60_000
const COMMITS = 40

/** Minutes between two runs, on average; seconds that one takes; how often it fails. */
const JOBS = [
  { name: 'nightly', every: 1440, takes: 660, nodes: 184, fails: 0.08 },
  { name: 'hourly_orders', every: 60, takes: 58, nodes: 22, fails: 0.03 },
  { name: 'after_nightly', every: 1440, takes: 35, nodes: 3, fails: 0.02 },
  { name: 'marketing_attribution', every: 360, takes: 240, nodes: 61, fails: 0.12 },
  { name: 'quarter_hourly', every: 15, takes: 31, nodes: 9, fails: 0.02 },
] as const

export function madeConfig(): Config {
  const schedules = (cron: string, timezone: string) => [
    { name: 'default', cron, expressions: [`cron(${cron})`], timezone, enabled: true },
  ]
  const jobs = [
    jobOf({ description: 'All models, with docs.', schedules: schedules('0 2 * * *', 'Europe/Berlin'), freshness: 'warn' }),
    jobOf({ name: 'hourly_orders', schedules: schedules('7 * * * *', 'UTC'), docs: false, publishes: [], overlap: 'skip' }),
    jobOf({
      name: 'after_nightly',
      schedules: [],
      after: { job: 'shop/nightly', status: ['success', 'warn'] },
      docs: false,
      publishes: [],
      steps: [{ name: 'export', args: ['run-operation', 'export'] }],
    }),
    jobOf({
      name: 'marketing_attribution',
      environment: 'staging',
      schedules: schedules('20 */6 * * *', 'America/New_York'),
      docs: false,
      publishes: [],
    }),
    jobOf({ name: 'quarter_hourly', schedules: schedules('*/15 * * * *', 'UTC'), docs: false, publishes: [] }),
  ]
  const config = configOf(jobs)
  return { ...config, environments: { ...config.environments, 'shop/staging': environmentOf({ name: 'staging' }) } }
}

export function makeHistory({ runs: count, now, seed = 7, first = [] }: Wanted): MadeHistory {
  const random = makeRandom(seed)
  const config = madeConfig()
  const commits = Array.from({ length: COMMITS }, () => random.hex(12))
  const made: IndexRun[] = []
  const perMinute = JOBS.reduce((sum, job) => sum + 1 / job.every, 0)
  const from = now.getTime() - (count / perMinute) * MINUTE
  for (const job of JOBS)
    for (let at = from + random.next() * job.every * MINUTE; at < now.getTime() - 20 * MINUTE; at += job.every * MINUTE)
      made.push(
        makeRow(
          random,
          job,
          new Date(at + random.int(1, 9) * 1000),
          commits[Math.floor(((at - from) / (now.getTime() - from)) * COMMITS)] ?? '',
        ),
      )
  const runs = [...first, ...made].sort((a, b) => (a.id < b.id ? 1 : -1)).slice(0, count)
  const objects = new Map<string, string | Buffer>()
  const index = indexOf(runs, now, objects)
  objects.set(HISTORY_KEY.index, JSON.stringify(index))
  objects.set(KEY.config(hashOf(config)), JSON.stringify(config))
  return { config, runs, index, objects }
}

function makeRow(random: Random, job: (typeof JOBS)[number], at: Date, commit: string): IndexRun {
  const failed = random.chance(job.fails)
  const warned = !failed && random.chance(0.06)
  const status: FinalStatus = failed ? 'error' : warned ? 'warn' : random.chance(0.01) ? 'skipped' : 'success'
  const reason: Reason | undefined = failed
    ? random.pick(['node_failures', 'test_failures', 'out_of_memory', 'timeout'] as const)
    : status === 'skipped'
      ? 'overlap'
      : undefined
  const seconds = Math.round(job.takes * (0.8 + 0.4 * random.next()) * (random.chance(0.03) ? 2.4 : 1))
  const bad = failed ? random.int(1, 3) : 0
  const skipped = failed ? random.int(0, Math.floor(job.nodes / 6)) : 0
  const started = status !== 'skipped'
  const counts: Partial<NodeCounts> = {
    success: job.nodes - bad - skipped - (warned ? 1 : 0),
    ...(bad && { error: bad }),
    ...(skipped && { skipped }),
    ...(warned && { warn: 1 }),
  }
  const startedAt = new Date(at.getTime() + random.int(18, 45) * 1000)
  return {
    id: makeRunId(at, random.hex(12)),
    project: 'shop',
    environment: job.name === 'marketing_attribution' ? 'staging' : 'prod',
    job: job.name,
    status,
    ...(reason && { reason }),
    ...(failed && { message: `Binder Error: Referenced column "amount_usd" not found (models/staging/stg_payments.sql:14)` }),
    trigger: job.name === 'after_nightly' ? 'upstream' : random.chance(0.04) ? 'request' : 'schedule',
    by: job.name === 'after_nightly' ? makeRunId(at, random.hex(12)) : 'default',
    commit,
    ...(started && { startedAt: startedAt.toISOString(), seconds, usd: Number((seconds * 0.0000131).toFixed(6)), counts }),
    endedAt: new Date(startedAt.getTime() + (started ? seconds * 1000 : 0)).toISOString(),
    usualSeconds: job.takes,
    attempts: started ? (random.chance(0.03) ? 2 : 1) : 0,
    ...(job.name === 'nightly' && started && docsOf(status)),
  }
}

/** Whatever stops a run of models also stops its docs here. */
const docsOf = (status: FinalStatus): Pick<IndexRun, 'docs' | 'noDocs'> =>
  status === 'error' ? { noDocs: 'There are no docs of this run: dbt left no catalog.json.' } : { docs: true }

const sha = (text: string) => createHash('sha256').update(text).digest('hex')

function indexOf(runs: IndexRun[], now: Date, objects: Map<string, string | Buffer>): HistoryIndex {
  const put = (key: (hash: string) => string, page: unknown) => {
    const text = JSON.stringify(page)
    const name = key(sha(text))
    objects.set(name, text)
    return name
  }
  const days = [...groupBy(runs, run => dayOfRun(run.id))].map(([date, list]): IndexDay => {
    const closed = now.getTime() - Date.parse(date) > 60 * 3_600_000
    return {
      date,
      page: put(hash => HISTORY_KEY.dayPage(date, hash), { schemaVersion: SCHEMA_VERSION, date, runs: list }),
      runs: list.length,
      failed: list.filter(run => run.status === 'error').length,
      usd: Number(list.reduce((sum, run) => sum + (run.usd ?? 0), 0).toFixed(6)),
      ...(closed && { generation: 'made', packed: list.length }),
      tail: closed ? [] : list.map(run => run.id),
    }
  })
  const jobs = [...groupBy(runs, run => `${run.project}/${run.job}`)].map(([job, list]): IndexJob => {
    const [newest] = list
    return {
      job,
      environment: newest?.environment ?? '',
      page: put(hash => HISTORY_KEY.jobPage(job, hash), { schemaVersion: SCHEMA_VERSION, job, runs: list.slice(0, JOB_RUNS) }),
      runs: list.length,
      outcomes: list.slice(0, 30).map(run => run.status),
      ...(newest?.usualSeconds !== undefined && { usualSeconds: newest.usualSeconds }),
    }
  })
  return {
    schemaVersion: SCHEMA_VERSION,
    at: now.toISOString(),
    days,
    months: [],
    jobs: jobs.sort((a, b) => a.job.localeCompare(b.job)),
    newest: runs.slice(0, NEWEST_RUNS),
  }
}

function groupBy<T>(list: readonly T[], keyOf: (each: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const each of list) groups.set(keyOf(each), [...(groups.get(keyOf(each)) ?? []), each])
  return groups
}

/** The record of a row of the history. */
export function recordOf(row: IndexRun, config: Config): RunRecord {
  const { id, project, environment, job, status, reason, message, startedAt, endedAt, attempts } = row
  const claimed = `${dayOfRun(id)}T${id.slice(9, 11)}:${id.slice(11, 13)}:${id.slice(13, 15)}.000Z`
  const cause: Cause =
    row.trigger === 'request'
      ? { kind: 'request', actor: 'local:ana', idempotencyKey: id }
      : row.trigger === 'upstream'
        ? { kind: 'upstream', run: row.by ?? '', job: 'shop/nightly', status: 'success' }
        : { kind: 'schedule', schedule: row.by ?? 'default', scheduledFor: `${claimed.slice(0, 16)}:00.000Z` }
  return {
    schemaVersion: SCHEMA_VERSION,
    id,
    project,
    environment,
    job,
    status,
    ...(reason && { reason }),
    ...(message && { message }),
    cause,
    causeString: 'made',
    config: hashOf(config),
    priority: 0,
    claimedAt: claimed,
    startBy: claimed,
    ...(startedAt && { startedAt }),
    endedAt,
    attempts: Array.from({ length: attempts }, (_, i) => ({
      number: i + 1,
      planKey: '',
      planSha256: '',
      runTaskInput: '',
      taskArn: `arn:aws:ecs:eu-central-1:111122223333:task/tidemill/${id.slice(-12)}${i}`,
      capacity: 'FARGATE' as const,
      cpu: 1024,
      memory: 2048,
      dispatchedAt: claimed,
      ...(startedAt && { startedAt }),
      stoppedAt: endedAt,
      outcome: { status, ...(reason && { reason }), ...(message && { message }) },
    })),
    launchTries: 0,
    ...(row.commit && {
      commit: { sha: row.commit.padEnd(40, '0'), author: 'A. Author', subject: 'rename amount columns', committedAt: claimed },
    }),
    dbtVersion: '1.11.16',
    ...(row.counts && { counts: { success: 0, warn: 0, error: 0, fail: 0, skipped: 0, 'no-op': 0, ...row.counts } }),
  }
}

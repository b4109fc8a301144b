/** Makes a run of a cause, once. Used by launcher, api, the finisher's effect `downstream`, and the sweeper. */
import type { Cause } from '../../shared/cause.ts'
import type { Config, JobConfig } from '../../shared/config-model.ts'
import { causeString, fullName, makeRunId, OPEN_PHASE, parseWaiting, SCHEMA_VERSION } from '../../shared/contract.ts'
import { forgottenAt } from '../../shared/retention.ts'
import { LIMIT, type RunOverrides, type RunRecord } from '../../shared/run.ts'
import { applyEnd } from './finalise.ts'
import type { Log } from './log.ts'
import type { Paused, RunEnd, Store } from './store.ts'

export interface ClaimDeps {
  store: Pick<Store, 'claim' | 'run' | 'job' | 'environment' | 'open'>
  now(): Date
  /** 12 random hexadecimal digits. */
  random(): string
  log: Log
}

export interface ClaimRequest {
  job: JobConfig
  /** SHA-256 of the configuration that `job` is from. */
  config: string
  cause: Cause
  overrides?: RunOverrides
  /** Of the record, where it is not what the job says. */
  fields?: Pick<RunRecord, 'rerunOf' | 'concurrency'> & { priority?: number }
  /** The run is over with its claim; without it the rules of {@link admit} decide. */
  end?: RunEnd
}

export interface Claimed {
  run: RunRecord
  existed: boolean
}

/** A run that exists for the cause already is the answer, whoever made it. */
export async function claimRun(deps: ClaimDeps, request: ClaimRequest): Promise<Claimed> {
  const now = deps.now()
  const { job, cause } = request
  const name = fullName(job.project, job.name)
  const from = cause.kind === 'schedule' ? new Date(cause.scheduledFor) : now
  const waiting: RunRecord = {
    schemaVersion: SCHEMA_VERSION,
    id: makeRunId(now, deps.random()),
    project: job.project,
    environment: job.environment,
    job: job.name,
    status: 'queued',
    cause,
    causeString: causeString(name, cause),
    config: request.config,
    priority: job.priority,
    claimedAt: now.toISOString(),
    startBy: new Date(from.getTime() + job.startWithinSeconds * 1000).toISOString(),
    ...(job.keepDays !== undefined && { expiresAt: forgottenAt(now, job.keepDays) }),
    ...(request.overrides && { overrides: request.overrides }),
    ...request.fields,
    attempts: [],
    launchTries: 0,
  }
  const end = request.end ?? (await admit(deps, name, waiting, now))
  const run = end ? applyEnd(waiting, end, now) : waiting
  const answer = await deps.store.claim(run)
  if (answer.claimed) {
    deps.log('claimed', { runId: run.id, job: name, cause: run.causeString, status: run.status, reason: run.reason })
    return { run, existed: false }
  }
  const winner = await deps.store.run(answer.run)
  if (!winner) throw new Error(`cause "${run.causeString}" belongs to run ${answer.run}, which is not in the table`)
  deps.log('claimed before', { runId: winner.id, job: name, cause: run.causeString })
  return { run: winner, existed: true }
}

/** Why a run is over before it waits; undefined: it may wait. */
async function admit(deps: ClaimDeps, name: string, run: RunRecord, now: Date): Promise<RunEnd | undefined> {
  const expired = expiredEnd(run, now)
  if (expired) return expired
  const paused = await findPause(deps.store, run)
  if (paused) return pausedEnd(paused)
  // Runs of one schedule supersede each other, so their number is small.
  if (run.cause.kind === 'schedule') return undefined
  const line = await deps.store.open(OPEN_PHASE.waiting)
  const before = line.filter(entry => parseWaiting(entry.sort)?.job === name).length
  if (before < LIMIT.waitingRunsPerJob) return undefined
  return {
    status: 'skipped',
    reason: 'overlap',
    message: `${before} runs of ${name} wait already; the limit is ${LIMIT.waitingRunsPerJob}.`,
  }
}

/** A scheduled run that could not start in time must not start at a surprising hour. */
export function expiredEnd(run: RunRecord, now: Date): RunEnd | undefined {
  if (run.cause.kind !== 'schedule' || run.attempts.length > 0 || run.launchTries > 0 || now.toISOString() <= run.startBy)
    return undefined
  const late = Math.round((now.getTime() - Date.parse(run.cause.scheduledFor)) / 60_000)
  return {
    status: 'skipped',
    reason: 'expired',
    message: `Due at ${run.cause.scheduledFor.slice(0, 16)}Z, it could have started only ${late} min later; it had to start by ${run.startBy.slice(0, 16)}Z.`,
  }
}

/** What keeps the runs of a job from starting, and who did it. */
export interface Pause extends Paused {
  /** `Job nightly`, `Environment prod`. */
  what: string
  /** As it is named to the command that takes the pause back. */
  resume: string
}

/** The pause of a run's job or of its environment. */
export async function findPause(
  store: Pick<Store, 'job' | 'environment'>,
  { project, job, environment }: Pick<RunRecord, 'project' | 'job' | 'environment'>,
): Promise<Pause | undefined> {
  const [ofJob, ofEnvironment] = await Promise.all([
    store.job(fullName(project, job)),
    store.environment(fullName(project, environment)),
  ])
  if (ofEnvironment.paused)
    return {
      ...ofEnvironment.paused,
      what: `Environment ${environment}`,
      resume: `--environment ${fullName(project, environment)}`,
    }
  return ofJob.paused && { ...ofJob.paused, what: `Job ${job}`, resume: fullName(project, job) }
}

export const pausedEnd = (pause: Pause): RunEnd => ({ status: 'skipped', reason: 'paused', message: `${pausedText(pause)}.` })
export const pausedText = ({ what, at, actor }: Pause) => `${what} has been paused since ${at.slice(0, 16)}Z by ${actor}`

/** Finds a job by full name, or by short name where only one project has it. */
export function findJob(config: Config, name: string): JobConfig | undefined {
  const full = config.jobs[name]
  if (full) return full
  const short = Object.values(config.jobs).filter(job => job.name === name)
  return short.length === 1 ? short[0] : undefined
}

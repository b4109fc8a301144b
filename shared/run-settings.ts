/** What of its configuration and of its past a run goes by. Apart from plan-build.ts, which reads dbt's command lines: few need that. */
import type { Config, EnvironmentConfig, JobConfig, ProjectConfig } from './config-model.ts'
import { fullName, type RunPlace } from './contract.ts'
import type { RunRecord } from './run.ts'
import { busySeconds } from './usual.ts'

/** What a run needs of the configuration it was claimed with. */
export interface RunSettings {
  project: ProjectConfig
  environment: EnvironmentConfig
  job: JobConfig
}

/** Undefined: the configuration does not have the run's job, environment or project. */
export function settingsOf(config: Config, run: RunPlace): RunSettings | undefined {
  const project = config.projects[run.project]
  const environment = config.environments[fullName(run.project, run.environment)]
  const job = config.jobs[fullName(run.project, run.job)]
  return project && environment && job && { project, environment, job }
}

/** At least a minute, so that an attempt can say for itself that the time is over. */
const LEAST_SECONDS = 60

/** What is done before the attempt; an attempt that never ran adds nothing to what was known before it. */
export const resumeOf = (run: Pick<RunRecord, 'attempts'>, attempt = run.attempts.length + 1) =>
  run.attempts.slice(0, attempt - 1).findLast(each => each.resume)?.resume

/** Attempts before those that share the run's limits: it was opened again by a person, or its time had passed. */
export const attemptsBefore = (run: Pick<RunRecord, 'retries'>): number => run.retries?.at(-1)?.attempts ?? 0

/**
 * The time limit is the run's: what earlier attempts used is gone. Only an attempt after one whose time had passed, or
 * after the end of the run, has it anew, as it could do nothing otherwise.
 */
export function secondsLeft(job: JobConfig, run: Pick<RunRecord, 'attempts' | 'retries'>, attempt: number): number {
  const earlier = run.attempts.slice(0, attempt - 1)
  const timedOut = earlier.findLastIndex(each => each.outcome?.reason === 'timeout') + 1
  const used = busySeconds(earlier.slice(Math.max(timedOut, attemptsBefore(run))))
  return Math.max(LEAST_SECONDS, Math.round(job.timeoutSeconds - used))
}

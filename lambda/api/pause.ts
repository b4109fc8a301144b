/** `tidemill pause` and `resume`: of a job, or of all jobs of an environment. */
import type { ApiResponse } from '../../shared/api.ts'
import type { Config } from '../../shared/config-model.ts'
import { fullName, OPEN_PHASE, parseWaiting } from '../../shared/contract.ts'
import { plural } from '../../shared/format.ts'
import type { Paused } from '../common/store.ts'
import { isRefused, lookUpEnvironment, lookUpJob } from './look-up.ts'
import type { ApiDeps } from './operate.ts'

export type PauseRequest = { operation: 'pause' | 'resume' } & ({ job: string } | { environment: string })

/** What is paused: its name, its present state, the write, and which of the waiting runs it is about. */
interface Subject {
  name: string
  running: number
  paused: Paused | undefined
  write(by: Paused | undefined): Promise<void>
  isAbout(job: string): boolean
  /** That something else still holds its runs back. */
  still: string
}

export async function setPaused(deps: ApiDeps, actor: string, request: PauseRequest): Promise<ApiResponse> {
  const config = await deps.configs.load(deps.configs.current)
  const subject = 'job' in request ? await jobSubject(deps, config, request.job) : await environmentSubject(deps, config, request)
  if (isRefused(subject)) return subject
  return request.operation === 'pause' ? pause(deps, actor, subject) : resume(subject)
}

async function pause(deps: ApiDeps, actor: string, subject: Subject): Promise<ApiResponse> {
  const { name, paused, running } = subject
  if (paused) return { ok: true, message: `${name} is paused already, since ${minute(paused.at)} by ${paused.actor}.` }
  await subject.write({ at: deps.now().toISOString(), actor })
  const line = await deps.store.open(OPEN_PHASE.waiting)
  const waiting = line.filter(entry => subject.isAbout(parseWaiting(entry.sort)?.job ?? ''))
  // The dispatcher ends them: a run must not start hours later, when the job is resumed.
  if (waiting.length) await deps.dispatch({})
  const ends = waiting.length ? ` ${plural(waiting.length, 'waiting run')} ${waiting.length === 1 ? 'is' : 'are'} skipped.` : ''
  const goesOn = running ? ` ${plural(running, 'run')} under way ${running === 1 ? 'goes' : 'go'} on to the end.` : ''
  return { ok: true, message: `${name} is paused: no new run starts.${ends}${goesOn}` }
}

async function resume(subject: Subject): Promise<ApiResponse> {
  await subject.write(undefined)
  const since = subject.paused
    ? ` It was paused since ${minute(subject.paused.at)} by ${subject.paused.actor}; what was due meanwhile is not made up for.`
    : ' It was not paused.'
  return { ok: true, message: `${subject.name} may run again.${since}${subject.still}` }
}

async function jobSubject(deps: ApiDeps, config: Config, word: string) {
  const found = lookUpJob(config, word)
  if (isRefused(found)) return found
  const name = fullName(found.project, found.name)
  const environment = await deps.store.environment(fullName(found.project, found.environment))
  const { running, paused } = await deps.store.job(name)
  return {
    name,
    running: running.length,
    paused,
    write: by => deps.store.pause(name, by),
    isAbout: job => job === name,
    still: environment.paused
      ? ` Its environment ${found.environment} is still paused, since ${minute(environment.paused.at)} by ${environment.paused.actor}.`
      : '',
  } satisfies Subject
}

async function environmentSubject(deps: ApiDeps, config: Config, { environment }: { environment: string }) {
  const found = lookUpEnvironment(config, environment)
  if (isRefused(found)) return found
  const name = fullName(found.project, found.name)
  const { running, paused } = await deps.store.environment(name)
  const jobs = new Set(
    Object.entries(config.jobs).flatMap(([job, each]) =>
      each.project === found.project && each.environment === found.name ? [job] : [],
    ),
  )
  return {
    name: `Environment ${name}`,
    running: running.length,
    paused,
    write: by => deps.store.pauseEnvironment(name, by),
    isAbout: job => jobs.has(job),
    still: '',
  } satisfies Subject
}

const minute = (at: string) => `${at.slice(0, 16)}Z`

/** What people and clocks do in one simulation: configurations, firings, requests, and operations on them. */
import type { Config, JobConfig } from '../../shared/config-model.ts'
import type { ScheduleInput } from '../../shared/launch-input.ts'
import { firings } from '../../shared/schedule.ts'
import { configOf, environmentOf, jobOf } from '../fakes/records.ts'
import type { Random } from './random.ts'

export const START = Date.parse('2026-11-22T00:00:00.000Z')
const MINUTE = 60_000
/** Firings and requests come within this time; the crons fire in these hours only. */
export const BUSY_MS = 120 * MINUTE

export type Action = { at: number } & (
  | { kind: 'fire'; input: ScheduleInput; environment: string }
  | { kind: 'request'; job: string; key: string }
  | { kind: 'cancel' | 'retry' }
  | { kind: 'rerun'; key: string }
  /** Of a job, or of an environment. */
  | { kind: 'pause' | 'resume'; what: { job: string } | { environment: string } }
  | { kind: 'deploy'; config: Config; recorded: boolean }
)
export interface Workload {
  config: Config
  /** Mean duration of a task, milliseconds. */
  taskMs: number
  /** In order of time. */
  actions: Action[]
}

const schedule = (minutes: string): JobConfig['schedules'] => [
  {
    name: 'default',
    cron: `${minutes} 0-1 * * *`,
    expressions: [`cron(${minutes} 0-1 * * ? *)`],
    timezone: 'UTC',
    enabled: true,
  },
]
const minutesEvery = (step: number, offset: number) =>
  Array.from({ length: Math.floor(60 / step) }, (_, index) => index * step + offset).join(',')

const tellAll: JobConfig['notify'] = [
  { channel: 'email', target: '', on: ['error', 'missed', 'recovered'] },
  { channel: 'slack', target: '#data', on: ['error', 'warn', 'recovered', 'missed', 'cancelled'] },
]
const tellGood: JobConfig['notify'] = [{ channel: 'slack', target: '', on: ['success', 'error'] }]

function makeJobs(random: Random): JobConfig[] {
  const retry = () =>
    random.pick<JobConfig['retry']>([
      { attempts: 1, on: [] },
      { attempts: 2, on: ['infrastructure', 'memory'] },
      { attempts: 3, on: ['infrastructure', 'memory', 'resume', 'transient'] },
    ])
  const job = (name: string, over: Partial<JobConfig>) =>
    jobOf({ name, publishes: [], timeoutSeconds: 1800, startWithinSeconds: 900, retry: retry(), notify: tellAll, ...over })
  return [
    job('queue', { schedules: schedule(minutesEvery(random.pick([5, 10]), 1)), publishes: ['state', 'docs'], priority: 5 }),
    job('skip', { schedules: schedule(minutesEvery(5, 2)), overlap: 'skip', notify: tellGood }),
    job('allow', { schedules: schedule(minutesEvery(10, 3)), overlap: 'allow', environment: 'dev' }),
    job('cancel', { schedules: schedule(minutesEvery(6, 1)), overlap: 'cancel', environment: 'dev' }),
    job('after', { schedules: [], after: { job: 'shop/queue', status: ['success', 'warn'] }, notify: tellGood }),
    job('last', { schedules: [], after: { job: 'shop/after', status: ['success', 'warn', 'error'] }, priority: -5 }),
  ]
}

function makeConfig(jobs: readonly JobConfig[], random: Random, crowded: boolean): Config {
  const config = configOf(jobs, { maxRunning: crowded ? random.int(1, 4) : 8 })
  const dev = environmentOf({
    name: 'dev',
    maxRunning: crowded ? random.int(1, 6) : 30,
    size: { ...environmentOf().size, spot: true },
  })
  return { ...config, environments: { ...config.environments, 'shop/dev': dev } }
}

/** A deployment while runs are open: other times and rules, and one job less. What exclusion means stays. */
function changed(config: Config, random: Random): Config {
  const { 'shop/last': _, ...jobs } = config.jobs
  const names = Object.keys(jobs)
  const other = random.pick(names)
  const job = jobs[other]
  if (!job) return config
  const retimed = { ...job, timeoutSeconds: 2400, retry: { attempts: 2, on: ['infrastructure' as const] } }
  return { ...config, jobs: { ...jobs, [other]: retimed } }
}

export function makeWorkload(random: Random): Workload {
  // Crowded: there is always a line, and all wait for each other. Otherwise most start at once, and there are more of them.
  const crowded = random.chance(0.4)
  const requests = crowded ? 40 : 160
  const config = makeConfig(makeJobs(random), random, crowded)
  const at = () => START + random.next() * BUSY_MS
  const actions: Action[] = []
  for (const job of Object.values(config.jobs))
    for (const { name, expressions, timezone } of job.schedules)
      for (const expression of expressions)
        for (const firing of firings(expression, timezone, new Date(START), { until: new Date(START + BUSY_MS) }))
          actions.push({
            at: firing.at.getTime(),
            kind: 'fire',
            environment: `${job.project}/${job.environment}`,
            input: { kind: 'schedule', job: `${job.project}/${job.name}`, schedule: name, scheduledFor: firing.at.toISOString() },
          })
  const names = Object.keys(config.jobs)
  for (let index = 0; index < requests; index++) {
    const request = {
      kind: 'request',
      job: crowded || random.chance(0.3) ? random.pick(names) : 'shop/allow',
      key: `key-${index}`,
    } as const
    const first = at()
    actions.push({ at: first, ...request })
    // The same request again, at once or later.
    if (random.chance(0.2))
      actions.push({ at: first + random.pick([0, random.around(MINUTE), random.around(30 * MINUTE)]), ...request })
  }
  for (let index = 0; index < 8; index++)
    actions.push(
      { at: at(), kind: 'cancel' },
      { at: at(), kind: 'retry' },
      { at: at(), kind: 'rerun', key: `again-${index % 6}` },
    )
  for (let index = 0; index < random.int(0, 3); index++) {
    const what = random.chance(0.7) ? { job: random.pick(names) } : { environment: random.pick(['shop/prod', 'shop/dev']) }
    const from = at()
    actions.push({ at: from, kind: 'pause', what }, { at: from + random.around(15 * MINUTE), kind: 'resume', what })
  }
  if (random.chance(0.5))
    actions.push({ at: at(), kind: 'deploy', config: changed(config, random), recorded: random.chance(0.7) })
  return { config, taskMs: (crowded ? 3 : 0.7) * MINUTE, actions: actions.sort((a, b) => a.at - b.at) }
}

/** The configuration of one simulation: a job of each kind, in an environment that is exclusive and one that is not. */
import type { Config, JobConfig } from '../../shared/config-model.ts'
import type { QuietHours } from '../../shared/notify.ts'
import { configOf, environmentOf, jobOf } from '../fakes/records.ts'
import type { Random } from './random.ts'

/** Minutes after midnight, UTC: in the middle of the busy hours. */
export const QUIET: QuietHours = { from: 45, to: 75, timezone: 'UTC' }
export const QUIET_TARGET = '#quiet'
/** Whose nodes fail. */
export const OWNER = 'finance'
/** Secret that webhooks are signed with. */
export const CALLER = 'hook'

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
  { channel: 'slack', target: '#data', on: ['error', 'warn', 'recovered', 'missed', 'cancelled', 'late'] },
]
const tellGood: JobConfig['notify'] = [{ channel: 'slack', target: '', on: ['success', 'error'] }]
const tellOwners: JobConfig['notify'] = [
  { channel: 'slack', target: '#finance', on: ['error'], match: { owner: [OWNER] } },
  { channel: 'slack', target: '#rest', on: ['error'], match: 'unmatched' },
  { channel: 'email', target: '', on: ['error', 'recovered', 'late'] },
]
const tellByDay: JobConfig['notify'] = [
  { channel: 'slack', target: QUIET_TARGET, on: ['error', 'success', 'missed'], quiet: QUIET },
  { channel: 'slack', target: '#urgent', on: ['error', 'warn', 'missed'], quiet: QUIET, urgent: true },
]

const TRIGGERS: NonNullable<JobConfig['triggers']> = [
  { kind: 'event', name: 'arrival', bus: 'default', pattern: {}, coalesce: true },
  { kind: 'commit', name: 'push' },
  { kind: 'request', name: 'hook', secret: { name: CALLER, field: null }, overrides: [] },
]

function makeJobs(random: Random): JobConfig[] {
  const retry = () =>
    random.pick<JobConfig['retry']>([
      { attempts: 1, on: [] },
      { attempts: 2, on: ['infrastructure', 'memory'] },
      { attempts: 3, on: ['infrastructure', 'memory', 'resume', 'transient'] },
    ])
  const job = (name: string, over: Partial<JobConfig>) =>
    jobOf({ name, publishes: [], timeoutSeconds: 1800, startWithinSeconds: 900, retry: retry(), notify: tellAll, ...over })
  const dev = { environment: 'dev' }
  return [
    job('queue', { schedules: schedule(minutesEvery(random.pick([5, 10]), 1)), publishes: ['state', 'docs'], priority: 5 }),
    job('skip', { schedules: schedule(minutesEvery(5, 2)), overlap: 'skip', notify: tellGood }),
    job('allow', { ...dev, schedules: schedule(minutesEvery(10, 3)), overlap: 'allow', notify: tellByDay }),
    job('cancel', { ...dev, schedules: schedule(minutesEvery(6, 1)), overlap: 'cancel', notify: tellOwners }),
    job('after', { schedules: [], after: { job: 'shop/queue', status: ['success', 'warn'] }, notify: tellGood }),
    job('last', { schedules: [], after: { job: 'shop/after', status: ['success', 'warn', 'error'] }, priority: -5 }),
    job('both', { ...dev, schedules: [], afterAll: random.pick([afterBoth(null), afterBoth(600)]), notify: tellOwners }),
    job('fragile', { ...dev, schedules: schedule(minutesEvery(6, 4)), deactivateAfter: 2, notify: tellOwners }),
    job('reacts', { ...dev, schedules: [], triggers: TRIGGERS, notify: tellByDay }),
  ]
}

const afterBoth = (withinSeconds: number | null): NonNullable<JobConfig['afterAll']> => ({
  jobs: ['shop/queue', 'shop/skip'],
  status: ['success', 'warn'],
  partial: false,
  withinSeconds,
})

export function makeConfig(random: Random, crowded: boolean): Config {
  const config = configOf(makeJobs(random), { maxRunning: crowded ? random.int(1, 4) : 8 })
  const dev = environmentOf({
    name: 'dev',
    maxRunning: crowded ? random.int(1, 6) : 30,
    size: { ...environmentOf().size, spot: true },
  })
  return { ...config, environments: { ...config.environments, 'shop/dev': dev } }
}

/** A deployment while runs are open: other times and rules, and one job less. What exclusion means stays. */
export function changed(config: Config, random: Random): Config {
  const { 'shop/last': _, ...jobs } = config.jobs
  const names = Object.keys(jobs)
  const other = random.pick(names)
  const job = jobs[other]
  if (!job) return config
  const retimed = { ...job, timeoutSeconds: 2400, retry: { attempts: 2, on: ['infrastructure' as const] } }
  return { ...config, jobs: { ...jobs, [other]: retimed } }
}

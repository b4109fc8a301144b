/** What people and clocks do in one simulation: firings, events, requests, and operations on them. */
import type { Config } from '../../shared/config-model.ts'
import type { LaunchInput, ScheduleInput } from '../../shared/launch-input.ts'
import { firings } from '../../shared/schedule.ts'
import { CALLER, changed, makeConfig } from './jobs.ts'
import type { Random } from './random.ts'

export const START = Date.parse('2026-11-22T00:00:00.000Z')
const MINUTE = 60_000
/** Firings and requests come within this time; the crons fire in these hours only. */
export const BUSY_MS = 120 * MINUTE

export type Action = { at: number } & (
  | { kind: 'fire'; input: ScheduleInput }
  /** Of EventBridge, a git host or a program: each of `inputs` tells of the same. */
  | { kind: 'event'; inputs: LaunchInput[] }
  | { kind: 'request'; job: string; key: string }
  | { kind: 'backfill'; job: string; name: string; concurrency: number; days: number }
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

export function makeWorkload(random: Random): Workload {
  // Crowded: there is always a line, and all wait for each other. Otherwise most start at once, and there are more of them.
  const crowded = random.chance(0.4)
  const config = makeConfig(random, crowded)
  const at = () => START + random.next() * BUSY_MS
  const actions = [
    ...firingsOf(config),
    ...requestsOf(config, random, crowded),
    ...eventsOf(random, crowded ? 6 : 20),
    ...backfillsOf(random),
  ]
  for (let index = 0; index < 8; index++)
    actions.push(
      { at: at(), kind: 'cancel' },
      { at: at(), kind: 'retry' },
      { at: at(), kind: 'rerun', key: `again-${index % 6}` },
    )
  for (let index = 0; index < random.int(0, 3); index++) {
    const job = () => random.pick(Object.keys(config.jobs))
    const what = random.chance(0.7) ? { job: job() } : { environment: random.pick(['shop/prod', 'shop/dev']) }
    const from = at()
    actions.push({ at: from, kind: 'pause', what }, { at: from + random.around(15 * MINUTE), kind: 'resume', what })
  }
  // Somebody looks after the job that is paused for its failures.
  for (let index = 0; index < 4; index++) actions.push({ at: at(), kind: 'resume', what: { job: 'shop/fragile' } })
  if (random.chance(0.5))
    actions.push({ at: at(), kind: 'deploy', config: changed(config, random), recorded: random.chance(0.7) })
  return { config, taskMs: (crowded ? 3 : 0.7) * MINUTE, actions: actions.sort((a, b) => a.at - b.at) }
}

const firingsOf = (config: Config): Action[] =>
  Object.values(config.jobs).flatMap(({ project, name: job, schedules }) =>
    schedules.flatMap(({ name, expressions, timezone }) =>
      expressions.flatMap(expression =>
        [...firings(expression, timezone, new Date(START), { until: new Date(START + BUSY_MS) })].map(firing => ({
          at: firing.at.getTime(),
          kind: 'fire' as const,
          input: { kind: 'schedule' as const, job: `${project}/${job}`, schedule: name, scheduledFor: firing.at.toISOString() },
        })),
      ),
    ),
  )

function requestsOf(config: Config, random: Random, crowded: boolean): Action[] {
  const names = Object.keys(config.jobs)
  return Array.from({ length: crowded ? 40 : 140 }, (_, index) => {
    const job = crowded || random.chance(0.3) ? random.pick(names) : 'shop/allow'
    const request = { at: START + random.next() * BUSY_MS, kind: 'request', job, key: `key-${index}` } as const
    // The same request again, at once or later.
    const later = random.pick([0, random.around(MINUTE), random.around(30 * MINUTE)])
    return random.chance(0.2) ? [request, { ...request, at: request.at + later }] : [request]
  }).flat()
}

function eventsOf(random: Random, count: number): Action[] {
  const job = 'shop/reacts'
  return Array.from({ length: count }, (_, number): Action => {
    const at = START + random.next() * BUSY_MS
    const time = new Date(at).toISOString()
    const event = (id: string, over: object) => ({ id, source: 'acme.orders', 'detail-type': 'Arrived', time, ...over })
    const object = { source: 'aws.s3', detail: { bucket: { name: 'landing' }, object: { key: 'a.csv', sequencer: `${number}` } } }
    const inputs = random.pick<LaunchInput[]>([
      [{ kind: 'event', job, trigger: 'arrival', event: event(`event-${number}`, { detail: { number } }) }],
      // S3 may tell of one write in two events.
      ['', '-too'].map(too => ({ kind: 'event', job, trigger: 'arrival', event: event(`object-${number}${too}`, object) })),
      [{ kind: 'commit', job, branch: 'main', sha: String(number).padStart(40, '0'), eventId: `push-${number}` }],
      [{ kind: 'request', job, caller: CALLER, idempotencyKey: `hook-${number}` }],
    ])
    return { at, kind: 'event', inputs }
  })
}

/** Each is asked for again: it goes on where it stopped. */
const backfillsOf = (random: Random): Action[] =>
  Array.from({ length: random.int(0, 2) }, (_, index) => {
    const job = random.pick(['shop/queue', 'shop/allow'])
    const concurrency = job === 'shop/allow' ? 2 : 1
    const ask = { kind: 'backfill', job, name: `backfill-${index}`, concurrency, days: random.int(2, 6) } as const
    const times = [random.next(), random.next(), random.next()].map(share => START + share * BUSY_MS)
    return times.map(at => ({ at, ...ask }))
  }).flat()

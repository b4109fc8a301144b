/** Schedules whose run did not appear. The record is claimed under the schedule's own cause, so that a late delivery finds it. */
import type { Config, JobConfig, ScheduleConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import type { Deployment } from '../../shared/deployment.ts'
import { causesOf, DEPLOYMENTS, LOOK_BACK_MS, MARGIN_MS, wasScheduled } from '../../shared/missed.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type Firing, firings } from '../../shared/schedule.ts'
import { claimRun, findPause } from '../common/claim.ts'
import { type EffectDeps, runEffects } from '../common/effects.ts'
import type { Store } from '../common/store.ts'

export interface MissedDeps extends EffectDeps {
  store: EffectDeps['store'] &
    Pick<Store, 'causesWithoutRun' | 'runsOfCauses' | 'sweep' | 'deployments' | 'putDeployment' | 'noteInForce'>
}

const MINUTE = 60_000
/** After a deployment was recorded CloudFormation has made its schedules within so long: minutes, mostly. */
const DEPLOYED_WITHIN_MS = 30 * MINUTE

interface Expected {
  job: JobConfig
  schedule: ScheduleConfig
  firing: Firing
  /** Canonical causes, one of which a run must have (a local time that comes twice has two). */
  causes: string[]
}

export async function findMissed(deps: MissedDeps): Promise<number> {
  const now = deps.now()
  const inForce = await readInForce(deps, now)
  const state = await deps.store.sweep.read()
  const checkedUntil = state?.checkedUntil ?? inForce[0]?.since ?? now.toISOString()
  const from = new Date(Math.max(Date.parse(checkedUntil), now.getTime() - LOOK_BACK_MS))
  const config = await deps.configs.load(deps.configs.current)
  const due = dueFirings(config, from, now)
  const expected = (await keepExpected(deps, inForce, due)).sort((a, b) => a.firing.at.getTime() - b.firing.at.getTime())
  const missing = new Set(await deps.store.causesWithoutRun(expected.flatMap(each => each.causes)))
  const missed = expected.filter(each => each.causes.every(cause => missing.has(cause)))
  for (const group of groupBySchedule(missed)) {
    const left = await outsidePause(deps, group)
    if (!(await isTold(deps, left, expected))) await claimMissed(deps, left, now)
  }
  // Last: a turn that died before looks again, and finds its own claims.
  await deps.store.sweep.write({ ...state, checkedUntil: now.toISOString() })
  return missed.length
}

interface InForce {
  hash: string
  since: string
}

/**
 * Configurations in the order they came into force, newest last. A deployment is recorded before the schedules are
 * changed, so it counts from the first turn of a sweeper that runs with it; that turn may come late, or the sweeper be
 * broken from the beginning, which must not hide what was missed meanwhile. One that nobody recorded is recorded here.
 */
async function readInForce({ store, configs, log }: MissedDeps, now: Date): Promise<InForce[]> {
  const found = (await store.deployments(DEPLOYMENTS)).reverse()
  const newest = found.findLast(each => each.since !== undefined || each.hash === configs.current)
  if (newest?.hash !== configs.current) {
    const since = now.toISOString()
    const id = `${since}-${configs.current.slice(0, 12)}`
    await store.putDeployment({ id, hash: configs.current, at: since, by: 'unknown', since })
    log('deployment recorded', { config: configs.current })
    return [...withSince(found), { hash: configs.current, since }]
  }
  if (newest.since !== undefined) return withSince(found)
  const since = new Date(Math.min(now.getTime(), Date.parse(newest.at) + DEPLOYED_WITHIN_MS)).toISOString()
  await store.noteInForce(newest.id, since)
  return [...withSince(found), { hash: newest.hash, since }]
}

const withSince = (deployments: Deployment[]): InForce[] =>
  deployments
    .flatMap(({ hash, since }) => (since === undefined ? [] : [{ hash, since }]))
    .sort((a, b) => (a.since < b.since ? -1 : 1))

/** Firings whose time to start ended after `from` and by `now`. */
function dueFirings(config: Config, from: Date, now: Date): Expected[] {
  const due: Expected[] = []
  for (const job of Object.values(config.jobs)) {
    const wait = job.startWithinSeconds * 1000 + MARGIN_MS
    for (const schedule of job.schedules.filter(each => each.enabled)) {
      const seen = new Set<string>()
      for (const expression of schedule.expressions) {
        // One hour more: of a local time that comes twice the second counts, and it is found by the first.
        const start = new Date(from.getTime() - wait - 60 * MINUTE)
        for (const firing of firings(expression, schedule.timezone, start, { until: new Date(now.getTime() - wait + 1) })) {
          const end = (firing.again ?? firing.at).getTime() + wait
          const causes = causesOf(fullName(job.project, job.name), schedule, firing)
          if (end <= from.getTime() || end > now.getTime() || seen.has(causes[0] ?? '')) continue
          seen.add(causes[0] ?? '')
          due.push({ job, schedule, firing, causes })
        }
      }
    }
  }
  return due
}

async function keepExpected(deps: MissedDeps, configs: InForce[], due: readonly Expected[]): Promise<Expected[]> {
  const kept: Expected[] = []
  for (const each of due) {
    const inForce = configs.findLast(entry => entry.since <= each.firing.at.toISOString())
    if (!inForce) continue
    const then = await deps.configs.load(inForce.hash)
    if (wasScheduled(then, fullName(each.job.project, each.job.name), each.schedule)) kept.push(each)
  }
  return kept
}

function groupBySchedule(missed: readonly Expected[]): Expected[][] {
  const groups = new Map<string, Expected[]>()
  for (const each of missed) {
    const key = `${fullName(each.job.project, each.job.name)}/${each.schedule.name}`
    groups.set(key, [...(groups.get(key) ?? []), each])
  }
  return [...groups.values()]
}

/** A turn that died before its end, or another at the same moment, told of these with the firing that came after them. */
async function isTold(deps: MissedDeps, group: readonly Expected[], expected: readonly Expected[]): Promise<boolean> {
  const last = group.at(-1)
  const next = last && expected.find(each => each.schedule === last.schedule && each.firing.at > last.firing.at)
  if (!next) return false
  return (await deps.store.runsOfCauses(next.causes)).some(run => run.reason === 'missed')
}

/** What fell into a pause that still holds would have been skipped: nobody waits for it. */
async function outsidePause(deps: MissedDeps, group: readonly Expected[]): Promise<Expected[]> {
  const [first] = group
  const pause = first && (await findPause(deps.store, { ...first.job, job: first.job.name }))
  return group.filter(each => !pause || each.firing.at.toISOString() < pause.at)
}

/** One record and one message for all firings of a schedule that are found missing together: its newest. */
async function claimMissed(deps: MissedDeps, group: readonly Expected[], now: Date): Promise<void> {
  const last = group.at(-1)
  if (!last) return
  const { job, schedule, firing } = last
  const cause = { kind: 'schedule', schedule: schedule.name, scheduledFor: firing.at.toISOString() } as const
  const earlier =
    group.length > 1 ? ` ${group.length - 1} earlier ${group.length === 2 ? 'time was' : 'times were'} missed too.` : ''
  const message = `Expected at ${firing.local.replace('T', ' ')} ${schedule.timezone}, nothing by ${now.toISOString().slice(0, 16)}Z. The schedule is enabled in the configuration.${earlier}`
  const end = { status: 'skipped', reason: 'missed', message } as const
  const { run, existed } = await claimRun(deps, { job, config: deps.configs.current, cause, end })
  if (!existed) await tell(deps, run)
}

async function tell(deps: MissedDeps, run: RunRecord): Promise<void> {
  deps.log('run missed', { runId: run.id, job: fullName(run.project, run.job), cause: run.causeString })
  await runEffects(deps, run)
}

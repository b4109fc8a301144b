/** What must be so when everything has settled. */
import type { Config, JobConfig } from '../../shared/config-model.ts'
import { causeString, fullName, PK } from '../../shared/contract.ts'
import type { MessageKind } from '../../shared/reasons.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { runOfItem } from '../../shared/run-item.ts'
import { checkParts } from './end-parts.ts'
import { type Stored, sliceOf, type Watch } from './invariants.ts'
import { OWNER } from './jobs.ts'
import type { Actor } from './people.ts'
import type { Queue } from './queue.ts'
import type { Receivers } from './receivers.ts'
import { isAlive, type Tasks } from './tasks.ts'
import type { Action } from './workload.ts'
import type { World } from './world.ts'

export interface End {
  world: World
  watch: Watch
  queue: Queue
  tasks: Tasks
  receivers: Receivers
  actor: Actor
  config: Config
  actions: Action[]
}

export function checkEnd(end: End): void {
  const runs = [...end.watch.runs].flatMap(id => {
    const item = end.world.table.items.get(PK.run(id))
    return item ? [runOfItem(item)] : []
  })
  for (const run of runs) checkRun(end, run)
  checkLocks(end)
  checkCauses(end, runs)
  checkParts(end, runs)
  checkTasks(end, runs)
  checkMessages(end, runs)
}

function checkRun({ world: { violate } }: End, run: RunRecord): void {
  const state = `${run.id} of ${run.job}: ${run.status}/${run.reason}`
  if (!isFinal(run.status)) violate('every run ends', state)
  if (run.effects) violate('no effect is left open', `${state}: ${run.effects}`)
  const times = [run.claimedAt, run.startedAt, run.endedAt].filter(time => time !== undefined)
  if ([...times].sort().join() !== times.join()) violate('no run ends before it began', `${state}: ${times}`)
}

function checkLocks({ world, queue, tasks }: End): void {
  const { violate, table } = world
  const now = new Date(world.scheduler.now()).toISOString()
  for (const [pk, item] of table.items) {
    const running = item.running as Set<string> | undefined
    if (running?.size) violate('places are given back', `${pk}: ${[...running]}`)
    if (item.openSort !== undefined) violate('nothing is left in the index of what is open', pk)
    if (pk.startsWith('LEASE#') && String(item.until) > now) violate('no lease is held for ever', `${pk} until ${item.until}`)
  }
  if (queue.letters.length) violate('dead letters are drained', queue.letters.map(letter => letter.body).join())
  for (const task of tasks.all) if (isAlive(task)) violate('no task runs for ever', task.startedBy)
}

function checkCauses(end: End, runs: readonly RunRecord[]): void {
  const { actor, config } = end
  const { violate } = end.world
  const byCause = new Map<string, RunRecord>()
  for (const run of runs) {
    if (byCause.has(run.causeString)) violate('a cause has one run', run.causeString)
    byCause.set(run.causeString, run)
  }
  for (const { at, input } of actor.fired) {
    if (isPaused(end, input.job, at)) continue
    const cause = causeString(input.job, input)
    const [line = '', time = ''] = cause.split('@')
    // What is found missing together is told of by the newest.
    const told = runs.some(
      run => run.reason === 'missed' && run.causeString.startsWith(`${line}@`) && run.causeString > `${line}@${time}`,
    )
    if (!byCause.has(cause) && !told) violate('a firing has a run, or is missed and told', cause)
  }
  for (const [key, id] of actor.answered)
    if (!runs.some(run => run.id === id)) violate('what was answered stays', `${key}: ${id}`)
  for (const run of runs)
    for (const follower of Object.values(config.jobs)) {
      const name = fullName(follower.project, follower.name)
      // A slice of a backfill is a part of the job.
      if (sliceOf(run) || follower.name === 'last' || follower.after?.job !== fullName(run.project, run.job)) continue
      if (!isFinal(run.status) || !follower.after.status.includes(run.status)) continue
      const cause = causeString(name, { kind: 'upstream', run: run.id, job: follower.after.job, status: run.status })
      if (!byCause.has(cause)) violate('what runs after a job runs after each of its runs', cause)
    }
}

/** Of what fell into a pause nobody need be told. */
function isPaused({ watch, config }: End, job: string, at: number): boolean {
  const { project = '', environment = '' } = config.jobs[job] ?? {}
  const keys = [PK.job(job), PK.environment(fullName(project, environment))]
  return watch.pauses.some(({ pk, from, to }) => keys.includes(pk) && at >= from && at <= to)
}

/** Every task is known to its run, and none was made for an attempt that has another. */
function checkTasks({ world, tasks }: End, runs: readonly RunRecord[]): void {
  const byId = new Map(runs.map(run => [run.id, run]))
  for (const task of tasks.all) {
    const known = byId.get(task.run)?.attempts[task.attempt - 1]?.taskArn
    // One that was never answered, and was gone before anybody could look for it, cannot be known.
    if (known !== task.taskArn && !task.vanished && known !== undefined)
      world.violate('a task is known to its run', `${task.startedBy} has ${known}`)
  }
}

function checkMessages({ world, watch, receivers, config }: End, runs: readonly RunRecord[]): void {
  const { violate, table } = world
  const wanted = new Set<string>()
  for (const [key, end] of watch.ends) {
    const retries = Number(key.split('~')[1])
    const now = runs.find(run => run.id === end.id)
    const job = config.jobs[fullName(end.project, end.job)]
    // Which end of a reopened run was told as a recovery is gone with its record.
    const streak = retries === (now?.retries?.length ?? 0) ? now?.streak?.failures : undefined
    for (const { channel, target, kind } of job ? expectedOf(job, end, streak ?? 0) : [])
      wanted.add(PK.message(end.id, kind, channel, target, retries))
  }
  const late = lateOf(runs, config)
  for (const { run, keys } of late)
    if (run.lateAt && !keys.some(pk => table.items.has(pk))) violate('who is said to be told that a run is late is told', run.id)
  for (const pk of late.flatMap(each => each.keys)) if (table.items.has(pk)) wanted.add(pk)
  for (const pk of wanted) {
    const state = table.items.get(pk)?.state
    if (state !== 'sent' && state !== 'failed') violate('who wants to know is told', `${pk}: ${state}`)
    if (state === 'sent' && !receivers.received.has(pk)) violate('a message kept as sent was received', pk)
  }
  for (const [pk] of table.items)
    if (pk.startsWith('MSG#') && !wanted.has(pk)) violate('nobody is told what he did not ask for', pk)
}

/** For each run that people may have been told of as late the keys of these messages. */
const lateOf = (runs: readonly RunRecord[], config: Config) =>
  runs.flatMap(run => {
    const rules = config.jobs[fullName(run.project, run.job)]?.notify.filter(rule => rule.on.includes('late')) ?? []
    if (!run.startedAt || !rules.length) return []
    const opened = [...(run.retries ?? []).keys(), run.retries?.length ?? 0]
    const keys = opened.flatMap(retries =>
      rules.map(({ channel, target }) => PK.message(run.id, 'late', channel, target, retries)),
    )
    return [{ run, keys }]
  })

function expectedOf(job: JobConfig, end: Stored, failuresBefore: number) {
  const good = end.status === 'success' || end.status === 'warn'
  const kind = good
    ? (end.status as MessageKind)
    : KIND[end.reason === 'expired' || end.reason === 'missed' ? 'missed' : end.status]
  return job.notify.flatMap(({ channel, target, on, match }) => {
    if (match !== undefined && !isAbout(match, end)) return []
    const told = good && failuresBefore > 0 && on.includes('recovered') ? ('recovered' as const) : kind
    return told && on.includes(told) ? [{ channel, target, kind: told }] : []
  })
}

/** Of the owner if one of his nodes failed; of nobody in particular if another one did, or none is named. */
function isAbout(match: NonNullable<JobConfig['notify'][number]['match']>, { failures = [] }: Stored): boolean {
  const own = failures.filter(node => node.owners?.includes(OWNER))
  return match === 'unmatched' ? failures.length === 0 || own.length < failures.length : own.length > 0
}

const KIND: Record<string, MessageKind> = { error: 'error', cancelled: 'cancelled', missed: 'missed' }

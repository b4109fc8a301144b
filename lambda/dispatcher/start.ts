/** Starts one attempt: plan, place in the limits, the stored call, the call. */
import { createHash } from 'node:crypto'
import type { RunTaskCommandInput } from '@aws-sdk/client-ecs'
import { fullName, KEY } from '../../shared/contract.ts'
import { buildPlan } from '../../shared/plan-build.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'
import type { RunSettings } from '../../shared/run-settings.ts'
import type { Bucket } from '../common/bucket.ts'
import type { Ecs, RunTaskAnswer } from '../common/ecs.ts'
import { finalise } from '../common/finalise.ts'
import type { EffectsRequest, Invoke } from '../common/invoke.ts'
import { noStart } from '../common/no-start.ts'
import type { Runtime } from '../common/runtime.ts'
import type { AttemptEnd, StartAnswer, Store } from '../common/store.ts'
import { makeRunTaskInput, type Network, sizeOfAttempt } from './task-input.ts'

export interface StartDeps extends Runtime {
  store: Pick<Store, 'startAttempt' | 'noteTask' | 'noteNoAnswer' | 'requeue' | 'endRun' | 'run' | 'job'>
  bucket: Pick<Bucket, 'write'>
  ecs: Pick<Ecs, 'run' | 'stop'>
  finish: Invoke<EffectsRequest>
  installation: string
  network: Network
}

/** Runs of a job with `overlap: allow`; the environment's own limit is reached long before. */
const UNLIMITED = 10_000

/** The run with its new attempt when it was started in the table; the call is still to be made. */
export async function takePlace(
  deps: StartDeps,
  run: RunRecord,
  settings: RunSettings,
): Promise<{ answer: StartAnswer; started?: RunRecord }> {
  const { environment, job } = settings
  const number = run.attempts.length + 1
  const known = job.retry.on.includes('memory') ? (await deps.store.job(fullName(run.project, run.job))).size : undefined
  const size = sizeOfAttempt(environment, run, known)
  const plan = JSON.stringify(buildPlan(settings, run, number, size.memory))
  const key = KEY.plan(run, number)
  const sha256 = createHash('sha256').update(plan).digest('hex')
  await deps.bucket.write(key, plan, { type: 'application/json' })
  const input = makeRunTaskInput(deps.installation, deps.network, environment, run, number, { key, sha256 }, size)
  const attempt: Attempt = {
    number,
    planKey: key,
    planSha256: sha256,
    runTaskInput: JSON.stringify(input),
    ...size,
    dispatchedAt: deps.now().toISOString(),
  }
  const ofJob = run.concurrency ?? (job.overlap === 'allow' ? UNLIMITED : 1)
  const limits = { job: ofJob, environment: environment.maxRunning }
  const answer = await deps.store.startAttempt(run, attempt, limits)
  return answer === 'started'
    ? { answer, started: { ...run, status: 'starting', attempts: [...run.attempts, attempt] } }
    : { answer }
}

/**
 * Makes the stored call of the last attempt. It can be repeated: the client token makes it the same task. Answers with
 * the moment at which the run may be tried again, when it went back to the line. `calledBefore`: it may have been made.
 */
export async function callRunTask(
  deps: StartDeps,
  run: RunRecord,
  startWithinSeconds: number,
  calledBefore: boolean,
): Promise<string | undefined> {
  const attempt = run.attempts.at(-1)
  if (!attempt) throw new Error(`run ${run.id} has no attempt to start`)
  const answer = await askEcs(deps, JSON.parse(attempt.runTaskInput) as RunTaskCommandInput, calledBefore)
  const log = { runId: run.id, attempt: attempt.number }
  if (answer.kind === 'started') {
    deps.log(answer.adopted ? 'task adopted' : 'task started', { ...log, taskArn: answer.taskArn })
    await keepTask(deps, run.id, attempt.number, answer.taskArn)
  } else if (answer.kind === 'unknown') {
    // The task may exist. The run stays as it is, and the sweeper has the call repeated with the same token, or ends the run.
    deps.log('start is uncertain', { ...log, words: answer.words })
    await deps.store.noteNoAnswer(run.id, attempt.number, answer.words.slice(0, WORDS))
  } else if (answer.kind === 'busy') {
    deps.log('no start for now', { ...log, words: answer.words, tries: run.launchTries + 1 })
    return backOff(deps, run, answer.words, startWithinSeconds)
  } else {
    deps.log('start refused', { ...log, words: answer.words })
    const message = `AWS refused to start the task: ${answer.words}`
    await giveUp(deps, run, { status: 'error', reason: 'launch_refused', message })
  }
  return undefined
}

/** Calls without an answer, before the run is left to the sweeper. */
const CALLS = 3
/** Characters of AWS's words that are kept. */
const WORDS = 1000

/** A refusal after a call without an answer says nothing of that call: its task may exist, and the run keeps its places. */
async function askEcs(deps: StartDeps, input: RunTaskCommandInput, calledBefore: boolean): Promise<RunTaskAnswer> {
  let uncertain = calledBefore
  for (let call = 1; ; call++) {
    const answer = await deps.ecs.run(input)
    if (answer.kind === 'started') return answer
    if (answer.kind !== 'unknown') return uncertain ? { kind: 'unknown', words: answer.words } : answer
    uncertain = true
    if (call === CALLS) return answer
    await deps.sleep(500 * 2 ** call)
  }
}

async function keepTask(deps: StartDeps, id: string, attempt: number, taskArn: string): Promise<void> {
  const kept = await deps.store.noteTask(id, attempt, taskArn)
  if (!kept) deps.log('the attempt has another task or is over', { runId: id, attempt, taskArn })
  // Cancelled between the place and the call: whoever cancelled had no task to stop.
  if (kept?.cancel && kept.status === 'starting') await deps.ecs.stop(taskArn, `cancelled by ${kept.cancel.actor}`)
}

/** 5, 10, 20, 40, then 60 s. */
const backOffSeconds = (tries: number) => Math.min(60, 5 * 2 ** (tries - 1))

async function backOff(deps: StartDeps, run: RunRecord, words: string, startWithinSeconds: number): Promise<string | undefined> {
  const now = deps.now()
  const launchTries = run.launchTries + 1
  // A run that had to wait in line, or a later attempt, has its time from the first refusal on.
  const ownTime = run.launchTries === 0 && (run.cause.kind !== 'schedule' || run.attempts.length > 1)
  const startBy = ownTime ? new Date(now.getTime() + startWithinSeconds * 1000).toISOString() : run.startBy
  const notBefore = new Date(now.getTime() + backOffSeconds(launchTries) * 1000).toISOString()
  if (now.toISOString() > startBy) {
    await giveUp(deps, run, noStart(launchTries, words))
    return undefined
  }
  const back = { notBefore, startBy, launchTries, lastLaunchError: words.slice(0, WORDS) }
  return (await deps.store.requeue(run, back))?.notBefore
}

async function giveUp(deps: StartDeps, run: RunRecord, end: AttemptEnd['outcome']): Promise<void> {
  const attempt = { stoppedAt: deps.now().toISOString(), outcome: end }
  if (await finalise(deps, run, end, { attempt, statuses: ['starting'] })) await deps.finish({ effects: [run.id] })
}

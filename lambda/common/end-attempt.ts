/** The end of an attempt: what is known of it is gathered and judged, then there is another attempt or the run ends. */
import { classify, type EcsEnd, mayRetry, type Outcome, retryDelaySeconds } from '../../shared/outcome.ts'
import { settingsOf } from '../../shared/plan-build.ts'
import { NO_NODES, type RunRecord } from '../../shared/run.ts'
import { type EffectDeps, runEffects } from './effects.ts'
import { finalise } from './finalise.ts'
import { bringTail, lastWord, type RemainsDeps, readResult, rebuildFromParts } from './remains.ts'
import type { AttemptEnd, Findings, Store } from './store.ts'
import type { TaskFacts } from './task.ts'

export interface EndDeps extends EffectDeps, RemainsDeps {
  bucket: EffectDeps['bucket']
  store: EffectDeps['store'] & Pick<Store, 'endRun' | 'nextAttempt'>
}

/** What is known of the task that ended; a task that ECS has forgotten has only its end. */
export type EndedTask = { end: EcsEnd } & Partial<Pick<TaskFacts, 'startedAt' | 'stoppedAt' | 'version'>>

/** `run` as it was read: whoever else takes it further meanwhile wins, and this does nothing. */
export async function endAttempt(deps: EndDeps, run: RunRecord, task: EndedTask): Promise<void> {
  const attempt = run.attempts.at(-1)
  if (!attempt || attempt.outcome) return
  const startedAt = task.startedAt ?? attempt.startedAt
  const ecs: EcsEnd = { ...task.end, started: task.end.started || startedAt !== undefined }
  const result = await readResult(deps, run, attempt.number)
  const remains = result && !result.artifactsIncomplete ? undefined : await gatherRemains(deps, run, attempt.number, ecs)
  // A runner that ended well, but could not store its result, said so; the exit code must agree.
  const said = result ?? (ecs.exitCode === 0 ? remains?.said : undefined)
  const flags = { cancelAsked: run.cancel !== undefined, timedOut: run.timedOutAt !== undefined }
  const outcome = classify({ ...flags, ecs, result: said, memory: attempt.memory })
  const end: AttemptEnd = {
    stoppedAt: task.stoppedAt ?? deps.now().toISOString(),
    ...(startedAt && { startedAt }),
    ...(ecs.stopCode && { stopCode: ecs.stopCode }),
    ...(ecs.stoppedReason && { stoppedReason: ecs.stoppedReason }),
    ...(ecs.exitCode !== undefined && { exitCode: ecs.exitCode }),
    ...(task.version && { eventVersion: task.version }),
    outcome,
  }
  deps.log('attempt ended', {
    runId: run.id,
    attempt: attempt.number,
    status: outcome.status,
    reason: outcome.reason,
    hasResult: !!result,
  })
  if (await wantsRetry(deps, run, outcome, ecs.started)) {
    if (await retry(deps, run, end)) return
    // Cancelled meanwhile: then it ends as cancelled. Ended meanwhile: then there is nothing left to do here.
    const now = await deps.store.run(run.id)
    if (now?.cancel && !run.cancel) return endAttempt(deps, now, task)
    return
  }
  const ended = await finalise(
    deps,
    run,
    { ...outcome, findings: findingsOf({ ...remains?.findings, ...result }) },
    { attempt: end, statuses: ['starting', 'running'] },
  )
  if (ended) await runEffects(deps, ended)
}

async function wantsRetry(deps: EndDeps, run: RunRecord, outcome: Outcome, started: boolean): Promise<boolean> {
  const settings = settingsOf(await deps.configs.load(run.config), run)
  return !run.cancel && !!settings && mayRetry(settings.job.retry, outcome, run.attempts.length, started)
}

/** A later attempt has as long to start as a run has by default; the first refusal of AWS sets it anew from the job. */
const START_WITHIN_MS = 30 * 60_000

/** Another attempt: it waits in line like any run, and keeps its places. False: the run is not as it was read. */
async function retry(deps: EndDeps, run: RunRecord, end: AttemptEnd): Promise<boolean> {
  const from = deps.now().getTime() + retryDelaySeconds(run.attempts.length) * 1000
  const notBefore = new Date(from).toISOString()
  const startBy = new Date(from + START_WITHIN_MS).toISOString()
  if (!(await deps.store.nextAttempt(run, end, { notBefore, startBy }))) return false
  deps.log('another attempt', { runId: run.id, attempt: run.attempts.length + 1, notBefore, reason: end.outcome.reason })
  await deps.dispatch({ runs: [run.id] })
  return true
}

interface Remains {
  findings: Findings
  said?: ReturnType<typeof lastWord> | undefined
}

/** Rebuilds what the runner could not report. Nothing of it is worth losing the end of the run. */
async function gatherRemains(deps: EndDeps, run: RunRecord, attempt: number, ecs: EcsEnd): Promise<Remains> {
  if (!ecs.started) return { findings: {} }
  try {
    const rebuilt = await rebuildFromParts(deps, run, attempt)
    const lines = await bringTail(deps, run, attempt, rebuilt)
    deps.log('rebuilt from what the task left', { runId: run.id, attempt, steps: rebuilt.steps.length, tailLines: lines.length })
    const { counts, failures, steps } = rebuilt
    const findings = { artifactsIncomplete: true, ...(steps.length > 0 && { steps, failures, counts }) }
    return { findings, said: lastWord(lines) }
  } catch (error) {
    deps.log('what the task left cannot be read', { runId: run.id, attempt, error })
    return { findings: { artifactsIncomplete: true } }
  }
}

function findingsOf(from: Findings): Findings {
  const { commit, dbtVersion, counts = NO_NODES, steps, failures, peakMemoryBytes, artifactsIncomplete, docsUploaded } = from
  return {
    counts,
    ...(commit && { commit }),
    ...(dbtVersion && { dbtVersion }),
    ...(steps && { steps }),
    ...(failures && { failures }),
    ...(peakMemoryBytes !== undefined && { peakMemoryBytes }),
    ...(artifactsIncomplete && { artifactsIncomplete }),
    ...(docsUploaded && { docsUploaded }),
  }
}

/** The end of an attempt: what is known of it is gathered and judged, then there is another attempt or the run ends. */
import type { RetryConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import { nextMemory } from '../../shared/fargate.ts'
import { fitsAgain } from '../../shared/memory-advice.ts'
import { classify, type EcsEnd, mayRetry, type Outcome, retryDelaySeconds } from '../../shared/outcome.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import { mergeAttempts } from '../../shared/resume.ts'
import { NO_NODES, type NodeCounts, type RunRecord } from '../../shared/run.ts'
import { attemptsBefore, type RunSettings, settingsOf } from '../../shared/run-settings.ts'
import { type FaultRules, passingFailure, passingFault } from '../../shared/warehouse-faults.ts'
import { type EffectDeps, runEffects } from './effects.ts'
import { gatherRemains, keepResume, type Remains } from './end-remains.ts'
import { finalise } from './finalise.ts'
import { type RemainsDeps, readResult } from './remains.ts'
import type { AttemptEnd, Findings, Store } from './store.ts'
import type { TaskFacts } from './task.ts'

export interface EndDeps extends EffectDeps, RemainsDeps {
  bucket: EffectDeps['bucket']
  store: EffectDeps['store'] & Pick<Store, 'endRun' | 'nextAttempt' | 'rememberSize' | 'forgetSize' | 'runsBefore'>
}

/** What is known of the task that ended; a task that ECS has forgotten has only its end. */
export type EndedTask = { end: EcsEnd } & Partial<Pick<TaskFacts, 'startedAt' | 'stoppedAt' | 'version' | 'imageDigest'>>

/** `run` as it was read: whoever else takes it further meanwhile wins, and this does nothing. */
export async function endAttempt(deps: EndDeps, run: RunRecord, task: EndedTask): Promise<void> {
  const attempt = run.attempts.at(-1)
  if (!attempt || attempt.outcome) return
  const startedAt = task.startedAt ?? attempt.startedAt
  const ecs: EcsEnd = { ...task.end, started: task.end.started || startedAt !== undefined }
  const result = await readResult(deps, run, attempt.number)
  const remains = await gatherRemains(deps, run, attempt.number, ecs, result)
  // A runner that could not store its result said it to the log; for a good end the exit code must agree.
  const { word } = remains
  const said =
    result ?? (word && (word.outcome === 'error' || word.outcome === 'cancelled' || ecs.exitCode === 0) ? word : undefined)
  const flags = { cancelAsked: run.cancel !== undefined, timedOut: run.timedOutAt !== undefined }
  const settings = settingsOf(await deps.configs.load(run.config), run)
  const outcome = judge(classify({ ...flags, ecs, result: said, memory: attempt.memory }), settings, remains, result)
  const end: AttemptEnd = {
    stoppedAt: task.stoppedAt ?? deps.now().toISOString(),
    ...(startedAt && { startedAt }),
    ...(ecs.stopCode && { stopCode: ecs.stopCode }),
    ...(ecs.stoppedReason && { stoppedReason: ecs.stoppedReason }),
    ...(ecs.exitCode !== undefined && { exitCode: ecs.exitCode }),
    ...(task.imageDigest && { imageDigest: task.imageDigest }),
    ...(task.version && { eventVersion: task.version }),
    ...(await keepResume(deps, run, outcome, remains.ledgers)),
    outcome,
  }
  deps.log('attempt ended', {
    runId: run.id,
    attempt: attempt.number,
    status: outcome.status,
    reason: outcome.reason,
    hasResult: !!result,
  })
  const startAt = settings && nextStart(deps, run, settings.job.retry, outcome, ecs.started)
  if (startAt !== undefined) {
    if (await retry(deps, run, settings?.job.retry.resume === false ? fromStart(end) : end, startAt)) return
    // Cancelled meanwhile: then it ends as cancelled. Ended meanwhile: then there is nothing left to do here.
    const now = await deps.store.run(run.id)
    if (now?.cancel && !run.cancel) return endAttempt(deps, now, task)
    return
  }
  const ended = await finalise(
    deps,
    run,
    { ...outcome, findings: findingsOf(run, remains, result) },
    { attempt: end, statuses: ['starting', 'running'] },
  )
  if (!ended) return
  await keepSize(deps, ended, settings)
  await runEffects(deps, ended)
}

/** What sufficed after an attempt had run out of memory is where the job's next run begins, until its runs have long needed less. */
async function keepSize(deps: EndDeps, run: RunRecord, settings: RunSettings | undefined): Promise<void> {
  const last = run.attempts.at(-1)
  if (!last?.larger || (run.status !== 'success' && run.status !== 'warn')) return
  const job = fullName(run.project, run.job)
  const { cpu, memory } = last
  if (last.larger === 'stepped') return deps.store.rememberSize(job, { cpu, memory, run: run.id })
  if (!settings || !fitsAgain([run, ...(await deps.store.runsBefore(job, run.id))], settings.environment.size)) return
  await deps.store.forgetSize(job)
  deps.log('the job fits into the size of its environment again', { runId: run.id, memory: settings.environment.size.memory })
}

/** Failed nodes are worth another attempt when each of them tells of a fault of the warehouse that passes. */
function judge(outcome: Outcome, settings: RunSettings | undefined, { ledgers }: Remains, result?: RunnerResult): Outcome {
  if (!settings || outcome.status !== 'error') return outcome
  const rules = { adapters: settings.environment.dbt.adapters, patterns: settings.job.retry.patterns ?? [] }
  const transient =
    outcome.reason === 'profile_error'
      ? passingFault(outcome.message ?? '', rules)
      : outcome.reason === 'node_failures' || outcome.reason === 'test_failures'
        ? passingNodes(ledgers, rules, result)
        : undefined
  return transient ? { ...outcome, transient } : outcome
}

function passingNodes(ledgers: Remains['ledgers'], rules: FaultRules, result?: RunnerResult): string | undefined {
  const { nodes, counts } = mergeAttempts(ledgers)
  const failing = nodes.map(each => each.node).filter(node => node.status === 'error' || node.status === 'fail')
  const failed = ({ error, fail }: NodeCounts) => error + fail
  return passingFailure(failing, Math.max(failed(counts), failed(result?.counts ?? NO_NODES)), rules)
}

/** When the next attempt begins, in milliseconds; undefined: there is none. */
function nextStart(deps: EndDeps, run: RunRecord, policy: RetryConfig, outcome: Outcome, started: boolean): number | undefined {
  if (run.cancel) return undefined
  const last = run.attempts.at(-1)
  // The largest task was not large enough: another would end the same.
  if (outcome.reason === 'out_of_memory' && last && !nextMemory(last.cpu, last.memory)) return undefined
  const before = attemptsBefore(run)
  const number = run.attempts.length - before
  if (!mayRetry(policy, outcome, number, started)) return undefined
  const at = deps.now().getTime() + retryDelaySeconds(number, policy.backoff) * 1000
  const first = Date.parse(run.attempts[before]?.dispatchedAt ?? run.claimedAt)
  return policy.withinSeconds && at > first + policy.withinSeconds * 1000 ? undefined : at
}

/** What is done is forgotten, the commit is kept. */
function fromStart({ resume, ...end }: AttemptEnd): AttemptEnd {
  if (!resume) return end
  const { left: _, ...ref } = resume
  return { ...end, resume: { ...ref, fresh: true } }
}

/** A later attempt has as long to start as a run has by default; the first refusal of AWS sets it anew from the job. */
const START_WITHIN_MS = 30 * 60_000

/** Another attempt: it waits in line like any run, and keeps its places. False: the run is not as it was read. */
async function retry(deps: EndDeps, run: RunRecord, end: AttemptEnd, from: number): Promise<boolean> {
  const notBefore = new Date(from).toISOString()
  const startBy = new Date(from + START_WITHIN_MS).toISOString()
  if (!(await deps.store.nextAttempt(run, end, { notBefore, startBy }))) return false
  deps.log('another attempt', {
    runId: run.id,
    attempt: run.attempts.length + 1,
    notBefore,
    reason: end.outcome.reason,
    transient: end.outcome.transient,
  })
  await deps.dispatch({ runs: [run.id] })
  return true
}

/** Of one attempt as its runner reports it; of several as their parts tell it together. */
function findingsOf(run: RunRecord, remains: Remains, result: RunnerResult | undefined): Findings {
  const [merged] = remains.ledgers.length > 1 ? [mergeAttempts(remains.ledgers)] : []
  const { steps, counts, failures } = { ...remains.findings, ...remains.word, ...result, ...(merged?.steps.length && merged) }
  const { dbtVersion, peakMemoryBytes, docsUploaded } = result ?? {}
  const commit = result?.commit ?? remains.word?.commit ?? remains.ledgers.findLast(each => each.commit)?.commit ?? run.commit
  const artifactsIncomplete = result?.artifactsIncomplete ?? remains.findings.artifactsIncomplete
  return {
    counts: counts ?? NO_NODES,
    ...(commit && { commit }),
    ...(dbtVersion && { dbtVersion }),
    ...(steps && { steps }),
    ...(failures && { failures }),
    ...(peakMemoryBytes !== undefined && { peakMemoryBytes }),
    ...(artifactsIncomplete && { artifactsIncomplete }),
    ...(docsUploaded && { docsUploaded, docsAttempt: run.attempts.length }),
  }
}

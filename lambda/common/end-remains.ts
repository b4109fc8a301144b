/** What all attempts of a run left, at the end of one: for its record, and for the attempt after it. */
import { createHash } from 'node:crypto'
import { KEY } from '../../shared/contract.ts'
import type { EcsEnd, Outcome } from '../../shared/outcome.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import { type AttemptLedger, makeResume } from '../../shared/resume.ts'
import { type Attempt, LIMIT, type RunRecord } from '../../shared/run.ts'
import { bringTail, type LastWord, lastWord, type RemainsDeps, rebuildFromParts } from './remains.ts'
import type { Findings } from './store.ts'

export interface Remains {
  /** Rebuilt from what the last attempt left, when its runner could not report. */
  findings: Findings
  /** Of all attempts that left parts, in their order; empty when nobody needs them. */
  ledgers: AttemptLedger[]
  /** The runner's last line, when there is no result. */
  word?: LastWord | undefined
}

/** Nothing of it is worth losing the end of the run. A first attempt that ended well has said all in its result. */
export async function gatherRemains(
  deps: RemainsDeps,
  run: RunRecord,
  attempt: number,
  ecs: EcsEnd,
  result: RunnerResult | undefined,
): Promise<Remains> {
  const whole = result && !result.artifactsIncomplete
  const good = result?.outcome === 'success' || result?.outcome === 'warn'
  if (!ecs.started || (whole && good && run.attempts.length === 1)) return { findings: {}, ledgers: [] }
  const remains: Remains = { findings: whole ? {} : { artifactsIncomplete: true }, ledgers: [] }
  // What came before an attempt that began at the first step was done again.
  const fresh = run.attempts.findLastIndex(each => each.resume?.fresh) + 1
  try {
    for (const { number, startedAt } of run.attempts.slice(fresh, attempt - 1)) {
      if (!startedAt) continue
      const earlier = await rebuildFromParts(deps, run, number)
      if (earlier.steps.length > 0) remains.ledgers.push({ attempt: number, ...earlier })
    }
    const rebuilt = await rebuildFromParts(deps, run, attempt)
    // The result has the last word on its steps; an upload of parts may have been given up.
    const steps = result?.steps.length ? result.steps : rebuilt.steps
    if (steps.length > 0) remains.ledgers.push({ attempt, ...rebuilt, steps, ...(result?.commit && { commit: result.commit }) })
    if (whole) return remains
    const lines = await bringTail(deps, run, attempt, rebuilt)
    deps.log('rebuilt from what the task left', { runId: run.id, attempt, steps: steps.length, tailLines: lines.length })
    const { counts, failures } = rebuilt
    if (rebuilt.steps.length > 0) Object.assign(remains.findings, { steps: rebuilt.steps, failures, counts })
    if (result) return remains
    remains.word = lastWord(lines, run.id, attempt)
    const said = remains.word?.steps
    if (said && steps.length === 0) remains.ledgers.push({ attempt, steps: said, nodes: [] })
  } catch (error) {
    deps.log('what the task left cannot be read', { runId: run.id, attempt, error })
  }
  return remains
}

/** Stores what the next attempt need not do again. Without it the next attempt begins at the beginning, which is no loss. */
export async function keepResume(
  deps: RemainsDeps,
  run: RunRecord,
  outcome: Outcome,
  ledgers: readonly AttemptLedger[],
): Promise<Pick<Attempt, 'resume'>> {
  if (outcome.status === 'success' || outcome.status === 'warn') return {}
  const made = makeResume(run.id, ledgers)
  const commit = ledgers.findLast(each => each.commit)?.commit?.sha
  if (!made || !commit) return {}
  const text = JSON.stringify(made.resume)
  if (text.length > LIMIT.resumeBytes) return {}
  const sha256 = createHash('sha256').update(text).digest('hex')
  const key = KEY.resume(run, run.attempts.length, sha256)
  try {
    await deps.bucket.write(key, text, { type: 'application/json' })
  } catch (error) {
    deps.log('what is done could not be stored for the next attempt', { runId: run.id, error })
    return {}
  }
  return { resume: { key, sha256, commit, ...(made.left !== undefined && { left: made.left }) } }
}

/** The outcome of an attempt from its steps. Pure. */
import type { PlanStep, RunnerResult } from '../../shared/plan.ts'
import { LIMIT, type NodeResult, type StepResult } from '../../shared/run.ts'
import { isFailing, isTest } from './node-result.ts'
import { type StopCause, timeWords } from './stop.ts'

type Outcome = Pick<RunnerResult, 'outcome' | 'reason' | 'message'>

export function outcomeOf(steps: readonly StepResult[], plan: readonly PlanStep[], stop: StopCause | undefined): Outcome {
  const required = new Set(plan.filter(step => step.required).map(step => step.index))
  const failed = steps.filter(step => step.status === 'error' || step.status === 'cancelled')
  // A stop always is the end of the run, also in a step that it could do without.
  const decisive = failed.find(step => required.has(step.index) || step.reason === 'user_cancelled' || step.reason === 'timeout')
  if (decisive)
    return {
      outcome: decisive.status === 'cancelled' ? 'cancelled' : 'error',
      reason: decisive.reason ?? 'internal',
      ...(decisive.message && { message: decisive.message }),
    }
  const unfinished = steps.some(step => step.status === 'pending' || step.status === 'running')
  if (stop && unfinished) return stoppedBetween(stop)
  const warned = [...failed, ...steps.filter(step => step.status === 'warn')]
  const message = warned.map(step => `${step.name}: ${step.message ?? step.status}`).join('; ')
  return warned.length > 0 ? { outcome: 'warn', message: message.slice(0, LIMIT.message) } : { outcome: 'success' }
}

function stoppedBetween(stop: StopCause): Outcome {
  return stop.kind === 'timeout'
    ? { outcome: 'error', reason: 'timeout', message: `Between two steps ${timeWords(stop)} passed.` }
    : { outcome: 'cancelled', reason: 'user_cancelled', message: `The task received ${stop.signal} between two steps.` }
}

/** Failing nodes for messages: models before tests, first ones first. */
export function failuresOf(nodes: readonly NodeResult[]): NodeResult[] {
  const failing = nodes.filter(node => isFailing(node.status))
  return [...failing.filter(node => !isTest(node)), ...failing.filter(isTest)].slice(0, LIMIT.failures)
}

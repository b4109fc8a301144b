/** What the runner says when the bucket will not take its result. Pure. */
import type { RunnerResult } from '../../shared/plan.ts'

/** Longest line that Docker's log drivers leave in one piece. */
const LINE_BYTES = 16 * 1024

/** One line of JSON in place of a result that the bucket would not take; the finisher reads it from CloudWatch. */
export function lastWords(result: RunnerResult): string {
  const steps = result.steps.map(({ artifacts: _, ...step }) => ({ ...step, command: step.command.slice(0, 200) }))
  const failures = result.failures.slice(0, 5).map(node => ({ ...node, message: node.message?.slice(0, 300) }))
  const all = { ...result, message: result.message?.slice(0, 1000), artifactsIncomplete: true, docsUploaded: false, failures }
  const whole = JSON.stringify({ ...all, steps })
  return Buffer.byteLength(whole) < LINE_BYTES ? whole : JSON.stringify({ ...all, steps: [], failures: failures.slice(0, 1) })
}

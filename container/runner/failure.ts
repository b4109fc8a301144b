/** A failure with a reason of the table in shared/reasons.ts: it ends a step, calmly and with words for people. */
import type { Reason } from '../../shared/reason-labels.ts'

export interface Failure {
  reason: Reason
  /** A sentence: what happened, where, in whose words. */
  message: string
}

export class StepFailure extends Error {
  readonly failure: Failure
  constructor(reason: Reason, message: string) {
    super(message)
    this.name = 'StepFailure'
    this.failure = { reason, message }
  }
}

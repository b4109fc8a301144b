/** What could not be delivered: schedules are launched late or expire, the rest is found by the other repairs and only noted. */
import { UserError } from '../../shared/errors.ts'
import type { DeadLetter, DeadLetters } from '../common/dead-letters.ts'
import { type LaunchDeps, launch } from '../common/launch.ts'

export interface LetterDeps extends LaunchDeps {
  deadLetters: DeadLetters
}

/** Letters in one turn. */
const MAX_LETTERS = 500

export async function drainDeadLetters(deps: LetterDeps, goOn: () => boolean): Promise<number> {
  let count = 0
  while (count < MAX_LETTERS && goOn()) {
    const letters = await deps.deadLetters.receive()
    if (letters.length === 0) break
    for (const letter of letters) await handle(deps, letter)
    count += letters.length
  }
  return count
}

async function handle(deps: LetterDeps, letter: DeadLetter): Promise<void> {
  const { payload, origin, error } = open(letter.body)
  try {
    const { run, status, reason, existed } = await launch(deps, payload)
    deps.log('dead letter launched', { runId: run, letter: letter.id, origin, cause: error, status, reason, existed })
  } catch (failure) {
    // It stays in the queue for the next turn, unless another turn would find the same.
    if (!(failure instanceof UserError))
      return deps.log('dead letter could not be launched', { letter: letter.id, error: failure })
    deps.log('dead letter dropped', { letter: letter.id, origin, cause: error, why: failure.message })
  }
  await deps.deadLetters.remove(letter.receipt)
}

/** Scheduler sends the input itself, Lambda's failure destination an envelope around it. */
function open(body: string): { payload: unknown; origin?: string; error?: string } {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return { payload: undefined }
  }
  const { requestPayload, requestContext, responsePayload } = fieldsOf(value)
  if (requestPayload === undefined) return { payload: value }
  const origin = fieldsOf(requestContext).functionArn
  const error = fieldsOf(responsePayload).errorMessage
  return {
    payload: requestPayload,
    ...(typeof origin === 'string' && { origin }),
    ...(typeof error === 'string' && { error: error.slice(0, 500) }),
  }
}

const fieldsOf = (value: unknown) => (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>

/** What could not be delivered: what starts a job is launched late or expires, the rest is found by the other repairs and only noted. */
import type { Config } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { fieldsOf } from '../../shared/fields.ts'
import type { CodeCommitInput, EventInput } from '../../shared/launch-input.ts'
import { ruleName } from '../../shared/schedule-names.ts'
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
  const { payload, origin, error } = open(letter)
  try {
    const input = letter.rule && isEvent(payload) ? await inputOfRule(deps, letter.rule, payload) : payload
    const { run, status, reason, existed } = await launch(deps, input)
    deps.log('dead letter launched', { runId: run, letter: letter.id, origin, cause: error, status, reason, existed })
  } catch (failure) {
    // It stays in the queue for the next turn, unless another turn would find the same.
    if (!(failure instanceof UserError))
      return deps.log('dead letter could not be launched', { letter: letter.id, error: failure })
    deps.log('dead letter dropped', { letter: letter.id, origin, cause: error, why: failure.message })
  }
  await deps.deadLetters.remove(letter.receipt)
}

/**
 * Scheduler sends the input itself, Lambda's failure destination an envelope around it, EventBridge the event as it was
 * before the rule put it into the input.
 */
function open(letter: DeadLetter): { payload: unknown; origin?: string; error?: string } {
  let value: unknown
  try {
    value = JSON.parse(letter.body)
  } catch {
    return { payload: undefined }
  }
  const { requestPayload, requestContext, responsePayload } = fieldsOf(value)
  const { rule, error: said } = letter
  if (requestPayload === undefined) return { payload: value, ...(rule && { origin: rule }), ...(said && { error: said }) }
  const origin = fieldsOf(requestContext).functionArn
  const error = fieldsOf(responsePayload).errorMessage
  return {
    payload: requestPayload,
    ...(typeof origin === 'string' && { origin }),
    ...(typeof error === 'string' && { error: error.slice(0, 500) }),
  }
}

/** Ours have a kind, an event has what every event has. */
const isEvent = (payload: unknown) => {
  const { kind, source, 'detail-type': type } = fieldsOf(payload)
  return kind === undefined && typeof source === 'string' && typeof type === 'string'
}

/** What the rule would have called the launcher with. Its name is made of the job and the trigger, perhaps with a hash. */
async function inputOfRule(deps: LetterDeps, rule: string, event: unknown): Promise<EventInput | CodeCommitInput> {
  const config = await deps.configs.load(deps.configs.current)
  const found = inputsByRule(config).get(rule.split('/').at(-1) ?? '')
  if (found) return { ...found, event }
  throw new UserError(`no trigger of the configuration ${deps.configs.current} has the rule ${rule}`)
}

type BareInput = Omit<EventInput, 'event'> | Omit<CodeCommitInput, 'event'>

function inputsByRule({ installation, jobs }: Config): Map<string, BareInput> {
  const entries = Object.values(jobs).flatMap(job => {
    const full = fullName(job.project, job.name)
    return (job.triggers ?? []).flatMap(({ kind, name: trigger }): [string, BareInput][] => {
      const name = ruleName(installation, full, trigger)
      if (kind === 'event') return [[name, { kind, job: full, trigger }]]
      return kind === 'commit' ? [[name, { kind: 'codecommit', job: full }]] : []
    })
  })
  return new Map(entries)
}

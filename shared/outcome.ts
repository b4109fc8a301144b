/**
 * How an attempt ended, when three sources speak: what was asked of it (cancel, time limit), what ECS saw, and what the
 * runner reported. Rules in their order; the first that fits decides.
 */
import type { RetryConfig } from './config-model.ts'
import type { RunnerResult } from './plan.ts'
import { isReason, type Reason } from './reason-labels.ts'
import { reasonRow } from './reasons.ts'
import type { FinalStatus } from './run.ts'

export interface OutcomeInput {
  cancelAsked: boolean
  /** The sweeper stopped the task at its time limit. */
  timedOut: boolean
  ecs: EcsEnd
  /** Absent: not written, unreadable, or of another attempt. */
  result: Pick<RunnerResult, 'outcome' | 'reason' | 'message'> | undefined
  /** For messages. */
  memory: number
}

/** Facts of the stopped task. */
export interface EcsEnd {
  stopCode?: string
  stoppedReason?: string
  /** Reason of our container. */
  containerReason?: string
  exitCode?: number
  /** Our container has run, or may have. */
  started: boolean
  /** ECS knows the task no more. */
  forgotten?: boolean
}

export interface Outcome {
  status: FinalStatus
  reason?: Reason
  message?: string
  /** The passing fault of the warehouse that alone made it fail: then it is also of the class `transient`. */
  transient?: string
}

export function classify(input: OutcomeInput): Outcome {
  for (const rule of RULES) {
    const outcome = rule(input)
    if (outcome) return outcome
  }
  return fail('internal', `The task ended without a result (${describe(input.ecs)}).`)
}

const RULES: ((input: OutcomeInput) => Outcome | undefined)[] = [
  finishedWork,
  reportedFailure,
  askedToStop,
  neverStarted,
  killedForMemory,
  takenByAws,
  stoppedByHand,
  endedSilently,
]

/** The result is written last, after every upload: what stopped the task after it took nothing away. */
function finishedWork({ result, ecs }: OutcomeInput): Outcome | undefined {
  if (result?.outcome !== 'success' && result?.outcome !== 'warn') return undefined
  const { outcome: status, message } = result
  if (ecs.exitCode === 0) return { status, ...(message && { message }) }
  const byItself = ecs.exitCode !== undefined && ecs.exitCode < 128 && ecs.stopCode === 'EssentialContainerExited'
  if (byItself) return fail('inconsistent', `The runner reported ${status} and ended with exit code ${ecs.exitCode}.`)
  return { status, message: joinWords(message, `The task was stopped after its work was done (${describe(ecs)}).`) }
}

/** dbt's own failure stands, whatever stopped the task afterwards. A time limit kept by the runner is reported so too. */
function reportedFailure({ result }: OutcomeInput): Outcome | undefined {
  if (result?.outcome !== 'error') return undefined
  const reason = result.reason && reasonRow(result.reason).status === 'error' ? result.reason : 'internal'
  return fail(reason, result.message ?? `The runner reported an error without a reason (${result.reason ?? 'none'}).`)
}

/** An interrupted run was interrupted for what we asked first. */
function askedToStop({ cancelAsked, timedOut, result }: OutcomeInput): Outcome | undefined {
  if (cancelAsked) return { status: 'cancelled', reason: 'user_cancelled', message: result?.message ?? 'Cancelled while it ran.' }
  if (timedOut) return fail('timeout', 'The time limit of the run passed, and the task was stopped from outside.')
  return undefined
}

function neverStarted({ ecs, result }: OutcomeInput): Outcome | undefined {
  if (result || ecs.started || ecs.forgotten || ecs.exitCode !== undefined) return undefined
  const words = joinWords(ecs.containerReason, ecs.stoppedReason)
  const found = START_FAULTS.find(([pattern]) => pattern.test(words))
  if (found) return fail(found[1], words)
  return ecs.stopCode === 'TaskFailedToStart' ? fail('infrastructure', words || 'The task failed to start.') : undefined
}

/** Reason of the stop, when a task has been starting for too long. */
export const STUCK_START = 'tidemill: the task did not come up in time'

/** ECS's words for a start that failed. The first that matches counts: a pull that timed out is no missing image. */
const START_FAULTS: [RegExp, Reason][] = [
  [/network interface provisioning/i, 'infrastructure'],
  [
    /(i\/o timeout|timed? ?out|deadline exceeded|connection (reset|refused|issue)|TLS handshake|no such host|unexpected EOF|\b50[0234]\b)/i,
    'start_network',
  ],
  [/capacity is unavailable|RESOURCE:|tidemill: the task did not come up/i, 'infrastructure'],
  [/GetAuthorizationToken|ecr registry auth/i, 'start_image'],
  [/ResourceInitializationError.*(secret|ssm|parameter|json key|AccessDenied)/is, 'start_secret'],
  [/network interface|\bENI\b|ipv4|subnet/i, 'start_network'],
  [/CannotPull|CannotCreateContainer|image|manifest/i, 'start_image'],
  [/ResourceInitializationError|CannotStartContainer|log ?group|log stream|awslogs/i, 'launch_refused'],
]

function killedForMemory({ ecs, memory }: OutcomeInput): Outcome | undefined {
  if (/OutOfMemory/i.test(ecs.containerReason ?? ''))
    return fail('out_of_memory', `The task needed more than its ${memoryWords(memory)} of memory (${ecs.containerReason}).`)
  // Fargate often names no reason. Nobody else sends SIGKILL to a task that was not asked to stop.
  if (ecs.exitCode === 137 && (ecs.stopCode ?? 'EssentialContainerExited') === 'EssentialContainerExited')
    return fail(
      'out_of_memory',
      `The kernel killed the task (exit code 137), most likely for using up its ${memoryWords(memory)} of memory.`,
    )
  return undefined
}

function takenByAws({ ecs }: OutcomeInput): Outcome | undefined {
  if (ecs.stopCode === 'SpotInterruption')
    return fail('spot_interrupted', ecs.stoppedReason ?? 'AWS took the Spot capacity back.')
  if (
    ecs.stopCode === 'InfrastructureHealth' ||
    ecs.stopCode === 'TerminationNotice' ||
    ecs.stopCode === 'ServiceSchedulerInitiated'
  )
    return fail('infrastructure', ecs.stoppedReason ?? `AWS stopped the task (${ecs.stopCode}).`)
  if (ecs.forgotten) return fail('lost', 'ECS does not know the task any more, and it left no result.')
  return undefined
}

/** In the console or with the AWS command line, past us. */
function stoppedByHand({ ecs, result }: OutcomeInput): Outcome | undefined {
  if (ecs.stopCode !== 'UserInitiated') return undefined
  return {
    status: 'cancelled',
    reason: 'user_cancelled',
    message: result?.message ?? `The task was stopped: ${ecs.stoppedReason || 'no reason given'}.`,
  }
}

function endedSilently({ ecs, result }: OutcomeInput): Outcome | undefined {
  if (result?.outcome === 'cancelled')
    return fail('infrastructure', joinWords(`The task was told to stop by AWS (${describe(ecs)}).`, result.message))
  if (ecs.exitCode === 0) return fail('inconsistent', 'The task ended well, but it left no result.')
  if (ecs.exitCode === 143 || ecs.exitCode === 137) return fail('infrastructure', `The task was killed (${describe(ecs)}).`)
  return undefined
}

const fail = (reason: Reason, message: string): Outcome => ({ status: reasonRow(reason).status, reason, message })

const describe = (ecs: EcsEnd): string =>
  [
    ecs.stopCode,
    ecs.containerReason,
    ecs.stoppedReason,
    ecs.exitCode === undefined ? 'no exit code' : `exit code ${ecs.exitCode}`,
  ]
    .filter(Boolean)
    .join(', ')

const joinWords = (...words: (string | undefined)[]) => words.filter(Boolean).join(' ')
const memoryWords = (mib: number) => (mib % 1024 === 0 ? `${mib / 1024} GB` : `${mib} MiB`)

/** Extra attempts for a task that failed before it ran, for a cause that passes: nothing was done, so nothing is done twice. */
const FREE_START_ATTEMPTS = 2

export interface RetryPolicy {
  /** Attempts in all. */
  attempts: number
  on: readonly string[]
}

/** `attempt`: the number of the one that ended; `started`: it has run. Cancelled and skipped runs get no other. */
export function mayRetry(policy: RetryPolicy, outcome: Outcome, attempt: number, started: boolean): boolean {
  if (outcome.status !== 'error' || !isReason(outcome.reason)) return false
  const retry = reasonRow(outcome.reason).retry
  if (retry === 'infrastructure' && !started && attempt <= FREE_START_ATTEMPTS) return true
  const allowed = (retry !== 'never' && policy.on.includes(retry)) || (!!outcome.transient && policy.on.includes('transient'))
  return allowed && attempt < policy.attempts
}

/** Seconds before the attempt after number `attempt`: 15, 30, 60, … at most 5 minutes, where the job says nothing else. */
export function retryDelaySeconds(attempt: number, backoff: RetryConfig['backoff']): number {
  const { firstSeconds, factor, maxSeconds } = backoff ?? { firstSeconds: 15, factor: 2, maxSeconds: 300 }
  return Math.min(maxSeconds, firstSeconds * factor ** (attempt - 1))
}

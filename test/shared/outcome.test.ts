import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classify, type EcsEnd, mayRetry, type OutcomeInput, retryDelaySeconds, STUCK_START } from '../../shared/outcome.ts'
import type { Reason } from '../../shared/reason-labels.ts'
import { RETRY_CLASSES } from '../../shared/reasons.ts'

const exited = (exitCode: number, over: Partial<EcsEnd> = {}): EcsEnd => ({
  stopCode: 'EssentialContainerExited',
  stoppedReason: 'Essential container in task exited',
  exitCode,
  started: true,
  ...over,
})
const byCall = (exitCode?: number): EcsEnd => ({
  stopCode: 'UserInitiated',
  stoppedReason: 'by hand',
  started: true,
  ...(exitCode !== undefined && { exitCode }),
})
const spot: EcsEnd = {
  stopCode: 'SpotInterruption',
  stoppedReason: 'Your Spot Task was interrupted.',
  exitCode: 143,
  started: true,
}
const oom = exited(137, { containerReason: 'OutOfMemoryError: Container killed due to memory usage' })
const health: EcsEnd = { stopCode: 'InfrastructureHealth', stoppedReason: 'Underlying infrastructure unhealthy', started: true }
const forgotten: EcsEnd = { started: true, forgotten: true }
const noStart = (stoppedReason: string): EcsEnd => ({ stopCode: 'TaskFailedToStart', stoppedReason, started: false })

type Result = NonNullable<OutcomeInput['result']>
const success: Result = { outcome: 'success' }
const warn: Result = { outcome: 'warn', message: '1 warning' }
const error: Result = { outcome: 'error', reason: 'node_failures', message: '2 of 9 models' }
const timeout: Result = { outcome: 'error', reason: 'timeout', message: 'after 2 h' }
const stopped: Result = { outcome: 'cancelled', message: 'stopped while building fct_orders' }

/** Flags (c: cancel asked, t: stopped at the time limit), what ECS saw, what the runner reported; and what it is. */
const TABLE: [string, '' | 'c' | 't' | 'ct', EcsEnd, Result | undefined, string][] = [
  ['all well', '', exited(0), success, 'success'],
  ['with warnings', '', exited(0), warn, 'warn'],
  ['cancelled too late', 'c', exited(0), success, 'success'],
  ['time limit too late', 't', exited(0), success, 'success'],
  ['killed after its work', '', oom, success, 'success'],
  ['Spot taken after its work', '', spot, warn, 'warn'],
  ['stopped after its work', 'c', byCall(137), success, 'success'],
  ['no exit code after its work', '', health, success, 'success'],
  ['success, and a failing exit', '', exited(1), success, 'error/inconsistent'],
  ['dbt failed', '', exited(1), error, 'error/node_failures'],
  ['dbt failed, exit 0', '', exited(0), error, 'error/node_failures'],
  ['dbt failed, then cancelled', 'c', byCall(143), error, 'error/node_failures'],
  ['dbt failed, then killed', '', oom, error, 'error/node_failures'],
  ['the runner kept its time limit', '', exited(1), timeout, 'error/timeout'],
  ['an error without a reason', '', exited(3), { outcome: 'error' }, 'error/internal'],
  ['an error with a reason of another status', '', exited(1), { outcome: 'error', reason: 'paused' }, 'error/internal'],
  ['cancelled', 'c', byCall(143), stopped, 'cancelled/user_cancelled'],
  ['cancelled, runner killed', 'c', byCall(137), undefined, 'cancelled/user_cancelled'],
  ['cancelled before it started', 'c', { stopCode: 'UserInitiated', started: false }, undefined, 'cancelled/user_cancelled'],
  ['cancelled, and Spot taken', 'c', spot, stopped, 'cancelled/user_cancelled'],
  ['cancelled and forgotten', 'c', forgotten, undefined, 'cancelled/user_cancelled'],
  ['cancelled wins over the limit', 'ct', byCall(137), undefined, 'cancelled/user_cancelled'],
  ['stopped at the limit', 't', byCall(143), stopped, 'error/timeout'],
  ['stopped at the limit, killed', 't', byCall(137), undefined, 'error/timeout'],
  ['Spot', '', spot, stopped, 'error/spot_interrupted'],
  ['Spot, nothing stored', '', spot, undefined, 'error/spot_interrupted'],
  ['infrastructure', '', health, stopped, 'error/infrastructure'],
  ['infrastructure, nothing stored', '', health, undefined, 'error/infrastructure'],
  ['stopped in the console', '', byCall(143), stopped, 'cancelled/user_cancelled'],
  ['stopped in the console, killed', '', byCall(137), undefined, 'cancelled/user_cancelled'],
  ['signalled by nobody we know', '', exited(143), stopped, 'error/infrastructure'],
  ['out of memory', '', oom, undefined, 'error/out_of_memory'],
  ['out of memory, unnamed', '', exited(137), undefined, 'error/out_of_memory'],
  ['out of memory while a result was cancelled', '', oom, stopped, 'error/out_of_memory'],
  ['terminated without a result', '', exited(143), undefined, 'error/infrastructure'],
  ['ended well without a result', '', exited(0), undefined, 'error/inconsistent'],
  ['crashed', '', exited(1), undefined, 'error/internal'],
  ['forgotten', '', forgotten, undefined, 'error/lost'],
  ['forgotten with a result', '', forgotten, success, 'success'],
  ['nothing known', '', { started: true }, undefined, 'error/internal'],
]

for (const [name, flags, ecs, result, expected] of TABLE)
  test(`fault 36: outcome of "${name}": ${expected}`, () => {
    const outcome = classify({ cancelAsked: flags.includes('c'), timedOut: flags.includes('t'), ecs, result, memory: 2048 })
    assert.equal([outcome.status, outcome.reason].filter(Boolean).join('/'), expected)
    if (outcome.reason) assert.ok(outcome.message, 'every end that is not good says why')
  })

/** Words as in AWS's documentation of stopped tasks. */
const STARTS: [string, Reason][] = [
  [
    'CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to do request: dial tcp 10.0.0.1:443: i/o timeout',
    'start_network',
  ],
  [
    'CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: unexpected EOF',
    'start_network',
  ],
  [
    'CannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref "1.dkr.ecr/x:y": not found',
    'start_image',
  ],
  ['CannotPullContainerError: image Manifest does not contain descriptor matching platform linux/arm64', 'start_image'],
  [
    'ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve ecr registry auth: AccessDeniedException: not authorized to perform: ecr:GetAuthorizationToken',
    'start_image',
  ],
  [
    'ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: AccessDeniedException: not authorized to perform: secretsmanager:GetSecretValue',
    'start_secret',
  ],
  [
    'ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: ResourceNotFoundException: Secrets Manager can’t find the specified secret.',
    'start_secret',
  ],
  [
    'ResourceInitializationError: unable to pull secrets or registry auth: retrieved secret did not contain json key password',
    'start_secret',
  ],
  [
    'ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull secrets: context deadline exceeded',
    'start_network',
  ],
  ['ResourceInitializationError: failed to configure ENI: failed to setup regular eni', 'start_network'],
  ['ResourceInitializationError: failed to validate logger args: The specified log group does not exist', 'launch_refused'],
  ['Capacity is unavailable at this time. Please try again later or in a different availability zone', 'infrastructure'],
  ['Timeout waiting for network interface provisioning to complete.', 'infrastructure'],
  ['Something AWS has not said before', 'infrastructure'],
]
const FAULT: Partial<Record<Reason, string>> = { start_image: '09', start_secret: '10' }
for (const [words, reason] of STARTS)
  test(`fault ${FAULT[reason] ?? '08'}: a start that failed: ${reason}: ${words.slice(0, 100)}`, () => {
    const outcome = classify({ cancelAsked: false, timedOut: false, ecs: noStart(words), result: undefined, memory: 2048 })
    assert.equal(outcome.reason, reason)
    assert.equal(outcome.message, words)
  })

test('a start that we stopped because it took too long is the infrastructure’s fault', () => {
  const ecs: EcsEnd = { stopCode: 'UserInitiated', stoppedReason: STUCK_START, started: false }
  assert.equal(classify({ cancelAsked: false, timedOut: false, ecs, result: undefined, memory: 2048 }).reason, 'infrastructure')
})

test('out of memory names the size', () => {
  const words = (memory: number) =>
    classify({ cancelAsked: false, timedOut: false, ecs: oom, result: undefined, memory }).message ?? ''
  assert.match(words(2048), /2 GB/)
  assert.match(words(512), /512 MiB/)
})

test('retries: only classes the job names, never a failure that would repeat, never more than allowed', () => {
  const may = (reason: Reason, attempt: number, on: readonly string[] = RETRY_CLASSES, attempts = 3, started = true) =>
    mayRetry({ attempts, on }, { status: 'error', reason }, attempt, started)
  assert.equal(may('spot_interrupted', 1), true)
  assert.equal(may('spot_interrupted', 3), false)
  assert.equal(may('spot_interrupted', 1, ['transient']), false)
  assert.equal(may('out_of_memory', 1, ['memory']), true)
  assert.equal(may('parse_error', 1), false)
  assert.equal(may('start_image', 1, RETRY_CLASSES, 3, false), false)
  assert.equal(mayRetry({ attempts: 9, on: RETRY_CLASSES }, { status: 'cancelled', reason: 'user_cancelled' }, 1, true), false)
  assert.equal(mayRetry({ attempts: 9, on: RETRY_CLASSES }, { status: 'success' }, 1, true), false)
})

test('fault 08: what failed before it ran for a cause that passes is tried twice more in any case', () => {
  const may = (attempt: number, started: boolean) =>
    mayRetry({ attempts: 1, on: [] }, { status: 'error', reason: 'start_network' }, attempt, started)
  assert.deepEqual([may(1, false), may(2, false), may(3, false), may(1, true)], [true, true, false, false])
})

test('attempts are further and further apart, at most 5 minutes', () => {
  assert.deepEqual(
    [1, 2, 3, 9].map(attempt => retryDelaySeconds(attempt, undefined)),
    [15, 30, 60, 300],
  )
})

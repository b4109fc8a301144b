import assert from 'node:assert/strict'
import { test } from 'node:test'
import { favorsState, listWords, restWords } from '../../container/runner/resume-words.ts'
import { type AttemptLedger, makeResume, mergeAttempts, parseResume } from '../../shared/resume.ts'
import type { NodeStatus, StepResult } from '../../shared/run.ts'
import { runId } from '../fakes/records.ts'

const KINDS = ['--resource-type', 'all']

const ID = runId(1)
const commit = { sha: '4f2c1ab'.padEnd(40, '0'), author: 'Ana', subject: 'first', committedAt: '2026-11-22T01:00:00.000Z' }
const step = (index: number, name: string, status: StepResult['status'], over: Partial<StepResult> = {}): StepResult => ({
  index,
  name,
  kind: name === 'checkout' || name === 'docs' || name === 'freshness' ? name : 'dbt',
  command: `dbt ${name}`,
  status,
  ...over,
})
const node = (stepIndex: number, name: string, status: NodeStatus, resourceType = 'model') => ({
  step: stepIndex,
  node: { uniqueId: `${resourceType}.shop.${name}`, name, resourceType, status },
})
const first: AttemptLedger = {
  attempt: 1,
  commit,
  steps: [
    step(0, 'checkout', 'success'),
    step(1, 'seed', 'success', { selected: 1 }),
    step(2, 'build', 'error', { selected: 6 }),
    step(3, 'docs', 'success'),
    step(4, 'test', 'skipped'),
  ],
  nodes: [
    node(1, 's', 'success', 'seed'),
    node(2, 'a', 'success'),
    node(2, 'w', 'warn', 'test'),
    node(2, 'b', 'error'),
    node(2, 'c', 'skipped'),
    node(2, 'hook', 'success', 'operation'),
  ],
}
const second: AttemptLedger = {
  attempt: 2,
  commit,
  steps: [
    step(0, 'checkout', 'success'),
    step(1, 'seed', 'success', { selected: 1, attempt: 1 }),
    step(2, 'build', 'success', { selected: 4 }),
    step(3, 'docs', 'success'),
    step(4, 'test', 'error', { selected: 2 }),
  ],
  nodes: [
    node(2, 'b', 'success'),
    node(2, 'c', 'success'),
    node(2, 'd', 'success'),
    node(2, 'e', 'success'),
    node(4, 't', 'fail', 'test'),
  ],
}

test('fault 24: the next attempt skips finished steps and, in the broken one, what has a success', () => {
  const made = makeResume(ID, [first])
  assert.deepEqual(
    made?.resume.steps.map(each => [each.name, each.attempt]),
    [['seed', 1]],
  )
  const { results, ...partial } = made?.resume.partial ?? {}
  assert.deepEqual(partial, { step: 2, done: ['model.shop.a', 'test.shop.w', 'operation.shop.hook'], warned: 1 })
  assert.deepEqual(
    results?.map(each => each.status),
    ['success', 'warn', 'success'],
  )
  // Six selected, two of them done; the hook is none of the six.
  assert.equal(made?.left, 4)
})

test('one result for each node over the attempts, the last one counts', () => {
  const merged = mergeAttempts([first, second])
  assert.deepEqual(merged.counts, { success: 7, warn: 1, error: 0, fail: 1, skipped: 0, 'no-op': 0 })
  assert.deepEqual(
    merged.failures.map(each => each.name),
    ['t'],
  )
  assert.deepEqual(
    merged.steps.map(each => [each.name, each.status, each.selected, each.attempt]),
    [
      ['checkout', 'success', undefined, undefined],
      ['seed', 'success', 1, 1],
      ['build', 'success', 6, undefined],
      ['docs', 'success', undefined, undefined],
      ['test', 'error', 2, undefined],
    ],
  )
  const made = makeResume(ID, [first, second])
  assert.deepEqual(
    made?.resume.steps.map(each => [each.name, each.attempt]),
    [
      ['seed', 1],
      ['build', 2],
    ],
  )
  assert.equal(made?.left, 2)
})

test('an attempt that came to nothing takes nothing away', () => {
  const lost: AttemptLedger = { attempt: 3, steps: first.steps.map(each => ({ ...each, status: 'skipped' })), nodes: [] }
  const merged = mergeAttempts([first, second, lost])
  assert.deepEqual(
    merged.steps.map(each => [each.status, each.attempt]),
    [
      ['success', 2],
      ['success', 1],
      ['success', 2],
      ['success', 2],
      ['error', 2],
    ],
  )
})

test('what is not known or not to be trusted is not built upon', () => {
  assert.equal(makeResume(ID, []), undefined)
  const { commit: _, ...before } = first
  assert.equal(makeResume(ID, [before]), undefined)
  const odd = {
    ...first,
    steps: first.steps.map(each => (each.name === 'build' ? { ...each, reason: 'inconsistent' as const } : each)),
  }
  const made = makeResume(ID, [odd])
  assert.deepEqual([made?.resume.partial, made?.left], [undefined, 6])
  assert.throws(() => parseResume(JSON.stringify(made?.resume), runId(2)), /not one of run/)
})

test('the words of a step become those of ls and of the rest', () => {
  const words = [
    'build',
    '-m',
    'a',
    'b+',
    '--exclude=c',
    '--full-refresh',
    '-x',
    '--vars',
    '{day: 7}',
    '--defer',
    '--defer-state',
    'prod',
    '--threads',
    '8',
  ]
  assert.deepEqual(listWords(words, KINDS).slice(0, 9), [
    'ls',
    '--select',
    'a',
    'b+',
    '--exclude',
    'c',
    '--vars',
    '{day: 7}',
    '--defer-state',
  ])
  assert.ok(listWords(words, KINDS).join(' ').includes('--resource-type all --output json'))
  assert.ok(!listWords(['build', '--resource-type', 'model'], KINDS).includes('all'))
  assert.equal(
    restWords(words, '/left').join(' '),
    'build --full-refresh -x --vars {day: 7} --defer --defer-state prod --threads 8 --select result:skipped --indirect-selection empty --state /left',
  )
  // dbt would defer to the folder with the nodes.
  assert.equal(
    restWords(['run', '--state', 'last', '--defer', '-s', 'state:modified'], '/left').join(' '),
    'run --defer --select result:skipped --indirect-selection empty --state /left --defer-state last',
  )
})

test('the next attempt compares with the state of the first', () => {
  const compared = { ...first, steps: first.steps.map(each => (each.name === 'build' ? { ...each, comparedWith: 'x' } : each)) }
  assert.equal(makeResume(ID, [first])?.resume.state, undefined)
  const { state } = makeResume(ID, [compared, second])?.resume ?? {}
  assert.equal(state, 'x')
})

test('what dbt would read from another state is not left out', () => {
  assert.equal(favorsState(['build', '--defer', '--favor-state'], {}), true)
  assert.equal(favorsState(['build', '--defer'], { DBT_FAVOR_STATE: 'True' }), true)
  assert.equal(favorsState(['build', '--defer'], {}), false)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abilitiesOf, commandOf, compilesAll, dbtArguments, shownCommand } from '../../container/runner/dbt-command.ts'
import { engineOf } from '../../container/runner/engine.ts'
import { outcomeOf } from '../../container/runner/outcome.ts'
import { judgeStep, type StepEvidence } from '../../container/runner/step-status.ts'
import type { Reason } from '../../shared/reason-labels.ts'
import type { NodeResult, NodeStatus, StepResult } from '../../shared/run.ts'
import { step } from './runner.ts'

const node = (status: NodeStatus, resourceType = 'model', name = 'orders'): NodeResult => ({
  uniqueId: `${resourceType}.shop.${name}`,
  name,
  resourceType,
  status,
})

const GOOD: StepEvidence = {
  command: 'build',
  abilities: abilitiesOf(['build']),
  exit: { code: 0, signal: null, killed: false },
  stop: undefined,
  results: [node('success')],
  ledger: [node('success')],
  running: [],
  phase: 'running',
  errors: [],
  memory: { exhausted: false, text: 'peak 100 MB' },
  diskFull: false,
}
const exit = (code: number | null, signal: NodeJS.Signals | null = null, killed = false) => ({ code, signal, killed })
const fatal = (phase: StepEvidence['phase'], error: string) => ({
  exit: exit(2),
  results: undefined,
  ledger: [],
  phase,
  errors: [error],
})

const rows: [name: string, evidence: Partial<StepEvidence>, status: string, reason?: Reason | undefined, message?: RegExp][] = [
  ['good', {}, 'success'],
  [
    'a warning',
    { results: [node('success'), node('warn', 'test', 'fresh_enough')] },
    'warn',
    undefined,
    /1 warning: fresh_enough/,
  ],
  ['nothing selected', { results: [], ledger: [] }, 'success'],
  [
    'fault 19: a model failed',
    { exit: exit(1), results: [node('error'), node('fail', 'test')] },
    'error',
    'node_failures',
    /^1 of 1 model and 1 of 1 test failed\. /,
  ],
  [
    'fault 20: only tests failed',
    { exit: exit(1), results: [node('success'), node('fail', 'test', 't')] },
    'error',
    'test_failures',
    /1 of 1 test failed\. t/,
  ],
  ['fault 20: a unit test failed', { exit: exit(1), results: [node('fail', 'unit_test')] }, 'error', 'test_failures'],
  [
    'fault 21: exit 0, results with an error',
    { results: [node('error')] },
    'error',
    'inconsistent',
    /exit code 0, but its results show 1 failure/,
  ],
  ['fault 21: exit 1, all green', { exit: exit(1) }, 'error', 'inconsistent', /exit code 1, although none/],
  ['fault 21: exit 0, no results', { results: undefined }, 'error', 'inconsistent', /left no run_results.json of this step/],
  [
    'fault 21: exit 0, the events told of an error',
    { ledger: [node('error')] },
    'error',
    'inconsistent',
    /reported 1 failure while running/,
  ],
  ['fault 21: exit 2 while nodes ran, no results', { exit: exit(2), results: undefined }, 'error', 'inconsistent'],
  [
    'fault 19: no results, but the events told of an error',
    { exit: exit(1), results: undefined, ledger: [node('error')] },
    'error',
    'node_failures',
  ],
  [
    'fault 18: no profile',
    fatal('started', "Runtime Error\n  Could not find profile named 'shop'"),
    'error',
    'profile_error',
    /Could not find profile/,
  ],
  [
    'fault 18: does not parse',
    fatal('profile-read', 'Compilation Error: nothere'),
    'error',
    'parse_error',
    /nothere\. Nothing was built/,
  ],
  ['fault 18: broken dbt_project.yml', fatal('started', 'Error reading dbt_project.yml'), 'error', 'parse_error'],
  [
    'fault 18: warehouse refuses',
    fatal('parsed', 'password authentication failed'),
    'error',
    'profile_error',
    /password authentication failed/,
  ],
  ['packages missing', fatal('profile-read', 'Run "dbt deps" to install package dependencies.'), 'error', 'deps_failed'],
  ['unknown option', fatal('started', "Error: No such option '--nope'."), 'error', 'command_refused', /--nope/],
  [
    'fault 17: packages cannot be had',
    { ...fatal('started', 'host not found'), command: 'deps', abilities: abilitiesOf(['deps']) },
    'error',
    'deps_failed',
  ],
  [
    'fault 20: source stale',
    {
      command: 'source freshness',
      abilities: abilitiesOf(['source', 'freshness']),
      exit: exit(1),
      results: [node('error', 'source', 'raw.orders')],
    },
    'error',
    'freshness',
    /raw\.orders/,
  ],
  [
    'fault 20: source warns',
    { command: 'source freshness', abilities: abilitiesOf(['source', 'freshness']), results: [node('warn', 'source')] },
    'warn',
  ],
  [
    'fault 22: stopped',
    { exit: exit(2), stop: { kind: 'signal', signal: 'SIGTERM' }, running: ['orders'] },
    'cancelled',
    'user_cancelled',
    /while building orders.*SIGTERM/,
  ],
  [
    'fault 23: did not react',
    { exit: exit(null, 'SIGKILL', true), stop: { kind: 'signal', signal: 'SIGTERM' } },
    'cancelled',
    'user_cancelled',
    /was killed/,
  ],
  [
    'fault 25: time limit',
    { exit: exit(2), stop: { kind: 'timeout', seconds: 7200, attempt: 1 } },
    'error',
    'timeout',
    /time limit of 2 h/,
  ],
  ['done before the stop mattered', { stop: { kind: 'timeout', seconds: 60, attempt: 1 } }, 'success'],
  [
    'fault 45: the kernel killed it',
    { exit: exit(null, 'SIGKILL'), memory: { exhausted: true, text: 'peak 990 MB of 1024 MB' } },
    'error',
    'out_of_memory',
    /990 MB of 1024 MB/,
  ],
  ['somebody killed it', { exit: exit(null, 'SIGKILL') }, 'error', 'infrastructure', /SIGKILL/],
  [
    "fault 27: disk full, in the database's words",
    { exit: exit(1), results: [{ ...node('error'), message: 'IO Error: No space left on device' }] },
    'error',
    'disk_full',
  ],
  [
    'fault 27: disk full, nobody says so',
    { exit: exit(1), results: undefined, ledger: [], diskFull: true },
    'error',
    'disk_full',
  ],
  ['no dbt', { exit: { ...exit(null), startError: new Error('spawn dbt ENOENT') } }, 'error', 'internal'],
]
for (const [name, evidence, status, reason, message] of rows)
  test(`${name}: ${reason ?? status}`, () => {
    const verdict = judgeStep({ ...GOOD, ...evidence })
    assert.equal(verdict.status, status)
    assert.equal(verdict.failure?.reason, reason)
    if (message) assert.match(verdict.failure?.message ?? verdict.message ?? '', message)
  })

test('results of the artifact keep the path that only the events had', () => {
  const verdict = judgeStep({ ...GOOD, ledger: [{ ...node('success'), path: 'models/orders.sql' }] })
  assert.equal(verdict.nodes[0]?.path, 'models/orders.sql')
})

const PLAN = [step(0, 'checkout'), step(1, 'freshness', [], false), step(2, 'dbt', ['build'])]
const done = (...statuses: StepResult['status'][]): StepResult[] =>
  statuses.map((status, index) => ({
    index,
    name: PLAN[index]?.name ?? '',
    kind: 'dbt',
    command: '',
    status,
    ...(status === 'error' && { reason: 'freshness', message: 'stale' }),
  }))

test('outcome: the first required failure decides; others are warnings', () => {
  assert.equal(outcomeOf(done('success', 'success', 'success'), PLAN, undefined).outcome, 'success')
  assert.deepEqual(outcomeOf(done('success', 'error', 'success'), PLAN, undefined), {
    outcome: 'warn',
    message: 'freshness: stale',
  })
  assert.equal(outcomeOf(done('success', 'success', 'warn'), PLAN, undefined).outcome, 'warn')
  assert.equal(outcomeOf(done('error', 'skipped', 'skipped'), PLAN, undefined).outcome, 'error')
})

test('outcome: a stop between steps ends the run, one after the last step does not', () => {
  const stop = { kind: 'signal', signal: 'SIGTERM' } as const
  assert.equal(outcomeOf(done('success', 'pending', 'pending'), PLAN, stop).outcome, 'cancelled')
  assert.equal(
    outcomeOf(done('success', 'pending', 'pending'), PLAN, { kind: 'timeout', seconds: 5, attempt: 1 }).reason,
    'timeout',
  )
  assert.equal(outcomeOf(done('success', 'success', 'success'), PLAN, stop).outcome, 'success')
})

test('commands: words, abilities, what a person would type', () => {
  assert.equal(commandOf(['source', 'freshness', '--select', 'x']), 'source freshness')
  assert.equal(abilitiesOf(['docs', 'generate']).executes, false)
  assert.equal(shownCommand(step(2, 'dbt', ['build', '--vars', '{"a": 1}'])), `dbt build --vars '{"a": 1}'`)
  assert.equal(shownCommand(step(2, 'docs')), 'dbt docs generate')
  assert.equal(compilesAll(['build', '--full-refresh']), true)
  for (const option of ['--select', '-s', '--select=x', '--exclude', '--selector', '--resource-type'])
    assert.equal(compilesAll(['build', option, 'x']), false)
})

test('our settings stand last and win; the step may choose its own target', () => {
  const paths = { project: '/p', profiles: '/q', target: '/t', log: '/l' }
  const args = dbtArguments(['build', '--target-path', '/elsewhere', '--target', 'dev'], paths, 'prod', engineOf('core-1.12', ''))
  assert.equal(args[args.lastIndexOf('--target-path') + 1], '/t')
  assert.ok(!args.includes('prod'))
  assert.ok(!dbtArguments(['deps'], paths, 'prod', engineOf('oss-2.0', '')).includes('--target-path'))
})

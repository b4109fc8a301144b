import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runEffects } from '../../lambda/common/effects.ts'
import type { NotifyRule } from '../../shared/notify.ts'
import { NO_NODES, type NodeResult, type RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { at, configOf, jobOf, requested, runId, runOf } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const HOUR = 3600
const rule = (over: Partial<NotifyRule> = {}): NotifyRule => ({
  channel: 'slack',
  target: '#data',
  on: ['error', 'recovered'],
  ...over,
})

const node = (name: string, over: Partial<NodeResult> = {}): NodeResult => ({
  uniqueId: `model.shop.${name}`,
  name,
  resourceType: 'model',
  status: 'error',
  ...over,
})

function makeWorld(...notify: NotifyRule[]) {
  const config = configOf([jobOf({ notify })])
  const channels = { ...config.channels, pagerduty: { secret: { name: 'p', field: null }, region: 'us' as const, targets: {} } }
  const cloud = makeCloud({ ...config, channels })
  let number = 0
  /** Ends a run so many seconds after the first, twice over, as a delivery that comes again does. */
  async function end(seconds: number, over: Partial<RunRecord>): Promise<string> {
    number += 1
    const run = runOf(number, {
      endedAt: at(seconds),
      config: cloud.config,
      effects: ['messages'],
      cause: requested(`${number}`),
      causeString: `request ${number}`,
      ...over,
    })
    cloud.store.plant(run)
    await runEffects(cloud.deps, run)
    await runEffects(cloud.deps, { ...run, effects: ['messages'] })
    return run.id
  }
  const failed = (seconds: number, over: Partial<RunRecord> = {}) =>
    end(seconds, { status: 'error', reason: 'node_failures', failures: [node('a')], counts: { ...NO_NODES, error: 1 }, ...over })
  return {
    cloud,
    end,
    failed,
    good: (seconds: number, over: Partial<RunRecord> = {}) => end(seconds, { status: 'success', ...over }),
  }
}
const told = (cloud: FakeCloud) => cloud.message().map(({ kind, target }) => `${kind} ${target}`)
const kinds = (cloud: FakeCloud, target = '#data') =>
  cloud
    .message()
    .filter(message => message.target === target)
    .map(message => message.kind)

for (const [repeat, expected] of [
  ['every', 50],
  ['daily', 3],
  ['never', 1],
  [6 * HOUR, 9],
] as const)
  test(
    `fault 42: 50 hourly failures with repeat ${repeat}: the first at once, ${expected} in all, and one "recovered"`,
    options,
    async () => {
      const { cloud, failed, good } = makeWorld(rule({ repeat }))
      for (let hour = 0; hour < 50; hour++) {
        await failed(hour * HOUR)
        assert.ok(kinds(cloud).length >= 1, 'the first is told at once')
      }
      await good(50 * HOUR)
      await good(51 * HOUR)
      assert.deepEqual(
        [kinds(cloud).filter(kind => kind === 'error').length, kinds(cloud).filter(kind => kind === 'recovered').length],
        [expected, 1],
      )
      const recovered = cloud.message().at(-1)
      assert.deepEqual([recovered?.streak?.failures, recovered?.replyTo], [50, `MSG#${runId(1)}/error/slack/#data`])
    },
  )

test('a failure after a recovery is new, and so is the end of a run that a person had go on', options, async () => {
  const { cloud, failed, good, end } = makeWorld(rule({ repeat: 'never' }))
  await failed(0)
  await failed(60)
  await good(120)
  await failed(180)
  assert.deepEqual(kinds(cloud), ['error', 'recovered', 'error'])
  await end(240, { status: 'error', reason: 'node_failures', retries: [{ at: at(200), actor: 'ana', attempts: 1 }] })
  assert.equal(kinds(cloud).length, 4)
})

test(
  'each owner gets only theirs; who has no rule of their own is in the rest; rules without match get everything',
  options,
  async () => {
    const { cloud, failed, good } = makeWorld(
      rule({ target: '#all' }),
      rule({ target: '#finance', match: { owner: ['Finance'] } }),
      rule({ target: '#pii', match: { tag: ['pii'], group: ['core'] } }),
      rule({ target: '#team', match: { meta: { team: 'ops' } } }),
      rule({ target: '#rest', match: 'unmatched' }),
    )
    const failures = [
      node('a', { owners: ['finance'] }),
      node('b', { tags: ['pii'], group: 'core' }),
      node('c', { tags: ['pii'] }),
      node('d', { owners: ['nobody we know'] }),
    ]
    await failed(0, { failures, counts: { ...NO_NODES, error: 4 } })
    const nodes = Object.fromEntries(cloud.message().map(message => [message.target, message.nodes]))
    assert.deepEqual(nodes, {
      '#all': undefined,
      '#finance': ['model.shop.a'],
      '#pii': ['model.shop.b'],
      '#rest': ['model.shop.c', 'model.shop.d'],
    })
    await good(60)
    assert.deepEqual(
      told(cloud)
        .filter(each => each.startsWith('recovered'))
        .sort(),
      ['recovered #all', 'recovered #finance', 'recovered #pii', 'recovered #rest'],
    )
  },
)

test(
  'an owner whose node begins to fail while the job fails already is told at once, whatever the repetition',
  options,
  async () => {
    const { cloud, failed } = makeWorld(
      rule({ repeat: 'never' }),
      rule({ target: '#finance', match: { owner: ['finance'] }, repeat: 'never' }),
    )
    await failed(0)
    await failed(60, { failures: [node('a'), node('b', { owners: ['finance'] })] })
    await failed(120, { failures: [node('a'), node('b', { owners: ['finance'] })] })
    assert.deepEqual(told(cloud), ['error #data', 'error #finance'])
  },
)

test('nothing is lost: what is not about nodes, and more failing nodes than are known, reach the rest', options, async () => {
  const { cloud, end, failed } = makeWorld(
    rule({ target: '#finance', match: { owner: ['finance'] } }),
    rule({ target: '#rest', match: 'unmatched' }),
  )
  await end(0, { status: 'error', reason: 'parse_error', message: 'x' })
  assert.deepEqual(told(cloud), ['error #rest'])
  await failed(60, { failures: [node('a', { owners: ['finance'] })], counts: { ...NO_NODES, error: 1 } })
  assert.deepEqual(told(cloud).slice(1), ['error #finance'], 'all of it is somebody’s')
  await failed(120, { failures: [node('a', { owners: ['finance'] })], counts: { ...NO_NODES, error: 30 } })
  assert.deepEqual(told(cloud).slice(2).sort(), ['error #finance', 'error #rest'])
})

test('a project that names an owner nobody configured sends nothing anywhere new', options, async () => {
  const { cloud, failed } = makeWorld(rule())
  await failed(0, { failures: [node('a', { owners: ['#elsewhere', 'https://evil.example'], meta: { slack: '#elsewhere' } })] })
  assert.deepEqual(told(cloud), ['error #data'])
})

test('quiet hours: what comes up waits for their end, errors go through where they are urgent', options, async () => {
  // 02:00 UTC is 03:00 in Berlin.
  const quiet = { from: 22 * 60, to: 7 * 60, timezone: 'Europe/Berlin' }
  const { cloud, failed, good } = makeWorld(rule({ quiet }), rule({ target: '#urgent', quiet, urgent: true }))
  const id = await failed(0)
  await good(60)
  const waits = Object.fromEntries(cloud.message().map(({ kind, target, leaseUntil }) => [`${kind} ${target}`, leaseUntil]))
  assert.deepEqual(waits, {
    'error #data': '2026-11-22T06:00:00.000Z',
    'error #urgent': undefined,
    'recovered #data': '2026-11-22T06:00:00.000Z',
    'recovered #urgent': '2026-11-22T06:00:00.000Z',
  })
  assert.equal(cloud.message()[0]?.runId, id)
})

const stale = (status: 'warn' | 'error' = 'warn', over: Partial<RunRecord> = {}): Partial<RunRecord> => ({
  status,
  steps: [
    {
      index: 1,
      name: 'freshness',
      kind: 'freshness',
      command: 'dbt source freshness',
      status: 'warn',
      warnings: [node('raw.x', { uniqueId: 'source.shop.raw.x', resourceType: 'source', owners: ['loaders'] })],
    },
  ],
  ...over,
})

test(
  'stale sources are told once a run: in place of a warning that is only about them, to their owner, as often as configured',
  options,
  async () => {
    const { cloud, end } = makeWorld(
      rule({ target: '#warn', on: ['warn', 'source_stale'], repeat: 'never' }),
      rule({ target: '#error', on: ['error', 'source_stale'] }),
      rule({ target: '#loaders', on: ['source_stale'], match: { owner: ['loaders'] } }),
      rule({ target: '#others', on: ['source_stale'], match: { owner: ['others'] } }),
    )
    await end(0, stale())
    assert.deepEqual(told(cloud), ['source_stale #warn', 'source_stale #error', 'source_stale #loaders'])
    await end(60, stale())
    assert.deepEqual(told(cloud).slice(3), ['source_stale #error', 'source_stale #loaders'])
    await end(120, stale('warn', { counts: { ...NO_NODES, warn: 1 } }))
    assert.deepEqual(told(cloud).slice(5), ['warn #warn', 'source_stale #error', 'source_stale #loaders'])
    await end(180, stale('error', { reason: 'freshness' }))
    assert.deepEqual(told(cloud).slice(8), ['error #error', 'source_stale #loaders'])
  },
)

test('PagerDuty: whatever opened an incident of the job, its next good run resolves it, once', options, async () => {
  const { cloud, end, failed, good } = makeWorld(rule({ channel: 'pagerduty', target: '', on: ['error', 'missed', 'recovered'] }))
  await end(0, { status: 'skipped', reason: 'missed' })
  assert.deepEqual((await cloud.store.job('shop/nightly')).incidents, ['pagerduty/'])
  await good(60)
  await good(120)
  await failed(180)
  await failed(240)
  await good(300)
  assert.deepEqual(kinds(cloud, ''), ['missed', 'recovered', 'error', 'error', 'recovered'])
  assert.equal((await cloud.store.job('shop/nightly')).incidents, undefined)
})

test('the streak keeps since which commit, and how many runs were good before', options, async () => {
  const { cloud, failed, good } = makeWorld(rule())
  const commit = (digit: string) => ({ sha: digit.repeat(40), author: 'Ada', subject: digit, committedAt: at(0) })
  for (let number = 0; number < 3; number++) await good(number, { commit: commit('a') })
  await failed(10, { commit: commit('b') })
  await failed(20, { commit: commit('c') })
  await good(30, { commit: commit('d') })
  await failed(40, { commit: commit('d') })
  const [first, second, recovered, again] = cloud.message().map(message => message.streak)
  assert.deepEqual(
    [first?.good, first?.from?.commit?.sha[0], first?.previous],
    [{ runs: 3, sha: 'a'.repeat(40) }, 'b', undefined],
  )
  assert.deepEqual([second?.from?.commit?.sha[0], second?.lastSha?.[0], second?.previous], ['b', 'b', at(10)])
  assert.deepEqual([recovered?.failures, recovered?.from?.commit?.sha[0], recovered?.lastSha?.[0]], [2, 'b', 'c'])
  assert.deepEqual([again?.failures, again?.good], [1, { runs: 1, sha: 'd'.repeat(40) }])
})

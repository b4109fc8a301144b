import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { finish } from '../../lambda/finisher/finish.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import type { Plan } from '../../shared/plan.ts'
import { NO_NODES } from '../../shared/run.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { type FakeTask, stopOf, taskEvent } from '../fakes/ecs.ts'
import { runOf } from '../fakes/records.ts'
import { ID, outcomeOf, report, result, started, startNext, steps } from './finisher-fixture.ts'

const options = { timeout: 10_000 }
const LOCK = 'IO Error: Could not set lock on file "shop.duckdb": Conflicting lock is held in python (PID 71)'

/** An attempt whose build ended one model well and others with these messages of the database. */
async function fails(cloud: FakeCloud, task: FakeTask, attempt: number, messages: string[], status = 'error'): Promise<void> {
  const broken = steps.map(step =>
    step.kind === 'dbt' ? { ...step, status: 'error' as const, selected: messages.length + 1 } : step,
  )
  const node = (name: string, over: object) => ({
    type: 'node',
    step: 2,
    uniqueId: `model.shop.${name}`,
    name,
    resourceType: 'model',
    status: 'success',
    ...over,
  })
  const progress = {
    type: 'progress',
    schemaVersion: 1,
    run: ID,
    attempt,
    part: 1,
    at: '2026-11-22T02:05:00Z',
    commit: result().commit,
    nodes: {},
    steps: broken,
  }
  const lines = [progress, node('good', {}), ...messages.map((message, index) => node(`m${index}`, { status, message }))]
  cloud.put(KEY.part(KEY.attempt(runOf(1), attempt), 1), gzipSync(lines.map(line => `${JSON.stringify(line)}\n`).join('')))
  const counts = { ...NO_NODES, success: 1, error: messages.length }
  report(cloud, result({ attempt, outcome: 'error', reason: 'node_failures', message: 'nodes failed', steps: broken, counts }))
  await finish(cloud.deps, taskEvent(task, stopOf(1)))
}
const retrying = (over: Partial<JobConfig['retry']> = {}): Partial<JobConfig> => ({
  retry: { attempts: 2, on: ['transient'], ...over },
})
const planOf = (cloud: FakeCloud, attempt: number) => cloud.json(KEY.plan(runOf(1), attempt)) as Plan

test(
  'nodes that all failed for a passing fault of the warehouse: another attempt, for what is left, and the record says why',
  options,
  async () => {
    const { cloud, task } = await started(retrying())
    await fails(cloud, task, 1, [LOCK, 'TransactionContext Error: Conflict on update!'])
    const run = await cloud.run(ID)
    assert.deepEqual([run.status, run.attempts[0]?.outcome?.transient], ['queued', 'lock, changed meanwhile'])
    const next = await startNext(cloud)
    assert.ok(planOf(cloud, 2).resume)
    await fails(cloud, next, 2, [LOCK])
    assert.equal(outcomeOf(await cloud.run(ID)), 'error/node_failures', 'two attempts in all')
  },
)

test(
  'one node that failed for good, rows that a test found, or a class that is not asked for: no other attempt',
  options,
  async () => {
    for (const [job, messages, status] of [
      [retrying(), [LOCK, 'Binder Error: Referenced column "x" not found'], 'error'],
      [retrying(), [LOCK], 'fail'],
      [retrying({ on: ['infrastructure'] }), [LOCK], 'error'],
    ] as const) {
      const { cloud, task } = await started(job)
      await fails(cloud, task, 1, [...messages], status)
      assert.equal(outcomeOf(await cloud.run(ID)), 'error/node_failures')
    }
  },
)

test('the job’s own patterns count as well', options, async () => {
  const { cloud, task } = await started(retrying({ patterns: ['quota of the hour'] }))
  await fails(cloud, task, 1, ['Error: the Quota of the hour is used up'])
  assert.equal((await cloud.run(ID)).attempts[0]?.outcome?.transient, '"quota of the hour"')
})

test('a login that a passing fault prevented is tried again, one that was refused is not', options, async () => {
  for (const [message, status] of [
    ['Database Error: connection to server at "db" failed: FATAL: the database system is starting up', 'error'],
    ['Connection aborted. ConnectionResetError(104)', 'queued'],
    ['FATAL: password authentication failed for user "dbt"', 'error'],
  ] as const) {
    const { cloud, task } = await started(retrying())
    report(cloud, result({ outcome: 'error', reason: 'profile_error', message, counts: NO_NODES }))
    await finish(cloud.deps, taskEvent(task, stopOf(1)))
    // The environment's adapter is DuckDB: words of PostgreSQL are not its own.
    assert.equal((await cloud.run(ID)).status, status, message)
  }
})

test('attempts wait as the job says, and none begins after its time for all of them', options, async () => {
  const backoff = { firstSeconds: 60, factor: 3, maxSeconds: 120 }
  const { cloud, task } = await started(retrying({ attempts: 9, backoff, withinSeconds: 400 }))
  const waits: number[] = []
  let running = task
  for (let attempt = 1; ; attempt++) {
    await fails(cloud, running, attempt, [LOCK])
    const run = await cloud.run(ID)
    if (run.status !== 'queued') break
    waits.push(Date.parse(run.notBefore ?? '') - cloud.deps.now().getTime())
    cloud.advance((waits.at(-1) ?? 0) / 1000 + 1)
    running = await startNext(cloud)
  }
  assert.deepEqual(waits, [60_000, 120_000, 120_000])
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/node_failures')
})

test('resume: false: each attempt begins at the first step, on the commit of the first', options, async () => {
  const { cloud, task } = await started(retrying({ resume: false }))
  await fails(cloud, task, 1, [LOCK])
  const next = await startNext(cloud)
  const plan = planOf(cloud, 2)
  assert.deepEqual([plan.resume, plan.repository.commit], [undefined, result().commit?.sha])
  await fails(cloud, next, 2, ['Binder Error: no such column'])
  const run = await cloud.run(ID)
  assert.deepEqual([outcomeOf(run), run.counts?.success, run.counts?.error], ['error/node_failures', 1, 1])
  // What a person has go on goes on from there.
  assert.deepEqual([run.attempts[1]?.resume?.fresh, run.attempts[1]?.resume?.left], [undefined, 1])
})

test(
  'deactivate_after: the job is paused with the failure that is one too many, told once, and again after as many',
  options,
  async () => {
    const { cloud, task } = await started({ deactivateAfter: 2 })
    await fails(cloud, task, 1, ['no such column'])
    assert.equal((await cloud.store.job('shop/nightly')).paused, undefined)
    const config = (await cloud.run(ID)).config
    const failAgain = async (number: number) => {
      await cloud.store.claim({ ...runOf(number), config, causeString: `another ${number}` })
      const next = await startNext(cloud)
      const prefix = KEY.attempt(runOf(number), 1)
      cloud.put(KEY.result(prefix), { ...result({ run: runOf(number).id, outcome: 'error', reason: 'parse_error' }) })
      await Promise.all(Array.from({ length: 3 }, () => finish(cloud.deps, taskEvent(next, stopOf(1)))))
      return cloud.run(runOf(number).id)
    }
    const second = await failAgain(2)
    assert.deepEqual([second.streak?.failures, second.streak?.deactivated], [2, true])
    assert.equal((await cloud.store.job('shop/nightly')).paused?.actor, 'tidemill (2 failures in a row)')
    assert.deepEqual(
      cloud.message().map(message => message.streak?.deactivated),
      [undefined, true],
    )
    await cloud.store.pause('shop/nightly', undefined)
    await failAgain(3)
    assert.equal((await cloud.store.job('shop/nightly')).paused, undefined, 'resumed: it has two failures again')
    await failAgain(4)
    assert.equal((await cloud.store.job('shop/nightly')).paused?.actor, 'tidemill (4 failures in a row)')
  },
)

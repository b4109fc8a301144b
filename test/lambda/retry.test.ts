import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { operate } from '../../lambda/api/operate.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import type { ApiResponse } from '../../shared/api.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import type { Plan, Resume } from '../../shared/plan.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'
import { secondsLeft } from '../../shared/run-settings.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { type FakeTask, stopOf, taskEvent } from '../fakes/ecs.ts'
import { attemptOf, jobOf, runOf } from '../fakes/records.ts'
import { ID, messages, outcomeOf, report, result, started, startNext, steps } from './finisher-fixture.ts'

const options = { timeout: 10_000 }
const ACTOR = 'arn:aws:iam::111122223333:user/ana'
const commit = result().commit
const ask = (cloud: FakeCloud) =>
  operate(cloud.deps, {
    requestContext: { authorizer: { iam: { userArn: ACTOR } } },
    body: JSON.stringify({ operation: 'retry', run: ID }),
  })
const refused = (answer: ApiResponse) => (answer.ok ? assert.fail(answer.message) : answer)

/** Parts of an attempt whose build selected five nodes and ended two of them. */
function leaveParts(cloud: FakeCloud, attempt: number, nodes: Record<string, string>): void {
  const progress = {
    type: 'progress',
    schemaVersion: 1,
    run: ID,
    attempt,
    part: 1,
    at: '2026-11-22T02:05:00Z',
    commit,
    nodes: {},
    steps: [steps[0], { ...steps[1], status: 'running', selected: 5 }],
  }
  const lines = Object.entries(nodes).map(([name, status]) => ({
    type: 'node',
    step: 2,
    uniqueId: `model.shop.${name}`,
    name,
    resourceType: 'model',
    status,
  }))
  const body = gzipSync([progress, ...lines].map(line => `${JSON.stringify(line)}\n`).join(''))
  cloud.put(KEY.part(KEY.attempt(runOf(1), attempt), 1), body)
}
const stopForMemory = (cloud: FakeCloud, task: FakeTask) =>
  finish(cloud.deps, taskEvent(task, stopOf(137, {}, 'OutOfMemoryError: Container killed due to memory usage')))
const planOf = (cloud: FakeCloud, attempt: number) => cloud.json(KEY.plan(runOf(1), attempt)) as Plan

test('fault 24: out of memory: the next attempt has the next size, the same commit, and what is done', options, async () => {
  const memory: Partial<JobConfig> = { retry: { attempts: 2, on: ['memory'] } }
  const { cloud, task } = await started(memory)
  leaveParts(cloud, 1, { a: 'success', b: 'success', c: 'error' })
  await stopForMemory(cloud, task)
  const waiting = await cloud.run(ID)
  assert.deepEqual([waiting.status, waiting.attempts[0]?.resume?.left], ['queued', 3])
  const next = await startNext(cloud)
  const plan = planOf(cloud, 2)
  assert.equal(plan.repository.commit, commit?.sha)
  const text = new TextDecoder().decode(cloud.objects.get(plan.resume?.key ?? '')?.body)
  assert.equal(createHash('sha256').update(text).digest('hex'), plan.resume?.sha256)
  assert.deepEqual((JSON.parse(text) as Resume).partial?.done, ['model.shop.a', 'model.shop.b'])
  assert.deepEqual(
    (await cloud.run(ID)).attempts.map(each => [each.memory, each.larger]),
    [
      [2048, undefined],
      [3072, 'stepped'],
    ],
  )
  leaveParts(cloud, 2, { c: 'success', d: 'success', e: 'success' })
  report(cloud, result({ attempt: 2, steps: steps.map(step => ({ ...step })) }))
  await finish(cloud.deps, taskEvent(next, stopOf(0)))
  const run = await cloud.run(ID)
  assert.deepEqual([outcomeOf(run), run.counts?.success, run.counts?.error], ['success', 5, 0])
  assert.deepEqual(messages(cloud), [])
  assert.equal((await cloud.store.job('shop/nightly')).size?.memory, 3072)

  // The job's next run begins with what was needed, as long as the environment has less.
  await cloud.store.claim({ ...runOf(2), config: run.config, causeString: 'another' })
  await startNext(cloud)
  const [other] = (await cloud.store.runs([runOf(2).id])).map(each => each.attempts[0])
  assert.deepEqual([other?.memory, other?.larger], [3072, 'remembered'])
})

test(
  'a job that was given more memory gets what its environment has again when ten good runs would have fitted',
  options,
  async () => {
    const { cloud, task } = await started({ retry: { attempts: 2, on: ['memory'] } })
    const [attempt] = (await cloud.run(ID)).attempts
    const larger = { ...attempt, number: 1, memory: 4096, larger: 'remembered' } as Attempt
    cloud.store.plant({ ...(await cloud.run(ID)), attempts: [larger] })
    const before = (number: number) => ({ ...runOf(number), id: `20261121T0200${String(number).padStart(2, '0')}-000000000001` })
    const good: Partial<RunRecord> = { status: 'success', peakMemoryBytes: 900 * 1024 ** 2, attempts: [larger] }
    for (let number = 1; number <= 9; number++) cloud.store.plant({ ...before(number), ...good })
    await cloud.store.rememberSize('shop/nightly', { cpu: 1024, memory: 4096, run: ID })
    report(cloud, result({ peakMemoryBytes: 900 * 1024 ** 2 }))
    await finish(cloud.deps, taskEvent(task, stopOf(0)))
    assert.equal(outcomeOf(await cloud.run(ID)), 'success')
    assert.equal((await cloud.store.job('shop/nightly')).size, undefined)
  },
)

test('the largest task ran out of memory: no other attempt', options, async () => {
  const { cloud, task } = await started({ retry: { attempts: 3, on: ['memory'] } })
  const run = await cloud.run(ID)
  cloud.store.plant({ ...run, attempts: run.attempts.map(each => ({ ...each, cpu: 16384, memory: 120 * 1024 })) })
  await stopForMemory(cloud, task)
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/out_of_memory')
})

test('tidemill retry: a failed run goes on, each of its ends is told once, and the streak ends with it', options, async () => {
  const { cloud, task } = await started()
  leaveParts(cloud, 1, { a: 'success', b: 'error' })
  const failed = { outcome: 'error', reason: 'node_failures', message: '1 of 5 models failed' } as const
  const broken = steps.map(step => (step.kind === 'dbt' ? { ...step, status: 'error' as const, selected: 5 } : step))
  report(cloud, result({ ...failed, steps: broken }))
  await finish(cloud.deps, taskEvent(task, stopOf(1)))
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/node_failures')
  const answers = await Promise.all([ask(cloud), ask(cloud)])
  assert.deepEqual(answers.filter(answer => answer.ok).length, 1, 'two at the same moment open it once')
  assert.match(answers.find(answer => answer.ok)?.message ?? '', /attempt 2: the 4 nodes left .* on commit 4f2c1ab/)
  const opened = await cloud.run(ID)
  assert.deepEqual([opened.status, opened.reason, opened.endedAt, opened.streak], ['queued', undefined, undefined, undefined])
  assert.deepEqual(
    opened.retries?.map(each => [each.actor, each.attempts]),
    [[ACTOR, 1]],
  )
  assert.equal(refused(await ask(cloud)).status, 409)

  const second = await startNext(cloud)
  leaveParts(cloud, 2, { b: 'error' })
  report(cloud, result({ ...failed, attempt: 2, steps: broken }))
  await finish(cloud.deps, taskEvent(second, stopOf(1)))
  assert.equal((await cloud.store.job('shop/nightly')).streak?.failures, 1, 'one failed run, however often it was tried')
  assert.ok((await ask(cloud)).ok)
  const third = await startNext(cloud)
  leaveParts(cloud, 3, { b: 'success', c: 'success' })
  report(cloud, result({ attempt: 3 }))
  await finish(cloud.deps, taskEvent(third, stopOf(0)))
  assert.equal(outcomeOf(await cloud.run(ID)), 'success')
  assert.deepEqual(messages(cloud), ['error slack #data', 'error slack #data', 'recovered slack #data'])
  assert.equal((await cloud.store.job('shop/nightly')).streak?.failures, 0)
  assert.match(refused(await ask(cloud)).message, /ended well \(success\)/)
  assert.equal(cloud.store.audits.filter(entry => entry.operation === 'retry' && entry.subject === ID && entry.ok).length, 2)
})

test(
  'tidemill retry is refused while the end is still worked on, for a paused job, and without the configuration',
  options,
  async () => {
    const { cloud, task } = await started()
    report(cloud, result({ outcome: 'error', reason: 'node_failures', message: 'failed' }))
    await finish(cloud.deps, taskEvent(task, stopOf(1)))
    const run = await cloud.run(ID)
    cloud.store.plant({ ...run, effects: ['messages'] })
    assert.match(refused(await ask(cloud)).message, /still being done/)
    assert.deepEqual(cloud.calls.at(-1), { to: 'finish', payload: { effects: [ID] } })
    cloud.store.plant(run)
    await cloud.store.pause('shop/nightly', { at: '2026-11-22T01:00:00.000Z', actor: 'ana' })
    assert.match(refused(await ask(cloud)).message, /paused since/)
    await cloud.store.pause('shop/nightly', undefined)
    cloud.store.plant({ ...run, config: 'f'.repeat(64) })
    assert.match(refused(await ask(cloud)).message, /configuration that run .* is gone/)
    cloud.store.plant({ ...run, status: 'skipped', reason: 'overlap' })
    assert.match(refused(await ask(cloud)).message, /was skipped \(overlap\)/)
    cloud.store.plant(run)
    await cloud.store.occupy('shop/nightly', 'shop/prod', runOf(9).id)
    assert.ok((await ask(cloud)).ok)
    await dispatch(cloud.deps, {})
    assert.equal((await cloud.run(ID)).status, 'queued', 'it waits for its place like any run')
  },
)

test('fault 25: after its time has passed, or when a person has it go on, a run has its time anew', () => {
  const used = (minutes: number, reason: 'timeout' | 'infrastructure') =>
    attemptOf(1, {
      startedAt: '2026-11-22T02:00:00.000Z',
      stoppedAt: new Date(Date.parse('2026-11-22T02:00:00.000Z') + minutes * 60_000).toISOString(),
      outcome: { status: 'error', reason },
    })
  const job = jobOf({ timeoutSeconds: 3600 })
  const left = (attempts: ReturnType<typeof used>[], retried?: number) =>
    secondsLeft(
      job,
      { attempts, ...(retried !== undefined && { retries: [{ at: '', actor: '', attempts: retried }] }) },
      attempts.length + 1,
    )
  assert.equal(left([used(20, 'infrastructure')]), 2400)
  assert.equal(left([used(60, 'timeout')]), 3600)
  assert.equal(left([used(60, 'timeout'), used(20, 'infrastructure')]), 2400)
  assert.equal(left([used(50, 'infrastructure')], 1), 3600)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operate } from '../../lambda/api/operate.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import type { ApiResponse } from '../../shared/api.ts'
import { BACKFILL_PRIORITY } from '../../shared/backfill.ts'
import { KEY } from '../../shared/contract.ts'
import type { Plan } from '../../shared/plan.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { attemptOf, configOf, environmentOf, hashOf, jobOf, runId, runOf } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const ANA = 'arn:aws:iam::111122223333:user/ana'
const BEN = 'arn:aws:iam::111122223333:user/ben'
const ask = (cloud: FakeCloud, body: unknown, userArn = ANA) =>
  operate(cloud.deps, {
    requestContext: { authorizer: { iam: { userArn } } },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const refused = (answer: ApiResponse) => (answer.ok ? assert.fail(answer.message) : answer)
const accepted = (answer: ApiResponse) => (answer.ok ? answer : assert.fail(answer.message))
const must = <T>(value: T | undefined): T => value ?? assert.fail('there is none')
const request = (key: string, job = 'nightly') => ({ operation: 'run', job, idempotencyKey: key })

test('fault 13: a paused environment starts nothing of any of its jobs, and says who paused it', options, async () => {
  const cloud = makeCloud(configOf([jobOf(), jobOf({ name: 'hourly' })]))
  accepted(await ask(cloud, request('a')))
  accepted(await ask(cloud, request('b', 'hourly')))
  await dispatch(cloud.deps, { runs: [] })
  accepted(await ask(cloud, request('c')))
  const paused = accepted(await ask(cloud, { operation: 'pause', environment: 'prod' }))
  assert.equal(
    paused.message,
    'Environment shop/prod is paused: no new run starts. 1 waiting run is skipped. 2 runs under way go on to the end.',
  )
  assert.match(
    accepted(await ask(cloud, { operation: 'pause', environment: 'prod' }, BEN)).message,
    /paused already, since .* by .*ana/,
  )
  await dispatch(cloud.deps, {})
  const [line] = await Promise.all([cloud.store.open('')])
  const runs = await cloud.store.runs(line.map(entry => entry.pk.slice(4)))
  assert.deepEqual(runs.map(run => run.status).sort(), ['skipped', 'starting', 'starting'])
  assert.match(
    runs.find(run => run.status === 'skipped')?.message ?? '',
    /Environment prod has been paused since 2026-11-22T02:\d\dZ by .*ana/,
  )
  const answer = refused(await ask(cloud, request('d')))
  assert.deepEqual([answer.status, answer.hint, answer.run?.status], [409, 'tidemill resume --environment shop/prod', 'skipped'])
  // The job by itself stays free, and is told that its environment is not.
  assert.match(accepted(await ask(cloud, { operation: 'resume', job: 'nightly' })).message, /still paused/)
  assert.match(accepted(await ask(cloud, { operation: 'resume', environment: 'shop/prod' })).message, /not made up for/)
  accepted(await ask(cloud, request('e')))
})

test('a run between two attempts goes on while its environment is paused', options, async () => {
  const cloud = makeCloud(configOf([jobOf({ retry: { attempts: 2, on: ['infrastructure'] } })]))
  const run = accepted(await ask(cloud, request('a'))).run
  await dispatch(cloud.deps, {})
  accepted(await ask(cloud, { operation: 'pause', environment: 'prod' }))
  const [task] = cloud.ecs.tasks.values()
  assert.ok(task && run)
  await finish(cloud.deps, taskEvent(task, stopOf(1, { stopCode: 'InfrastructureHealth' })))
  cloud.advance(600)
  await dispatch(cloud.deps, {})
  const now = await cloud.run(run.id)
  assert.deepEqual([now.status, now.attempts.length], ['starting', 2])
})

test('every operation is in the trail with who asked, also one that is refused or cannot be read', options, async () => {
  const cloud = makeCloud()
  accepted(await ask(cloud, request('a')))
  refused(await ask(cloud, { operation: 'cancel', run: runId(99) }, BEN))
  refused(await ask(cloud, { operation: 'drop', job: 'nightly' }, BEN))
  refused(await ask(cloud, '{', BEN))
  accepted(await ask(cloud, { operation: 'pause', environment: 'prod' }))
  const trail = cloud.store.audits.map(({ actor, operation, subject, job, ok }) => [actor, operation, subject, job, ok])
  const [first] = await cloud.store.runs([String(trail[0]?.[2])])
  assert.deepEqual(trail, [
    [ANA, 'run', first?.id, 'shop/nightly', true],
    [BEN, 'cancel', runId(99), undefined, false],
    [BEN, 'drop', 'nightly', undefined, false],
    [BEN, 'unreadable', '', undefined, false],
    [ANA, 'pause', 'prod', undefined, true],
  ])
})

const commit = { sha: '4f2c1ab0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6', author: 'A', subject: 's', committedAt: '2026-11-21T00:00:00Z' }
const over: Partial<RunRecord> = {
  status: 'error',
  reason: 'node_failures',
  attempts: [attemptOf()],
  endedAt: '2026-11-22T03:00:00Z',
  commit,
}

test('rerun: a new run from the start with the same parameters, under the configuration in force', options, async () => {
  const cloud = makeCloud()
  cloud.store.plant(runOf(101, { ...over, overrides: { vars: { day: '2026-11-21' }, fullRefresh: true } }))
  const body = { operation: 'rerun', run: runId(101), idempotencyKey: 'k' }
  const { run } = accepted(await ask(cloud, body))
  assert.deepEqual(
    [run?.status, run?.overrides, run?.rerunOf, run?.config],
    ['queued', { vars: { day: '2026-11-21' }, fullRefresh: true }, { run: runId(101), exact: false }, cloud.config],
  )
  assert.equal(accepted(await ask(cloud, body)).run?.id, run?.id)
  const again = await cloud.run(run?.id ?? '')
  const waiting = refused(await ask(cloud, { operation: 'rerun', run: again.id, idempotencyKey: 'k2' }))
  assert.match(waiting.message, /is not over: queued/)
})

test('rerun --exact: the same commit and configuration, in its size; what cannot be the same is said', options, async () => {
  const before = configOf([jobOf({ steps: [{ name: 'run', args: ['run'] }] })], {
    size: { ...environmentOf().size, memory: 4096 },
  })
  const cloud = makeCloud()
  cloud.put(KEY.config(hashOf(before)), before)
  cloud.store.plant(runOf(101, { ...over, config: hashOf(before) }))
  const answer = accepted(await ask(cloud, { operation: 'rerun', run: runId(101), idempotencyKey: 'k', exact: true }))
  assert.match(answer.message, /on commit 4f2c1ab with the configuration .*Not the same: values of secrets/)
  assert.equal(answer.run?.config, hashOf(before))
  await dispatch(cloud.deps, {})
  const plan = cloud.json(KEY.plan(must(answer.run), 1)) as Plan
  assert.deepEqual([plan.repository.commit, plan.steps.find(step => step.kind === 'dbt')?.args], [commit.sha, ['run']])
  const input = JSON.parse((await cloud.run(must(answer.run).id)).attempts[0]?.runTaskInput ?? '')
  assert.equal(input.overrides.memory, '4096')
})

test('rerun --exact is refused where it would not be exact', options, async () => {
  const before = configOf([jobOf()], { dbt: { engine: 'core-1.12', adapters: ['duckdb'], image: null } })
  const cloud = makeCloud()
  cloud.put(KEY.config(hashOf(before)), before)
  const exactly = async (number: number) =>
    refused(await ask(cloud, { operation: 'rerun', run: runId(100 + number), idempotencyKey: `${number}`, exact: true })).message
  cloud.store.plant(runOf(101, { ...over, config: hashOf(before), causeString: '1' }))
  assert.match(await exactly(1), /had core-1.12 with duckdb in run .* and has core-1.11 with duckdb now/)
  const { commit: _, ...without } = over
  cloud.store.plant(runOf(102, { ...without, causeString: '2' }))
  assert.match(await exactly(2), /never had its commit/)
  cloud.store.plant(runOf(103, { ...over, config: 'f'.repeat(64), causeString: '3' }))
  assert.match(await exactly(3), /is gone/)
  cloud.store.plant(runOf(104, { ...over, job: 'gone', causeString: '4' }))
  assert.match(await exactly(4), /not in the configuration in force/)
})

const day = (n: number) => new Date(Date.UTC(2026, 0, n)).toISOString()
const slices = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    start: day(from + i),
    end: day(from + i + 1),
    overrides: { vars: { day: day(from + i) } },
  }))
const backfill = (from: number, to: number, concurrency = 1) => ({
  operation: 'backfill',
  job: 'nightly',
  backfill: 'january',
  concurrency,
  slices: slices(from, to),
})

test('backfill: one run a slice whoever asks; what succeeded is not run again, what failed is', options, async () => {
  const cloud = makeCloud()
  const both = await Promise.all([ask(cloud, backfill(1, 3)), ask(cloud, backfill(1, 4), BEN)])
  const runs = both.map(answer => accepted(answer).runs ?? [])
  assert.deepEqual(
    runs[0]?.map(each => each.run.id),
    runs[1]?.slice(0, 3).map(each => each.run.id),
  )
  assert.equal(runs.flat().filter(each => !each.existed).length, 4)
  assert.deepEqual(
    runs[0]?.map(each => [each.run.priority, each.run.concurrency]),
    Array(3).fill([BACKFILL_PRIORITY, 1]),
  )
  const [first, second] = runs[0] ?? []
  cloud.store.plant({ ...(await cloud.run(must(first).run.id)), status: 'success' })
  cloud.store.plant({ ...(await cloud.run(must(second).run.id)), status: 'error', reason: 'node_failures' })
  const again = accepted(await ask(cloud, backfill(1, 4))).runs ?? []
  assert.deepEqual(
    again.map(each => each.existed),
    [true, false, true, true],
  )
  assert.deepEqual((must(again[1]).run.cause as { slice?: unknown }).slice, {
    backfill: 'january',
    start: day(2),
    end: day(3),
    number: 2,
  })
  const zone = (timezone: string) => ask(cloud, { ...backfill(7, 7), timezone })
  const [cut] = accepted(await zone('Asia/Kathmandu')).runs ?? []
  assert.equal((must(cut).run.cause as { slice?: { timezone?: string } }).slice?.timezone, 'Asia/Kathmandu')
  assert.match(refused(await zone('Asia/Kathmandoo')).message, /"Asia\/Kathmandoo" is not a time zone/)
})

test('backfill: as many at once as asked, in order, and what is due goes first', options, async () => {
  const cloud = makeCloud(configOf([jobOf({ overlap: 'skip' }), jobOf({ name: 'hourly' })]))
  const ids = (accepted(await ask(cloud, backfill(1, 5, 2))).runs ?? []).map(each => each.run.id)
  await dispatch(cloud.deps, {})
  const statuses = async () => (await cloud.store.runs(ids)).map(run => run.status)
  assert.deepEqual(await statuses(), ['starting', 'starting', 'queued', 'queued', 'queued'])
  const hourly = accepted(await ask(cloud, request('h', 'hourly'))).run
  await dispatch(cloud.deps, {})
  assert.equal((await cloud.run(must(hourly).id)).status, 'starting')
  assert.deepEqual(await statuses(), ['starting', 'starting', 'queued', 'queued', 'queued'])
})

test('backfill: a paused job and a line without room are refused before anything is made', options, async () => {
  const cloud = makeCloud()
  accepted(await ask(cloud, { operation: 'pause', job: 'nightly' }))
  assert.match(refused(await ask(cloud, backfill(1, 2))).message, /Job nightly has been paused/)
  assert.equal((await cloud.store.open('')).length, 0)
  accepted(await ask(cloud, { operation: 'resume', job: 'nightly' }))
  for (const [body, words] of [
    [{ ...backfill(1, 2), concurrency: 0 }, /concurrency/],
    [{ ...backfill(1, 2), slices: [] }, /1 to 20/],
    [backfill(1, 21), /1 to 20/],
    [{ ...backfill(1, 1), slices: [{ start: day(2), end: day(1) }] }, /end is not after/],
    [{ ...backfill(1, 1), backfill: '../x' }, /letters, digits/],
  ] as const)
    assert.match(refused(await ask(cloud, body)).message, words)
})

test('the digest of the image that ran is in the attempt', options, async () => {
  const cloud = makeCloud()
  const { run } = accepted(await ask(cloud, request('a')))
  await dispatch(cloud.deps, {})
  const [task] = cloud.ecs.tasks.values()
  assert.ok(task && run)
  const event = taskEvent(task, stopOf(0)) as { detail: { containers: Record<string, unknown>[] } }
  must(event.detail.containers.find(each => each.name === 'runner')).imageDigest = `sha256:${'a'.repeat(64)}`
  await finish(cloud.deps, event)
  assert.equal((await cloud.run(run.id)).attempts[0]?.imageDigest, `sha256:${'a'.repeat(64)}`)
})

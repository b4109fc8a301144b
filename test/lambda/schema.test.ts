/**
 * Everything stored says which form it has, and what the forms before left behind is read and brought to its end. The
 * fixture of a version is recorded once (UPDATE_FIXTURES=1, only while it is absent) and never changed.
 */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { parsePlan } from '../../container/runner/plan.ts'
import { operate } from '../../lambda/api/operate.ts'
import { launch } from '../../lambda/common/launch.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import { isReadable, KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import { parseRecord } from '../../shared/parse-record.ts'
import { parseResume } from '../../shared/resume.ts'
import { NO_NODES } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { hashText } from '../fakes/hash.ts'
import { at, configOf, jobOf, NOW } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const config = configOf([
  jobOf({ retry: { attempts: 2, on: ['infrastructure'] }, notify: [{ channel: 'slack', target: '#data', on: ['success'] }] }),
  jobOf({ name: 'hourly', schedules: [], overlap: 'queue' }),
  jobOf({ name: 'summary', schedules: [], afterAll: { jobs: ['shop/nightly', 'shop/hourly'], status: ['success'] } } as never),
])
const fixture = (version: number) => join(import.meta.dirname, `../fixtures/schema-${version}.json`)

interface Stored {
  items: Record<string, unknown>[]
  objects: Record<string, string>
}

const ask = (cloud: FakeCloud, body: object) =>
  operate(cloud.deps, {
    requestContext: { authorizer: { iam: { userArn: 'arn:aws:iam::111122223333:user/ana' } } },
    body: JSON.stringify(body),
  })
const taskOf = (cloud: FakeCloud, startedBy: string) =>
  [...cloud.ecs.tasks.values()].find(task => task.startedBy === startedBy) ?? assert.fail(`no task ${startedBy}`)
const commit = { sha: '4f2c1ab'.padEnd(40, '0'), author: 'Ana', subject: 'rename', committedAt: '2026-11-21T20:00:00.000Z' }

/** A run that was lost once and went on to its end, one that waits, and one whose task goes on. */
async function live(): Promise<{ cloud: FakeCloud; open: string; waiting: string }> {
  const cloud = makeCloud(config)
  const { run } = await launch(cloud.deps, { kind: 'schedule', job: 'shop/nightly', schedule: 'default', scheduledFor: NOW })
  await dispatch(cloud.deps, {})
  const record = await cloud.run(run)
  const step = { index: 2, name: 'build', kind: 'dbt', command: 'dbt build', status: 'running', selected: 2 }
  const progress = {
    type: 'progress',
    schemaVersion: SCHEMA_VERSION,
    run,
    attempt: 1,
    part: 1,
    at: NOW,
    steps: [step],
    commit,
    nodes: { done: 1, total: 2, running: [] },
  }
  const node = { type: 'node', step: 2, uniqueId: 'model.shop.a', name: 'a', resourceType: 'model', status: 'success' }
  cloud.put(KEY.part(KEY.attempt(record, 1), 1), gzipSync([progress, node].map(line => `${JSON.stringify(line)}\n`).join('')))
  await finish(cloud.deps, taskEvent(taskOf(cloud, `${run}/1`), stopOf(1, { stopCode: 'InfrastructureHealth' })))
  cloud.advance(600)
  await dispatch(cloud.deps, {})
  leaveResult(cloud, record, 2)
  await finish(cloud.deps, taskEvent(taskOf(cloud, `${run}/2`), stopOf(0)))
  const started = await ask(cloud, { operation: 'run', job: 'hourly', idempotencyKey: 'a' })
  const queued = await ask(cloud, { operation: 'run', job: 'hourly', idempotencyKey: 'b', overrides: { vars: { day: 1 } } })
  await dispatch(cloud.deps, {})
  const ids = [started, queued].map(answer => (answer.ok && answer.run?.id) || assert.fail(answer.message))
  await finish(cloud.deps, taskEvent(taskOf(cloud, `${ids[0]}/1`), { lastStatus: 'RUNNING', startedAt: NOW }))
  await ask(cloud, { operation: 'pause', job: 'summary' })
  await sweep(cloud.deps)
  await cloud.store.lease.acquire('x', NOW, at(-60))
  return { cloud, open: ids[0] ?? '', waiting: ids[1] ?? '' }
}

function leaveResult(cloud: FakeCloud, record: Parameters<typeof KEY.attempt>[0], attempt: number): void {
  const prefix = KEY.attempt(record, attempt)
  const steps = [
    {
      index: 2,
      name: 'build',
      kind: 'dbt',
      command: 'dbt build',
      status: 'success',
      artifacts: ['manifest.json', 'run_results.json'],
    },
  ]
  cloud.put(KEY.result(prefix), {
    ...{
      schemaVersion: SCHEMA_VERSION,
      run: record.id,
      attempt,
      outcome: 'success',
      commit,
      steps,
      counts: { ...NO_NODES, success: 2 },
    },
    ...{ failures: [], startedAt: NOW, endedAt: NOW, artifactsIncomplete: false, docsUploaded: true, parts: 1 },
  })
  for (const name of ['manifest.json', 'run_results.json']) cloud.put(`${KEY.step(prefix, 2, 'build')}${name}`, { dbt: 'own' })
  cloud.put(`${KEY.docs(record.project, record.environment, record.id, attempt)}index.html`, '<html>')
}

/** First part of the key, and what says the kind of object below it. */
const shapeOf = (key: string) =>
  `${key.split('/')[0]}${key.includes('-done-') ? '-done' : (/\/(?:run|result|current)(?=\.json$)/.exec(key)?.[0] ?? '')}`

/** dbt's own files have dbt's versions. */
const OURS = /^(config|plans)\/|\/(run|result|current)\.json$/

test('every item of the table and every object of ours says its version', options, async () => {
  const { cloud } = await live()
  const kinds = new Set<string>()
  for (const [pk, item] of cloud.store.table.items) {
    kinds.add(pk.split('#')[0] ?? '')
    assert.equal(item.schemaVersion, SCHEMA_VERSION, pk)
  }
  assert.deepEqual([...kinds].sort(), ['AUDIT', 'CAUSE', 'DEPLOYMENT', 'ENV', 'FANIN', 'JOB', 'LEASE', 'MSG', 'RUN', 'SWEEP'])
  const ours = [...cloud.objects.keys()].filter(key => OURS.test(key))
  const shapes = new Set(ours.map(shapeOf))
  assert.deepEqual([...shapes].sort(), [
    'config',
    'docs/current',
    'plans',
    'plans-done',
    'runs/result',
    'runs/run',
    'state/current',
  ])
  for (const key of ours) assert.equal((cloud.json(key) as { schemaVersion: number }).schemaVersion, SCHEMA_VERSION, key)
})

const pack = (value: unknown) =>
  JSON.parse(JSON.stringify(value, (_, each) => (each instanceof Set ? { $set: [...each] } : each)))
const unpack = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, each) =>
    each && typeof each === 'object' && Array.isArray(each.$set) ? new Set(each.$set) : each,
  )

function readFixture(version: number): Stored {
  return JSON.parse(readFileSync(fixture(version), 'utf8'))
}

if (process.env.UPDATE_FIXTURES && !existsSync(fixture(SCHEMA_VERSION))) {
  const { cloud } = await live()
  const objects = [...cloud.objects].map(([key, { body }]) => [key, Buffer.from(body).toString('base64')])
  const stored = { items: [...cloud.store.table.items.values()].map(pack), objects: Object.fromEntries(objects) }
  writeFileSync(fixture(SCHEMA_VERSION), `${JSON.stringify(stored, null, 1)}\n`)
}

for (const version of [SCHEMA_VERSION, SCHEMA_VERSION - 1].filter(each => each > 0))
  test(`fault 47: what version ${version} has stored is read, and its open runs come to their end`, options, async () => {
    assert.ok(isReadable(version))
    const { items, objects } = readFixture(version)
    const cloud = makeCloud(config)
    for (const item of items) cloud.store.table.plant(unpack(item) as Record<string, unknown>)
    for (const [key, body] of Object.entries(objects)) cloud.put(key, new Uint8Array(Buffer.from(body, 'base64')))
    for (const item of items.filter(each => String(each.pk).startsWith('RUN#')))
      assert.ok(parseRecord(unpack(item)), String(item.pk))
    for (const [key, body] of Object.entries(objects).filter(([name]) => name.startsWith('plans/'))) {
      const bytes = Buffer.from(body, 'base64')
      if (key.includes('-done-')) assert.ok(parseResume(bytes.toString(), key.split('/')[3] ?? ''))
      else assert.ok(parsePlan(bytes, hashText(bytes.toString())))
    }
    const runs = items.filter(each => String(each.pk).startsWith('RUN#')).map(each => String(each.id))
    const open = await openRuns(cloud, runs)
    assert.deepEqual(open.map(run => run.status).sort(), ['queued', 'running'])
    const running = open.find(run => run.status === 'running') ?? assert.fail()
    leaveResult(cloud, running, 1)
    const [attempt] = running.attempts
    const task = { ...JSON.parse(attempt?.runTaskInput ?? '{}'), taskArn: attempt?.taskArn, containers: [] }
    await finish(cloud.deps, taskEvent(task, stopOf(0)))
    await dispatch(cloud.deps, {})
    assert.deepEqual(
      (await openRuns(cloud, runs)).map(run => run.status),
      ['starting'],
    )
    assert.deepEqual([(await cloud.run(running.id)).status, (await cloud.run(running.id)).effects], ['success', undefined])
    const { deployments, sweep: memory } = cloud.store
    assert.equal((await deployments(10)).length, 1)
    assert.ok((await memory.read())?.checkedUntil)
    assert.equal((await cloud.store.job('shop/summary')).paused?.actor, 'arn:aws:iam::111122223333:user/ana')
  })

const openRuns = async (cloud: FakeCloud, ids: string[]) =>
  (await cloud.store.runs(ids)).filter(run => run.status === 'queued' || run.status === 'starting' || run.status === 'running')

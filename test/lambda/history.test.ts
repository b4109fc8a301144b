import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { parquetReadObjects } from 'hyparquet'
import { runEffects } from '../../lambda/common/effects.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { dayOfRun, KEY } from '../../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryTable, type RunNodes } from '../../shared/history-index.ts'
import { LIMIT, type NodeResult, type RunRecord } from '../../shared/run.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { at, attemptOf, runOf } from '../fakes/records.ts'
import { ID, report, result, started, startNext, steps } from './finisher-fixture.ts'

const options = { timeout: 10_000 }
const node = (name: string, over: Partial<NodeResult> = {}): NodeResult => ({
  uniqueId: `model.shop.${name}`,
  name,
  resourceType: 'model',
  status: 'success',
  ...over,
})
function leavePart(cloud: FakeCloud, attempt: number, lines: readonly (object | string)[], number = 1): void {
  const rows = lines.map(line => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('')
  cloud.put(KEY.part(KEY.attempt(runOf(1), attempt), number), new Uint8Array(gzipSync(rows)))
}
const line = (each: NodeResult) => ({ type: 'node', step: 2, ...each })
const keyOf = (table: HistoryTable, id = ID) => HISTORY_KEY.run(table, dayOfRun(id), id)
async function rowsOf(cloud: FakeCloud, table: HistoryTable, id = ID): Promise<Record<string, unknown>[]> {
  const body = cloud.objects.get(keyOf(table, id))?.body
  assert.ok(body, `${table} of ${id} is not there`)
  return parquetReadObjects({ file: new Uint8Array(body).buffer })
}
/** The deps of the finisher with a compactor to call. */
function withCompactor(cloud: FakeCloud) {
  const calls: object[] = []
  return { calls, deps: { ...cloud.deps, compact: async (payload: object) => void calls.push(payload) } }
}
const nodesOf = (cloud: FakeCloud) =>
  JSON.parse(gunzipSync(cloud.objects.get(KEY.nodes(runOf(1)))?.body ?? new Uint8Array()).toString()) as RunNodes

test('the end of a run leaves a file of each table, the results of its nodes, and calls the compactor', options, async () => {
  const { cloud, task } = await started()
  leavePart(cloud, 1, [line(node('orders', { startedAt: at(5) })), { type: 'log', at: at(5), step: 2, text: 'OK' }])
  leavePart(
    cloud,
    1,
    [line({ ...node('x', { failures: 2, status: 'fail' }), uniqueId: 'test.shop.x.1', resourceType: 'test' })],
    2,
  )
  const fresh = { index: 1, name: 'freshness', kind: 'freshness', command: 'dbt source freshness', status: 'success' } as const
  const prefix = KEY.step(KEY.attempt(runOf(1), 1), 1, 'freshness')
  cloud.put(`${prefix}sources.json`, { results: [{ unique_id: 'source.shop.raw.orders', status: 'pass' }] })
  report(cloud, result({ steps: [...steps, { ...fresh, artifacts: ['sources.json'] }] }))
  const { deps, calls } = withCompactor(cloud)
  await finish(deps, taskEvent(task, stopOf(0)))
  assert.deepEqual(
    (await rowsOf(cloud, 'runs')).map(row => [row.run_id, row.status]),
    [[ID, 'success']],
  )
  assert.deepEqual(
    (await rowsOf(cloud, 'steps')).map(row => row.name),
    ['checkout', 'build', 'freshness'],
  )
  assert.deepEqual(
    (await rowsOf(cloud, 'nodes')).map(row => [row.name, row.started_at]),
    [['orders', new Date(at(5))]],
  )
  assert.deepEqual(
    (await rowsOf(cloud, 'tests')).map(row => [row.name, row.status, row.failures]),
    [['x', 'fail', 2n]],
  )
  assert.deepEqual(
    (await rowsOf(cloud, 'sources')).map(row => row.name),
    ['orders'],
  )
  assert.deepEqual(
    (await rowsOf(cloud, 'costs')).map(row => row.item),
    ['task', 'machinery'],
  )
  assert.deepEqual(
    nodesOf(cloud).nodes.map(each => [each.name, each.step, each.attempt]),
    [
      ['orders', 2, 1],
      ['x', 2, 1],
    ],
  )
  assert.deepEqual(calls, [{ day: dayOfRun(ID), runs: [ID] }])
})

test('results of all attempts come together, and a run that is opened again writes the same files anew', options, async () => {
  const { cloud, task } = await started({ retry: { attempts: 2, on: ['infrastructure'] } })
  leavePart(cloud, 1, [line(node('a')), line(node('b', { status: 'error' }))])
  await finish(cloud.deps, taskEvent(task, stopOf(137, { stopCode: 'SpotInterruption' })))
  cloud.advance(60)
  const second = await startNext(cloud)
  leavePart(cloud, 2, [line(node('b')), line(node('c'))])
  report(cloud, result({ attempt: 2 }))
  await finish(cloud.deps, taskEvent(second, stopOf(0)))
  const before = [...cloud.objects.keys()]
  const seen = () => nodesOf(cloud).nodes.map(each => [each.name, each.attempt, each.earlierFailures ?? 0])
  assert.deepEqual(seen(), [
    ['a', 1, 0],
    ['b', 2, 1],
    ['c', 2, 0],
  ])
  leavePart(cloud, 2, [line(node('d'))], 2)
  await runEffects(cloud.deps, { ...(await cloud.run(ID)), effects: ['history'] })
  assert.deepEqual(
    seen().map(([name]) => name),
    ['a', 'b', 'c', 'd'],
  )
  assert.deepEqual([...cloud.objects.keys()].length, before.length + 1)
})

test('fault 37: history that could not be written whole is written again, and is told of only then', options, async () => {
  for (let writes = 0; writes <= HISTORY_TABLES.length + 1; writes++) {
    const { cloud } = await started()
    const run = await ended(cloud)
    const { deps, calls } = withCompactor(cloud)
    cloud.crashAfter(writes)
    await runEffects(deps, run).catch(() => [])
    cloud.crashAfter(undefined)
    assert.deepEqual((await cloud.run(run.id)).effects, ['history'])
    assert.equal(calls.length, 0, `after ${writes} writes`)
    await runEffects(deps, run)
    assert.equal((await cloud.run(run.id)).effects, undefined)
    for (const table of HISTORY_TABLES) await rowsOf(cloud, table, run.id)
    assert.equal(calls.length, 1)
  }
})

test('what a container wrote harms nothing: broken parts, hostile names, texts without end', options, async () => {
  const { cloud } = await started()
  const run = await ended(cloud)
  const nasty = ['\ud800', 'a\0b', '‮gro.', "'; drop table runs; --", '<script>', 'é😀', 'n'.repeat(1e6)]
  const lines = nasty.map((name, n) => line(node(name, { uniqueId: `model.shop.${n}`, message: name, rowsAffected: 0.5 })))
  const odd = [
    { type: 'node' },
    { type: 'node', uniqueId: 1, status: 'success' },
    '{',
    'null',
    { type: 'node', ...node('x'), status: 'y' },
  ]
  leavePart(cloud, 1, [...lines, ...odd])
  cloud.put(KEY.part(KEY.attempt(run, 1), 2), new Uint8Array([0x1f, 0x8b, 1, 2, 3]))
  cloud.put(KEY.part(KEY.attempt(run, 1), 3), new Uint8Array(gzipSync(Buffer.alloc(64 * 1024 * 1024))))
  assert.deepEqual(await runEffects(cloud.deps, run), [])
  const rows = await rowsOf(cloud, 'nodes', run.id)
  assert.deepEqual(
    rows.map(row => row.name),
    nasty.map(name => name.replace('\ud800', '\ufffd').slice(0, 512)),
  )
  assert.ok(rows.every(row => String(row.message).length <= LIMIT.nodeMessage))
})

test('a run that never had a container has its row', options, async () => {
  const { cloud } = await started()
  const skipped: RunRecord = runOf(7, {
    status: 'skipped',
    reason: 'expired',
    endedAt: at(9),
    attempts: [],
    config: cloud.config,
    effects: ['history'],
  })
  cloud.store.plant(skipped)
  assert.deepEqual(await runEffects(cloud.deps, skipped), [])
  assert.deepEqual(
    (await rowsOf(cloud, 'runs', skipped.id)).map(row => [row.status, row.reason, row.usd]),
    [['skipped', 'expired', null]],
  )
  for (const table of HISTORY_TABLES.filter(each => each !== 'runs')) assert.deepEqual(await rowsOf(cloud, table, skipped.id), [])
})

async function ended(cloud: FakeCloud): Promise<RunRecord> {
  const attempts = [
    attemptOf(1, { taskArn: 'arn:aws:ecs:eu-central-1:000000000000:task/tidemill/1', startedAt: at(1), stoppedAt: at(60) }),
  ]
  const run = runOf(1, {
    status: 'success',
    startedAt: at(1),
    endedAt: at(61),
    attempts,
    config: cloud.config,
    effects: ['history'],
  })
  cloud.store.plant(run)
  return run
}

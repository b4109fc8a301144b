/** A step that compares with the published state goes on after a kill with the state that it began with. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { killAll, ledgerOf, nextPlan, SLEEP, succeeded } from './resume-fixture.ts'
import { makePlan, readParts, startRunner, step } from './runner.ts'

const SOURCES = `
sources:
  - name: raw
    schema: main
    config: { loaded_at_field: loaded_at, freshness: { warn_after: { count: 1000, period: day } } }
    tables: [{ name: events }]
`

function publish(bucket: Bucket, run: string, from: Record<string, string>): void {
  for (const [name, prefix] of Object.entries(from)) {
    const found = bucket.objects.get(prefix + name)
    assert.ok(found, prefix + name)
    bucket.objects.set(KEY.stateRun('shop', 'prod', run) + name, found)
  }
  const pointer = { schemaVersion: SCHEMA_VERSION, run, job: 'nightly', commit: null, resolvedAt: '2026-11-22T00:00:00Z' }
  bucket.put(KEY.statePointer('shop', 'prod'), JSON.stringify({ ...pointer, files: Object.keys(from) }))
}

test('fault 24: a killed step that compares with the published state, which another run has replaced since', {
  timeout: 180_000,
}, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const events = "{{ config(materialized='table') }} select 1 as id, now()::timestamp as loaded_at"
  const files = { ...SHOP, 'models/apart.sql': 'select 7 as seven', 'models/events.sql': events, 'models/sources.yml': SOURCES }
  const repository = makeRepository(folder, {
    ...files,
    'models/of_events.sql': `select *, (${SLEEP}) as n from {{ source('raw', 'events') }}`,
  })
  const plan = makePlan(repository, folder)
  plan.state = { prefix: KEY.state('shop', 'prod'), pointer: KEY.statePointer('shop', 'prod') }
  plan.steps = [
    step(0, 'checkout'),
    step(1, 'dbt', ['run', '--exclude', 'of_events']),
    step(2, 'freshness'),
    step(3, 'dbt', ['build']),
  ]
  const good = await startRunner(bucket, plan, folder).end
  assert.equal(good.result?.outcome, 'success', good.output)
  const of = (index: number, name: string) => KEY.step(plan.prefixes.attempt, index, name)
  const state = { 'manifest.json': of(3, 'build'), 'run_results.json': of(3, 'build'), 'sources.json': of(2, 'freshness') }
  publish(bucket, '20261122T000000-00000000000b', state)
  for (const key of bucket.keys('runs/')) bucket.objects.delete(key)

  repository.commit(
    {
      'models/orders.sql': `select 2 as id, 20 as amount, (${SLEEP}) as n`,
      'models/totals.sql': `select sum(amount) as total, (${SLEEP}) as n from {{ ref('orders') }}`,
    },
    'two models',
  )
  const args = ['build', '--select', 'state:modified+', 'source_status:fresher+', '--defer', '--threads', '1']
  plan.steps = [step(0, 'checkout'), step(1, 'freshness'), step(2, 'dbt', args)]
  const first = startRunner(bucket, plan, folder)
  t.after(() => first.child.kill('SIGKILL'))
  await first.said('START sql table model main.totals ')
  killAll(first.child.pid ?? 0)
  await first.end
  rmSync(join(folder, 'work'), { recursive: true, force: true })
  const ledger = ledgerOf(bucket, plan)
  assert.equal(ledger.steps.find(each => each.name === 'build')?.comparedWith, '20261122T000000-00000000000b')
  const before = succeeded(readParts(bucket, plan))

  // Another run of the environment is done with the same commit: compared with it nothing is modified, and no source is fresher.
  plan.run = { ...plan.run, id: '20261122T020000-00000000000c' }
  const prefixes = { ...plan.prefixes, attempt: KEY.attempt(plan.run, 1) }
  const other = await startRunner(
    bucket,
    { ...plan, prefixes, steps: [step(0, 'checkout'), step(1, 'freshness'), step(2, 'dbt', ['parse'])] },
    folder,
  ).end
  assert.equal(other.result?.outcome, 'success', other.output)
  plan.run = { ...plan.run, id: '20261122T010000-00000000000a' }
  publish(bucket, '20261122T020000-00000000000c', {
    'manifest.json': KEY.step(prefixes.attempt, 2, 'parse'),
    'sources.json': KEY.step(prefixes.attempt, 1, 'freshness'),
  })

  const next = nextPlan(bucket, plan, [ledger])
  const end = await startRunner(bucket, next.plan, folder).end
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.match(end.output, /compared with run 20261122T000000-00000000000b/)
  const nodes = [...new Set([...before, ...succeeded(end.lines)])].filter(id => !id.startsWith('operation.')).sort()
  assert.deepEqual(nodes, [
    'model.shop.of_events',
    'model.shop.orders',
    'model.shop.totals',
    'test.shop.unique_orders_id.1360ecc70e',
  ])
  assert.ok(!succeeded(end.lines).some(id => before.includes(id)), 'nothing twice')
  assert.equal(end.result?.steps[1]?.attempt, 1, 'the freshness check was not made again')

  // What the first attempt compared with is gone: nothing is guessed.
  for (const key of bucket.keys(KEY.stateRun('shop', 'prod', '20261122T000000-00000000000b'))) bucket.objects.delete(key)
  const gone = await startRunner(bucket, next.plan, folder).end
  assert.equal(gone.result?.reason, 'command_refused', gone.output)
  assert.match(gone.result?.message ?? '', /state of run 20261122T000000-00000000000b, which is not in the bucket any more/)
})

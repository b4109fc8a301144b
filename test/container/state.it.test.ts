import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, type RunnerEnd, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 150_000 }

const SOURCES = `
sources:
  - name: raw
    schema: main
    config: { loaded_at_field: loaded_at, freshness: { warn_after: { count: 1000, period: day } } }
    tables: [{ name: events }]
`

async function setUp(t: { after(fn: () => void): void }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const repository = makeRepository(folder, {
    ...SHOP,
    'models/apart.sql': 'select 7 as seven',
    'models/events.sql': "{{ config(materialized='table') }} select 1 as id, now()::timestamp as loaded_at",
  })
  const plan = makePlan(repository, folder)
  plan.state = { prefix: KEY.state('shop', 'prod'), pointer: KEY.statePointer('shop', 'prod') }
  return { folder, bucket, repository, plan }
}

/** What the Lambdas do after a good run of the publishing job. */
function publish(bucket: Bucket, from: Record<string, string>): void {
  const run = '20261122T000000-00000000000b'
  for (const [name, prefix] of Object.entries(from)) {
    const found = bucket.objects.get(prefix + name)
    assert.ok(found, prefix + name)
    bucket.objects.set(KEY.stateRun('shop', 'prod', run) + name, found)
  }
  const pointer = { schemaVersion: SCHEMA_VERSION, run, job: 'nightly', commit: null, resolvedAt: '2026-11-22T00:00:00Z' }
  bucket.put(KEY.statePointer('shop', 'prod'), JSON.stringify({ ...pointer, files: Object.keys(from) }))
}

/** The next run has the same id. */
function forgetRuns(bucket: Bucket): void {
  for (const key of bucket.keys('runs/')) bucket.objects.delete(key)
}

const built = ({ lines }: RunnerEnd) => lines.flatMap(line => (line.type === 'node' && line.step > 0 ? [line.name] : [])).sort()

test('state:modified+ builds what a commit changed, result: what had failed; --defer reads the rest', OPTIONS, async t => {
  const { folder, bucket, repository, plan } = await setUp(t)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build'])]
  const first = await startRunner(bucket, plan, folder).end
  assert.equal(first.result?.outcome, 'success', first.output)
  const prefix = KEY.step(plan.prefixes.attempt, 1, 'build')
  publish(bucket, { 'manifest.json': prefix, 'run_results.json': prefix })

  repository.commit({ 'models/totals.sql': "select sum(amount) + 1 as total from {{ ref('orders') }}" }, 'one model')
  forgetRuns(bucket)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build', '--select', 'state:modified+', '--defer', '--favor-state'])]
  const second = await startRunner(bucket, plan, folder).end
  assert.equal(second.result?.outcome, 'success', second.output)
  assert.deepEqual(built(second), ['totals'])
  assert.match(second.output, /compared with run 20261122T000000-00000000000b/)

  forgetRuns(bucket)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build', '--select', 'result:success,apart'])]
  const third = await startRunner(bucket, plan, folder).end
  assert.deepEqual(built(third), ['apart'], third.output)
})

test('source_status:fresher+ compares the freshness step with the published sources', OPTIONS, async t => {
  const { folder, bucket, repository, plan } = await setUp(t)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['run'])]
  await startRunner(bucket, plan, folder).end
  repository.commit(
    { 'models/sources.yml': SOURCES, 'models/of_events.sql': "select * from {{ source('raw', 'events') }}" },
    'source',
  )
  plan.steps = [step(0, 'checkout'), step(1, 'freshness'), step(2, 'dbt', ['build'])]
  const first = await startRunner(bucket, plan, folder).end
  assert.equal(first.result?.outcome, 'success', first.output)
  const of = (index: number, name: string) => KEY.step(plan.prefixes.attempt, index, name)
  publish(bucket, { 'manifest.json': of(2, 'build'), 'run_results.json': of(2, 'build'), 'sources.json': of(1, 'freshness') })
  forgetRuns(bucket)
  plan.steps = [step(0, 'checkout'), step(1, 'freshness'), step(2, 'dbt', ['build', '--select', 'source_status:fresher+'])]
  const second = await startRunner(bucket, plan, folder).end
  const nodes = second.lines.flatMap(line => (line.type === 'node' && line.step === 2 ? [line.name] : []))
  // The first run's build wrote `events` anew after its freshness check.
  assert.deepEqual(nodes, ['of_events'], second.output)
})

test('without a published state the step fails and says how one is made; other steps need none', OPTIONS, async t => {
  const { folder, bucket, plan } = await setUp(t)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['parse']), step(2, 'dbt', ['build', '--select', 'state:modified+'])]
  const end = await startRunner(bucket, plan, folder).end
  assert.equal(end.result?.reason, 'command_refused', end.output)
  assert.match(end.result?.message ?? '', /Environment prod has no published state yet.*publishes: \[state\]/)
  assert.deepEqual(
    end.result?.steps.map(each => each.status),
    ['success', 'success', 'error'],
  )
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV, KEY } from '../../shared/contract.ts'
import { startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 150_000 }

async function setUp(t: { after(fn: () => void): void }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const repository = makeRepository(folder, { ...SHOP, 'seeds/fees.csv': 'id,fee\n1,2\n' })
  return { folder, bucket, repository, plan: makePlan(repository, folder) }
}

test('static docs are one page that holds its artifacts; three files are published and nothing else', OPTIONS, async t => {
  const { folder, bucket, plan } = await setUp(t)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build']), step(2, 'docs', ['docs', 'generate', '--static'])]
  const end = await startRunner(bucket, plan, folder).end
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.equal(end.result?.docsUploaded, true)
  const { docs } = plan.prefixes
  assert.deepEqual(bucket.keys('docs/'), [`${docs}catalog.json`, `${docs}index.html`, `${docs}manifest.json`])
  const page = bucket.text(`${docs}index.html`)
  assert.match(page, /"model\.shop\.orders"/)
  assert.ok(page.includes('select 1 as id, 10 as amount'))
})

test('the second run parses only what changed, and its results are those of a run without a cache', OPTIONS, async t => {
  const { folder, bucket, repository, plan } = await setUp(t)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build'])]
  const log = () => bucket.text(`${KEY.step(plan.prefixes.attempt, 1, 'build')}log.txt`)
  const results = () => {
    const { results } = JSON.parse(bucket.text(`${KEY.step(plan.prefixes.attempt, 1, 'build')}run_results.json`))
    return results.map((each: { unique_id: string; status: string; compiled_code: string }) => [
      each.unique_id,
      each.status,
      each.compiled_code,
    ])
  }
  await startRunner(bucket, plan, folder).end
  assert.match(log(), /Unable to do partial parsing because saved manifest not found/)
  assert.equal(bucket.keys('cache/shop/prod/parse/').length, 1)
  repository.commit({ 'models/totals.sql': "select sum(amount) + 1 as total from {{ ref('orders') }}" }, 'one model')
  const warm = await startRunner(bucket, plan, folder).end
  assert.equal(warm.result?.outcome, 'success', warm.output)
  assert.match(log(), /0 files deleted, 0 files added, 1 files changed/)
  const withCache = results()
  const elsewhere = await startRunner(bucket, plan, folder, { [ENV.workDir]: join(folder, 'elsewhere') }).end
  assert.equal(elsewhere.result?.outcome, 'success', elsewhere.output)
  assert.match(log(), /saved manifest not found/)
  for (const key of bucket.keys('cache/')) bucket.objects.delete(key)
  await startRunner(bucket, plan, folder).end
  assert.match(log(), /saved manifest not found/)
  assert.deepEqual(results().sort(), withCache.sort())
})

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Plan } from '../../shared/plan.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, type RunnerEnd, startRunner, step } from './runner.ts'

let bucket: Bucket
before(async () => {
  bucket = await startBucket()
})
after(() => bucket.close())

const OPTIONS = { timeout: 90_000 }

/** One run of a project made of `files`, in a bucket and folder of its own. */
async function run(
  t: { after(fn: () => void): void },
  files: Files,
  changes: Partial<Plan> = {},
  env: Record<string, string> = {},
) {
  const folder = makeFolder(fn => t.after(fn))
  const repository = makeRepository(folder, files)
  bucket.objects.clear()
  const plan = makePlan(repository, folder, changes)
  const end = await startRunner(bucket, plan, folder, env).end
  return { ...end, plan, repository }
}
const stepsOf = ({ result }: RunnerEnd) => Object.fromEntries((result?.steps ?? []).map(step => [step.name, step.status]))
const nodesOf = ({ lines }: RunnerEnd) =>
  Object.fromEntries(lines.flatMap(line => (line.type === 'node' ? [[line.name, line.status]] : [])))
const logOf = ({ lines }: RunnerEnd) => lines.flatMap(line => (line.type === 'log' ? [line.text] : [])).join('\n')

test('a good run: result, parts, artifacts and docs', OPTIONS, async t => {
  const steps = [step(0, 'checkout'), step(1, 'deps'), step(2, 'dbt', ['build']), step(3, 'docs')]
  const end = await run(t, SHOP, { steps })
  const { result, plan, repository } = end
  assert.equal(end.code, 0, end.output)
  assert.equal(result?.outcome, 'success')
  assert.deepEqual(stepsOf(end), { checkout: 'success', deps: 'skipped', build: 'success', docs: 'success' })
  assert.deepEqual(nodesOf(end), { orders: 'success', unique_orders_id: 'success', totals: 'success' })
  assert.equal(result.counts.success, 3)
  assert.equal(result.commit?.sha, repository.git('rev-parse', 'HEAD'))
  assert.equal(result.commit?.author, 'A. Author')
  assert.equal(result.dbtVersion, '1.11.16')
  assert.ok((result.peakMemoryBytes ?? 0) > 50 * 1024 * 1024)
  assert.equal(result.artifactsIncomplete, false)
  assert.match(logOf(end), /OK created sql table model main\.orders/)
  assert.match(end.output, /OK created sql table model main\.orders/)

  const parts = bucket.keys(`${plan.prefixes.attempt}parts/`)
  assert.deepEqual(
    parts,
    Array.from({ length: result.parts }, (_, i) => `${plan.prefixes.attempt}parts/${String(i + 1).padStart(6, '0')}.ndjson.gz`),
  )
  const last = end.lines.filter(line => line.type === 'progress').at(-1)
  assert.deepEqual(
    last?.steps.map(s => s.status),
    ['success', 'skipped', 'success', 'success'],
  )

  const stored = (name: string) => bucket.objects.get(`${plan.prefixes.attempt}steps/${name}`)
  assert.deepEqual(result.steps[2]?.artifacts, ['manifest.json', 'run_results.json', 'log.txt'])
  for (const name of ['manifest.json', 'run_results.json', 'log.txt'])
    assert.equal(stored(`2-build/${name}`)?.contentEncoding, 'gzip')
  assert.equal(
    JSON.parse(bucket.text(`${plan.prefixes.attempt}steps/2-build/run_results.json`)).metadata.env.TIDEMILL,
    `${plan.run.id}/1/2`,
  )
  assert.match(bucket.text(`${plan.prefixes.attempt}steps/2-build/log.txt`), /create\s+table/)

  assert.equal(result.docsUploaded, true)
  assert.deepEqual(
    bucket.keys(plan.prefixes.docs).map(key => key.split('/').at(-1)),
    ['catalog.json', 'index.html', 'manifest.json'],
  )
  assert.equal(bucket.objects.get(`${plan.prefixes.docs}index.html`)?.contentType, 'text/html; charset=utf-8')
  const manifest = JSON.parse(bucket.text(`${plan.prefixes.docs}manifest.json`))
  assert.match(manifest.nodes['model.shop.totals'].compiled_code, /sum\(amount\)/)
  assert.ok(JSON.parse(bucket.text(`${plan.prefixes.docs}catalog.json`)).nodes['model.shop.totals'])
})

test('fault 19: a failing model, everything else is built, docs too', OPTIONS, async t => {
  const steps = [step(0, 'checkout'), step(1, 'dbt', ['build']), step(2, 'dbt', ['run-operation', 'never']), step(3, 'docs')]
  const files = {
    ...SHOP,
    'models/broken.sql': "select nope from {{ ref('orders') }}",
    'models/after.sql': "select * from {{ ref('broken') }}",
  }
  const end = await run(t, files, { steps })
  assert.equal(end.code, 1, end.output)
  assert.equal(end.result?.reason, 'node_failures')
  assert.match(end.result?.message ?? '', /^1 of 4 models failed\. broken: .*"nope" not found.*\(models\/broken\.sql\)/)
  assert.deepEqual(nodesOf(end), {
    orders: 'success',
    unique_orders_id: 'success',
    totals: 'success',
    broken: 'error',
    after: 'skipped',
  })
  assert.equal(end.result?.failures[0]?.path, 'models/broken.sql')
  assert.deepEqual(end.result?.counts, { success: 3, warn: 0, error: 1, fail: 0, skipped: 1, 'no-op': 0 })
  assert.deepEqual(stepsOf(end), { checkout: 'success', build: 'error', 'run-operation': 'skipped', docs: 'success' })
  assert.equal(end.result?.docsUploaded, true)
})

test('fault 20: a failing test', OPTIONS, async t => {
  const end = await run(t, { ...SHOP, 'models/orders.sql': 'select 1 as id, 10 as amount union all select 1, 20' })
  assert.equal(end.code, 1, end.output)
  assert.equal(end.result?.reason, 'test_failures')
  assert.equal(end.result?.failures[0]?.failures, 1)
  assert.equal(end.result?.failures[0]?.path, 'models/models.yml')
  assert.equal(nodesOf(end).totals, 'skipped')
})

test('fault 20: only a warning', OPTIONS, async t => {
  const tests =
    'models:\n  - name: orders\n    columns: [{ name: id, data_tests: [{ accepted_values: { arguments: { values: [2] }, config: { severity: warn } } }] }]\n'
  const end = await run(t, { ...SHOP, 'models/models.yml': tests })
  assert.equal(end.code, 0, end.output)
  assert.equal(end.result?.outcome, 'warn')
  assert.match(end.result?.message ?? '', /1 warning: accepted_values_orders_id__2/)
})

test('fault 20: a stale source, as configured', OPTIONS, async t => {
  const source = `
sources:
  - name: raw
    schema: main
    tables:
      - name: loads
        config: { loaded_at_field: loaded_at, freshness: { error_after: { count: 1, period: hour } } }
`
  const files = { ...SHOP, 'models/sources.yml': source, 'seeds/loads.csv': 'loaded_at\n2020-01-01 00:00:00\n' }
  const steps = [step(0, 'checkout'), step(1, 'dbt', ['seed']), step(2, 'freshness', [], false), step(3, 'dbt', ['run'])]
  const end = await run(t, files, { steps })
  assert.equal(end.result?.outcome, 'warn', end.output)
  assert.match(
    end.result?.message ?? '',
    /freshness: 1 source did not pass the freshness check\. raw\.loads: last loaded \d+ h ago/,
  )
  assert.equal(end.result?.steps[2]?.reason, 'freshness')
  assert.deepEqual(stepsOf(end), { checkout: 'success', seed: 'success', freshness: 'error', run: 'success' })
})

test('fault 18: the project does not parse; the results of the step before are not taken for its own', OPTIONS, async t => {
  const steps = [
    step(0, 'checkout'),
    step(1, 'dbt', ['run', '--select', 'orders']),
    step(2, 'dbt', ['test', '--vars', '{"broken": true}']),
  ]
  const broken = "{% if var('broken', false) %} select * from {{ ref('stg_ordrs') }} {% else %} select 1 as id {% endif %}"
  const end = await run(t, { ...SHOP, 'models/late.sql': broken }, { steps })
  assert.equal(end.code, 1, end.output)
  assert.equal(end.result?.reason, 'parse_error')
  assert.match(end.result?.message ?? '', /could not parse the project.*stg_ordrs/s)
  assert.deepEqual(stepsOf(end), { checkout: 'success', run: 'success', test: 'error' })
  assert.equal(end.result?.counts.success, 1)
})

const badProfiles: [name: string, changes: Partial<Plan>, message: RegExp][] = [
  [
    'target',
    { dbt: { engine: 'core-1.11', target: 'nope', profiles: 'shop: { target: prod, outputs: { prod: { type: duckdb } } }' } },
    /does not have a target named 'nope'/,
  ],
  ['variable', { variables: {} }, /Env var required but not provided: 'SHOP_DB'/],
  ['database', { variables: { SHOP_DB: '/dev/null/shop.duckdb' } }, /\/dev\/null\/shop\.duckdb/],
]
for (const [name, changes, message] of badProfiles)
  test(`fault 18: a profile with a wrong ${name}`, OPTIONS, async t => {
    const end = await run(t, SHOP, changes)
    assert.equal(end.code, 1, end.output)
    assert.equal(end.result?.reason, 'profile_error')
    assert.match(end.result?.message ?? '', message)
    assert.deepEqual(nodesOf(end), {})
  })

test('an option that dbt does not know', OPTIONS, async t => {
  const end = await run(t, SHOP, { steps: [step(0, 'checkout'), step(1, 'dbt', ['build', '--nope'])] })
  assert.equal(end.result?.reason, 'command_refused', end.output)
  assert.match(end.result?.message ?? '', /No such option '--nope'/)
})

test('fault 17: packages that cannot be had', OPTIONS, async t => {
  const end = await run(t, { ...SHOP, 'packages.yml': 'packages: [{ local: ../nowhere }]\n' })
  assert.equal(end.result?.reason, 'deps_failed', end.output)
  assert.deepEqual(stepsOf(end), { checkout: 'success', deps: 'error', build: 'skipped' })
})

test('fault 16: no such branch, folder or project: what was looked for and what there is', OPTIONS, async t => {
  const looks: [changes: Partial<Plan['repository']>, message: RegExp][] = [
    [{ branch: 'mian' }, /Branch "mian" does not exist in file:.*It has: main\./],
    [
      { folder: 'shop' },
      /No dbt_project\.yml because folder "shop" does not exist at commit [0-9a-f]{7}\. There is one in: dbt\/jaffle\. Set project\.folder/,
    ],
    [{ folder: 'dbt' }, /No dbt_project\.yml in folder "dbt"/],
    [{ commit: '0123456789012345678901234567890123456789' }, /Commit 0123456789\d+ is on no branch/],
    [{ url: 'file:///nowhere/at/all' }, /There is no git repository at file:\/\/\/nowhere\/at\/all/],
  ]
  const files = Object.fromEntries(Object.entries(SHOP).map(([path, text]) => [`dbt/jaffle/${path}`, text]))
  const folder = makeFolder(fn => t.after(fn))
  const repository = makeRepository(folder, files)
  for (const [changes, message] of looks) {
    bucket.objects.clear()
    const plan = makePlan(repository, folder)
    const end = await startRunner(bucket, { ...plan, repository: { ...plan.repository, ...changes } }, folder).end
    assert.equal(end.code, 1, end.output)
    assert.equal(end.result?.reason, 'source_not_found')
    assert.match(end.result?.message ?? '', message)
    assert.deepEqual(stepsOf(end), { checkout: 'error', deps: 'skipped', build: 'skipped' })
  }
})

test('fault 26: the bucket refuses for a while; everything is stored in the end', OPTIONS, async t => {
  let left = 4
  bucket.refuse((method, key) => method === 'PUT' && !key.startsWith('plans/') && left-- > 0)
  t.after(() => bucket.refuse(() => false))
  const end = await run(t, SHOP, { steps: [step(0, 'checkout')] })
  assert.ok(bucket.refused >= 4)
  assert.equal(end.code, 0, end.output)
  assert.equal(end.result?.artifactsIncomplete, false)
  assert.equal(bucket.keys(`${end.plan.prefixes.attempt}parts/`).length, end.result?.parts)
})

test('a plan that was changed after the dispatch is refused', OPTIONS, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const plan = makePlan(makeRepository(folder, SHOP), folder)
  bucket.objects.clear()
  const end = await startRunner(bucket, plan, folder, { TIDEMILL_PLAN_SHA256: '0'.repeat(64) }).end
  assert.equal(end.code, 3)
  assert.match(end.output, /changed after the run was dispatched/)
  assert.equal(end.result, undefined)
})

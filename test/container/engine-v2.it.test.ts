/** dbt 2.x, installed from its lock, under the runner: the same project, faults and words as with 1.x. */
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KEY } from '../../shared/contract.ts'
import type { NodeResult } from '../../shared/run.ts'
import { dbtVenv } from '../venv.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { DOTENV, type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { ledgerOf, nextPlan, succeeded } from './resume-fixture.ts'
import { makePlan, type RunnerEnd, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 120_000 }
const EXAMPLE = join(import.meta.dirname, '../../example')
const venv = await dbtVenv('oss-2.0', 'duckdb')
const ENV = { PATH: `${venv}/bin:${process.env.PATH}`, LD_LIBRARY_PATH: join(venv, 'lib') }
const DBT = { engine: 'oss-2.0', target: 'prod' }
const PROFILE = `
shop:
  target: prod
  outputs:
    prod: { type: duckdb, path: "{{ env_var('SHOP_DB') }}", schema: main, threads: 2 }
`
let bucket: Bucket
before(async () => {
  bucket = await startBucket()
})
after(() => bucket.close())

interface Case {
  files?: Files
  changes?: Partial<ReturnType<typeof makePlan>>
}

function setUp(t: { after(fn: () => void): void }, { files = SHOP, changes = {} }: Case) {
  const folder = makeFolder(fn => t.after(fn))
  bucket.objects.clear()
  const repository = makeRepository(folder, files)
  return { folder, repository, plan: makePlan(repository, folder, { dbt: { ...DBT, profiles: PROFILE }, ...changes }) }
}

async function run(t: { after(fn: () => void): void }, given: Case): Promise<RunnerEnd> {
  const { folder, plan } = setUp(t, given)
  return startRunner(bucket, plan, folder, ENV).end
}

const nodesOf = ({ lines }: RunnerEnd) =>
  Object.fromEntries(lines.flatMap(line => (line.type === 'node' ? [[line.name, line as NodeResult]] : [])))
const statusesOf = (end: RunnerEnd) =>
  Object.fromEntries(Object.entries(nodesOf(end)).map(([name, { status }]) => [name, status]))

test('the example project: seeds, models, snapshot, tests and unit test, each with its times and file', OPTIONS, async t => {
  const { folder, repository, plan } = setUp(t, {})
  cpSync(EXAMPLE, repository.dir, { recursive: true })
  repository.commit(DOTENV, 'the example')
  plan.dbt = DBT
  plan.variables = { WAREHOUSE_PATH: join(folder, 'harbour.duckdb') }
  plan.steps = [
    step(0, 'checkout'),
    step(1, 'deps'),
    step(2, 'dbt', ['build']),
    step(3, 'dbt', ['run-operation', 'export_route_months']),
  ]
  const end = await startRunner(bucket, plan, folder, ENV).end
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.match(end.result?.dbtVersion ?? '', /^2\.0\.0/)
  assert.deepEqual([end.result?.counts.success, end.result?.counts.error], [28, 0])
  const nodes = nodesOf(end)
  assert.equal(nodes.dim_routes?.path, 'models/marts/dim_routes.sql')
  assert.deepEqual([nodes.dim_routes?.resourceType, nodes.dim_routes?.materialized], ['model', 'table'])
  assert.ok((nodes.fct_bookings?.executionSeconds ?? 0) > 0 && nodes.fct_bookings?.startedAt && nodes.fct_bookings.endedAt)
  for (const name of ['routes', 'vessels_history', 'every_booking_has_a_fare', 'amount_of_a_booking'])
    assert.ok(
      Object.values(nodes).some(node => node.uniqueId.includes(name) && node.status === 'success'),
      name,
    )
  const of = (id: RegExp) => Object.values(nodes).find(node => id.test(node.uniqueId))?.testedNode
  assert.match(of(/not_negative_stg_fares_price/) ?? '', /^model\.\w+\.stg_fares$/)
  assert.equal(of(/every_booking_has_a_fare/), undefined, 'a query of its own')
  assert.deepEqual(
    bucket.keys(KEY.step(plan.prefixes.attempt, 2, 'build')).map(key => key.split('/').at(-1)),
    ['log.txt', 'manifest.json', 'run_results.json'],
  )
})

test(
  'fault 19: a failing model with the words of the database, what depends on it skipped, a failing and a warning test',
  OPTIONS,
  async t => {
    const files = {
      ...SHOP,
      'models/broken.sql': "select cast('forty' as integer) as n",
      'models/after_broken.sql': "select * from {{ ref('broken') }}",
      'tests/finds_rows.sql': "select * from {{ ref('totals') }}",
      'tests/warns.sql': "{{ config(severity='warn') }} select * from {{ ref('totals') }}",
    }
    const end = await run(t, { files })
    assert.deepEqual([end.code, end.result?.reason], [1, 'node_failures'], end.output)
    assert.match(
      end.result?.message ?? '',
      /^1 of 4 models and 1 of 3 tests failed\. broken: .*Could not convert string 'forty' to INT32.*\(models\/broken\.sql\)/,
    )
    const statuses = statusesOf(end)
    assert.deepEqual(
      [statuses.broken, statuses.after_broken, statuses.totals, statuses.finds_rows, statuses.warns],
      ['error', 'skipped', 'success', 'fail', 'warn'],
    )
    assert.equal(nodesOf(end).finds_rows?.failures, 1)
    assert.match(nodesOf(end).broken?.message ?? '', /Could not convert/)
  },
)

test('fault 20: only a test fails; only a warning', OPTIONS, async t => {
  const failing = await run(t, { files: { ...SHOP, 'tests/finds_rows.sql': "select * from {{ ref('totals') }}" } })
  assert.equal(failing.result?.reason, 'test_failures', failing.output)
  assert.match(failing.result?.message ?? '', /1 of 2 tests failed\. finds_rows: 1 row/)
  const warns = { ...SHOP, 'tests/warns.sql': "{{ config(severity='warn') }} select * from {{ ref('totals') }}" }
  const warned = await run(t, { files: warns })
  assert.deepEqual([warned.code, warned.result?.outcome], [0, 'warn'], warned.output)
})

const bad: [name: string, given: Case, reason: string, message: RegExp][] = [
  [
    'a model that does not parse',
    { files: { ...SHOP, 'models/lost.sql': "select * from {{ ref('stg_ordrs') }}" } },
    'parse_error',
    /Ref 'stg_ordrs' not found.*models\/lost\.sql:1/s,
  ],
  ['a broken dbt_project.yml', { files: { ...SHOP, 'dbt_project.yml': 'name: [' } }, 'parse_error', /dbt_project\.yml/],
  [
    'a wrong target',
    { changes: { dbt: { ...DBT, target: 'nope', profiles: PROFILE } } },
    'profile_error',
    /target 'nope' not found/,
  ],
  ['a variable that is missing', { changes: { variables: {} } }, 'profile_error', /'SHOP_DB' not found/],
  [
    'a database that cannot be opened',
    { changes: { variables: { SHOP_DB: '/dev/null/shop.duckdb' } } },
    'profile_error',
    /Cannot open file/,
  ],
  [
    'a variable with a name that dbt keeps to itself',
    { changes: { variables: { SHOP_DB: '/tmp/none.duckdb', DBT_ENGINE_NOPE: '1' } } },
    'profile_error',
    /DBT_ENGINE_NOPE/,
  ],
  [
    'an option that dbt does not know',
    { changes: { steps: [step(0, 'checkout'), step(1, 'dbt', ['build', '--nope'])] } },
    'command_refused',
    /unexpected argument '--nope'/,
  ],
]
for (const [name, given, reason, message] of bad)
  test(`fault 18: ${name}`, OPTIONS, async t => {
    const end = await run(t, given)
    assert.deepEqual([end.code, end.result?.reason], [1, reason], end.output)
    assert.match(end.result?.message ?? '', message)
    assert.doesNotMatch(end.output, /<unknown>/)
    assert.deepEqual(Object.keys(nodesOf(end)), [])
  })

test('freshness and docs, which this release does not have, are told as warnings; the build counts', OPTIONS, async t => {
  const steps = [
    step(0, 'checkout'),
    step(1, 'freshness', [], false),
    step(2, 'dbt', ['build']),
    step(3, 'docs', ['docs', 'generate'], false),
  ]
  const end = await run(t, { changes: { steps } })
  assert.deepEqual([end.code, end.result?.outcome], [0, 'warn'], end.output)
  assert.deepEqual(
    end.result?.steps.map(each => each.status),
    ['success', 'error', 'success', 'warn'],
  )
  assert.match(
    end.result?.message ?? '',
    /This dbt does not do `dbt source freshness`: .*Unhandled command.*There are no docs of this run: .*not supported/s,
  )
  assert.equal(end.result?.docsUploaded, false)
})

test('docs as later releases lay them out, with an index that this one writes', OPTIONS, async t => {
  const { folder, plan } = setUp(t, {})
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  // `docs generate` of this release makes nothing; its `compile` has the index, and the page is what the documentation says.
  const page =
    'mkdir -p "$DBT_TARGET_PATH/assets"; echo "<html>" > "$DBT_TARGET_PATH/index.html"; echo 1 > "$DBT_TARGET_PATH/assets/app.js"'
  const docs = `shift 2; ${venv}/bin/dbt compile --write-index --write-catalog "$@" && ${page}`
  writeFileSync(join(bin, 'dbt'), `#!/bin/sh\nif [ "$1" = docs ]; then ${docs}; else exec ${venv}/bin/dbt "$@"; fi\n`, {
    mode: 0o755,
  })
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build']), step(2, 'docs', ['docs', 'generate'], false)]
  const end = await startRunner(bucket, plan, folder, { ...ENV, PATH: `${bin}:${process.env.PATH}` }).end
  assert.deepEqual([end.result?.outcome, end.result?.docsUploaded], ['success', true], end.output)
  const names = bucket.keys(plan.prefixes.docs).map(key => key.slice(plan.prefixes.docs.length))
  assert.ok(
    ['index.html', 'assets/app.js', 'index/dbt.nodes.parquet', 'catalog.json'].every(name => names.includes(name)),
    names.join(' '),
  )
  for (const name of names)
    assert.match(name, /^(index\.html|manifest\.json|catalog\.json|assets\/app\.js|index\/[\w.]+\.parquet)$/)
})

test('fault 22: SIGTERM, and the next attempt builds what was left', OPTIONS, async t => {
  const slow = 'select count(*) as n from range(300000) a, range(300000) b where (a.range * b.range) % 7 = 3'
  const { folder, repository, plan } = setUp(t, {
    files: { ...SHOP, 'models/slow.sql': `-- depends_on: {{ ref('totals') }}\n${slow}` },
  })
  plan.steps = [step(0, 'checkout'), step(1, 'deps'), step(2, 'dbt', ['build', '--full-refresh', '--vars', '{day: 7}'])]
  const first = startRunner(bucket, plan, folder, ENV)
  t.after(() => first.child.kill('SIGKILL'))
  await first.said('Started model main.slow')
  const asked = performance.now()
  first.child.kill('SIGTERM')
  const end = await first.end
  assert.ok(performance.now() - asked < 60_000, `took ${performance.now() - asked} ms`)
  assert.deepEqual([end.code, end.result?.reason], [143, 'user_cancelled'], end.output)
  assert.deepEqual(
    succeeded(end.lines)
      .map(id => id.split('.').at(2))
      .sort(),
    ['orders', 'totals', 'unique_orders_id'],
  )
  assert.ok(!bucket.keys('runs/').some(key => key.endsWith('run_results.json')), 'what dbt says of the step then is wrong')
  repository.commit({ 'models/slow.sql': 'select 1 as n' }, 'not seen by the resumed run')
  const next = nextPlan(bucket, plan, [ledgerOf(bucket, plan)])
  next.plan.repository = { ...next.plan.repository, commit: repository.git('rev-parse', 'HEAD') }
  const rest = await startRunner(bucket, next.plan, folder, ENV).end
  assert.equal(rest.result?.outcome, 'success', rest.output)
  assert.match(rest.output, /3 of 4 nodes were done by attempt 1, 1 are left/)
  assert.deepEqual(succeeded(rest.lines), ['model.shop.slow'])
})

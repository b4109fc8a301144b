/** What a killed attempt had half written is written once by the next: incremental models and snapshots, on DuckDB and PostgreSQL. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Plan } from '../../shared/plan.ts'
import { skipWithout } from '../need.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { startPostgres } from './postgres.ts'
import { type Files, makeCleanFolder, makeFolder, makeRepository, type Repository, SHOP } from './project.ts'
import { killAll, ledgerOf, nextPlan, query } from './resume-fixture.ts'
import { makePlan, runToLimit, startRunner, step, VENV } from './runner.ts'

const PASSWORD = 'password-of-the-test'

/** `slow` is part of the statement that writes. Without a unique key a row that is written twice is there twice. */
const project = (slow: string): Files => ({
  'dbt_project.yml': "name: shop\nversion: '1.0'\nprofile: shop\n",
  'seeds/numbers.csv': 'id,value\n1,a\n2,b\n',
  'models/added.sql': `
{{ config(materialized='incremental') }}
select id, value, (${slow}) as n from {{ ref('numbers') }}
{% if is_incremental() %} where id > (select max(id) from {{ this }}) {% endif %}`,
  'models/watched.sql': `select added.id, numbers.value, (${slow}) as n from {{ ref('added') }} as added join {{ ref('numbers') }} as numbers on numbers.id = added.id`,
  'snapshots/history.yml': `
snapshots:
  - name: history
    relation: ref('watched')
    config: { unique_key: id, strategy: check, check_cols: [value] }
`,
  'models/last.sql': "select count(*) as n from {{ ref('history') }}",
})
const CHANGED = 'id,value\n1,a\n2,changed\n3,c\n'

interface Place {
  folder: string
  bucket: Bucket
  repository: Repository
  plan: Plan
  env: Record<string, string>
  rows(sql: string): string[]
}

/** A good run; then, after a change of the data, one that is killed while it adds rows, and again in its snapshot. */
async function killTwice({ folder, bucket, repository, plan, env, rows }: Place): Promise<void> {
  const good = await startRunner(bucket, plan, folder, env).end
  assert.equal(good.result?.outcome, 'success', good.output)
  repository.commit({ 'seeds/numbers.csv': CHANGED }, 'data')
  for (const key of bucket.keys('runs/')) bucket.objects.delete(key)
  const ledgers = []
  let current = plan
  for (const words of ['START sql incremental model', 'START snapshot']) {
    const runner = startRunner(bucket, current, folder, env)
    await runner.said(words)
    await new Promise(resolve => setTimeout(resolve, Math.random() * 800))
    killAll(runner.child.pid ?? 0)
    await runner.end
    rmSync(join(folder, 'work'), { recursive: true, force: true })
    ledgers.push(ledgerOf(bucket, current))
    current = nextPlan(bucket, current, ledgers).plan
  }
  const end = await startRunner(bucket, current, folder, env).end
  assert.equal(end.result?.outcome, 'success', end.output)
  assert.deepEqual(rows('select id, count(*) from added group by id order by id'), ['1 1', '2 1', '3 1'])
  assert.deepEqual(
    rows('select id, value, dbt_valid_to is null from history order by id, dbt_valid_from, value'),
    ['1 a True', '2 b False', '2 changed True', '3 c True'],
    'each value once, one of each key valid',
  )
  assert.deepEqual(rows('select n from last'), ['4'])
}

async function setUp(t: { after(fn: () => void): void }, slow: string) {
  const { folder, later } = makeCleanFolder(fn => t.after(fn))
  const bucket = await startBucket()
  later(() => bucket.close())
  const repository = makeRepository(folder, project(slow))
  const plan = makePlan(repository, folder, { timeoutSeconds: 600, steps: [step(0, 'checkout'), step(1, 'dbt', ['build'])] })
  return { folder, bucket, repository, plan, later }
}

test('fault 24: DuckDB: an incremental model and a snapshot, killed while they write', { timeout: 240_000 }, async t => {
  const { later: _, ...place } = await setUp(t, 'select count(sleep_ms(2000))')
  const rows = (sql: string) => query(join(place.folder, 'shop.duckdb'), sql)
  await killTwice({ ...place, env: {}, rows })
})

test('fault 24: PostgreSQL: the same, while the server still works for the dbt that was killed', {
  skip: skipWithout('postgres'),
  timeout: 240_000,
}, async t => {
  const { later, ...place } = await setUp(t, 'select pg_sleep(2)::text')
  const postgres = await startPostgres(place.folder, PASSWORD)
  later(() => postgres.stop())
  place.plan.dbt.profiles = postgres.profiles('SHOP_PASSWORD', 'public')
  place.plan.secrets = ['SHOP_PASSWORD']
  await killTwice({ ...place, env: { SHOP_PASSWORD: PASSWORD }, rows: postgres.sql })
})

test('fault 25: after its time limit a run goes on with what is left, and has its time anew', { timeout: 300_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  // Minutes, unless somebody has delivered.
  const waits = `
{% if adapter.get_relation(database=this.database, schema=this.schema, identifier='delivered') %}
select total from {{ ref('totals') }}
{% else %}
select count(sleep_ms(600000)) as total from {{ ref('totals') }}
{% endif %}`
  const files = { ...SHOP, 'models/waits.sql': waits, 'models/after.sql': "select * from {{ ref('waits') }}" }
  const plan = makePlan(makeRepository(folder, files), folder, { steps: [step(0, 'checkout'), step(1, 'dbt', ['build'])] })
  const deliver = 'import duckdb, sys; duckdb.connect(sys.argv[1]).execute("create table delivered (id int)")'
  let left: number | undefined
  // A first attempt that its limit ends in the model, then one that does the rest within the same limit.
  const second = await runToLimit(
    plan,
    end => end.result?.outcome === 'success',
    async () => {
      for (const key of bucket.keys('runs/')) bucket.objects.delete(key)
      rmSync(join(folder, 'shop.duckdb'), { force: true })
      const first = await startRunner(bucket, plan, folder).end
      assert.equal(first.result?.reason, 'timeout', first.output)
      if (!first.result?.message?.includes('stopped while building waits: the time limit')) return first
      execFileSync(join(VENV, 'bin/python'), ['-c', deliver, join(folder, 'shop.duckdb')])
      const next = nextPlan(bucket, plan, [ledgerOf(bucket, plan)])
      left = next.left
      return startRunner(bucket, next.plan, folder).end
    },
  )
  assert.equal(second.result?.outcome, 'success', second.output)
  assert.equal(left, 2)
  const ran = second.lines.flatMap(line => (line.type === 'node' && line.step === 1 ? [line.name] : []))
  assert.deepEqual(ran, ['waits', 'after'])
})

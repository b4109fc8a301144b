/** What the runner makes of build, freshness and docs is what a person gets from dbt's own commands in a clone. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startBucket } from './bucket.ts'
import { DUCKDB_PROFILE, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step, VENV } from './runner.ts'
import { settled } from './what-counts.ts'

const FILES = {
  ...SHOP,
  'seeds/loads.csv': 'loaded_at\n2020-01-01 00:00:00\n',
  'snapshots/history.yml': `
snapshots:
  - name: history
    relation: ref('orders')
    config: { unique_key: id, strategy: check, check_cols: all }
`,
  'models/broken.sql': "select nope from {{ ref('orders') }}",
  'models/after.sql': "select * from {{ ref('broken') }}",
  'models/thin.sql': "{{ config(materialized='ephemeral') }} select * from {{ ref('orders') }}",
  'models/added.sql': "{{ config(materialized='incremental') }} select * from {{ ref('thin') }}",
  'models/sources.yml': `
sources:
  - name: raw
    schema: main
    tables:
      - name: loads
        config: { loaded_at_field: loaded_at, freshness: { warn_after: { count: 1, period: hour } } }
unit_tests:
  - name: adds_up
    model: totals
    given: [{ input: ref('orders'), rows: [{ id: 1, amount: 5 }, { id: 2, amount: 6 }] }]
    expect: { rows: [{ total: 11 }] }
`,
}

test('artifacts of build, freshness and docs are those of the plain commands', { timeout: 240_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const repository = makeRepository(folder, FILES)
  const [clone, profiles, database] = [join(folder, 'clone'), join(folder, 'profiles'), join(folder, 'shop.duckdb')]
  repository.git('clone', '-q', repository.dir, clone)
  mkdirSync(profiles)
  writeFileSync(join(profiles, 'profiles.yml'), DUCKDB_PROFILE)
  const env = {
    PATH: `${VENV}/bin:${process.env.PATH}`,
    HOME: folder,
    LANG: 'C.UTF-8',
    SHOP_DB: database,
    DBT_PROFILES_DIR: profiles,
    DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
  }
  // A failing model makes dbt exit with 1.
  const dbt = (...args: string[]) => promisify(execFile)('dbt', args, { cwd: clone, env, timeout: 90_000 }).catch(() => undefined)
  const read = (name: string) => JSON.parse(readFileSync(join(clone, 'target', name), 'utf8').replaceAll(clone, 'CLONE'))
  await dbt('seed')
  await dbt('source', 'freshness')
  const plain: Record<string, unknown> = { 'sources.json': read('sources.json') }
  await dbt('build')
  for (const name of ['manifest.json', 'run_results.json']) plain[name] = read(name)
  await dbt('docs', 'generate')
  plain['docs/catalog.json'] = read('catalog.json')
  plain['docs/manifest.json'] = read('manifest.json')

  rmSync(database)
  const seed = step(1, 'dbt', ['seed'])
  const steps = [
    step(0, 'checkout'),
    seed,
    step(2, 'freshness', [], false),
    step(3, 'dbt', ['build']),
    step(4, 'docs', [], false),
  ]
  const plan = makePlan(repository, folder, { steps })
  const end = await startRunner(bucket, plan, folder).end
  assert.equal(end.result?.reason, 'node_failures', end.output)
  assert.deepEqual([end.result?.counts.error, end.result?.counts.skipped], [1, 1])
  const place = join(folder, 'work/attempt/clone')
  // Each step has a target folder of its own, outside of the clone.
  const targets = new RegExp(`${join(folder, 'work/attempt/steps')}/\\d-\\w+/target`, 'g')
  const made = (key: string) => JSON.parse(bucket.text(key).replaceAll(place, 'CLONE').replaceAll(targets, 'target'))
  const of = (name: string) => made(`${plan.prefixes.attempt}steps/${name}`)
  const ours: Record<string, unknown> = {
    'sources.json': of('2-freshness/sources.json'),
    'manifest.json': of('3-build/manifest.json'),
    'run_results.json': of('3-build/run_results.json'),
    'docs/catalog.json': made(`${plan.prefixes.docs}catalog.json`),
    'docs/manifest.json': made(`${plan.prefixes.docs}manifest.json`),
  }
  for (const name of Object.keys(plain)) assert.deepEqual(comparable(ours[name]), comparable(plain[name]), name)
})

/** Arguments of the command are ours; `build_path` is where a build wrote the statement that it ran, which docs do not. */
function comparable(artifact: unknown): unknown {
  const { args: _, ...rest } = artifact as Record<string, unknown>
  return settled(JSON.parse(JSON.stringify(rest, (key, value) => (key === 'build_path' ? undefined : value))))
}

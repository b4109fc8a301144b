/** dbt kept warm gives what plain dbt processes give: each case is run both ways in the same folder, and compared. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import type { Plan, PlanStep } from '../../shared/plan.ts'
import { startBucket } from './bucket.ts'
import { DUCKDB_PROFILE, type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step, VENV } from './runner.ts'
import { whatCounts } from './what-counts.ts'

const SOURCES: Files = {
  'seeds/loads.csv': 'loaded_at\n2020-01-01 00:00:00\n',
  'models/sources.yml': `
sources:
  - name: raw
    schema: main
    tables:
      - name: loads
        config: { loaded_at_field: loaded_at, freshness: { warn_after: { count: 1, period: hour } } }
`,
}
const HOOKS = `
name: shop
version: '1.0'
profile: shop
on-run-start: ["create table if not exists hooked (n int)"]
models: { shop: { +materialized: table } }
`

const all = (...dbt: PlanStep[]) => [step(0, 'checkout'), ...dbt]
const CASES: { name: string; files: Files; steps: PlanStep[]; changes?: Partial<Plan>; hosted?: number }[] = [
  {
    name: 'good: freshness, build, docs, and other commands after them',
    files: { ...SHOP, ...SOURCES },
    steps: all(
      step(1, 'dbt', ['seed']),
      step(2, 'freshness', ['source', 'freshness'], false),
      step(3, 'dbt', ['build']),
      step(4, 'dbt', ['run', '--select', 'orders', '--vars', '{a: 1}']),
      step(5, 'docs'),
    ),
  },
  {
    name: 'docs of a whole build, with hooks that freshness has run before',
    files: { ...SHOP, ...SOURCES, 'dbt_project.yml': HOOKS },
    steps: all(step(1, 'freshness', [], false), step(2, 'dbt', ['build']), step(3, 'docs')),
  },
  {
    name: 'a failing model and a failing test',
    files: {
      ...SHOP,
      'models/orders.sql': 'select 1 as id, 10 as amount union all select 1, 20',
      'models/broken.sql': 'select nope',
    },
    steps: all(step(1, 'dbt', ['build']), step(2, 'docs')),
  },
  {
    name: 'a project that does not parse',
    files: { ...SHOP, 'models/lost.sql': "select * from {{ ref('nowhere') }}" },
    steps: all(step(1, 'dbt', ['build'])),
  },
  {
    name: 'a wrong target',
    files: SHOP,
    steps: all(step(1, 'dbt', ['build'])),
    changes: { dbt: { engine: 'core-1.11', target: 'none', profiles: DUCKDB_PROFILE } },
  },
  { name: 'an option that dbt does not know', files: SHOP, steps: all(step(1, 'dbt', ['build', '--no-such-option'])) },
]

/** A `dbt` that counts how often it is started as a program, and the `python` beside it. */
function makeBin(folder: string): { path: string; started(): number } {
  const bin = join(folder, 'bin')
  mkdirSync(bin)
  const count = join(folder, 'count')
  const write = (name: string, text: string) => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  write('dbt', `echo . >> ${count}; exec ${VENV}/bin/dbt "$@"`)
  write('python', `exec ${VENV}/bin/python "$@"`)
  return { path: `${bin}:${process.env.PATH}`, started: () => (existsSync(count) ? readFileSync(count, 'utf8').length / 2 : 0) }
}

for (const { name, files, steps, changes } of CASES)
  test(`the same kept warm: ${name}`, { timeout: 150_000 }, async t => {
    const folder = makeFolder(fn => t.after(fn))
    const bucket = await startBucket()
    t.after(() => bucket.close())
    const plan = makePlan(makeRepository(folder, files), folder, { steps, ...changes })
    const bin = makeBin(folder)
    const ends: ReturnType<typeof whatCounts>[] = []
    for (const mode of ['off', 'on']) {
      bucket.objects.clear()
      rmSync(join(folder, 'shop.duckdb'), { force: true })
      const before = bin.started()
      const runner = startRunner(bucket, plan, folder, { PATH: bin.path, [ENV.dbtHost]: mode })
      t.after(() => runner.child.kill('SIGKILL'))
      const end = await runner.end
      assert.ok(end.result, end.output)
      const dbtSteps = end.result.steps.filter(each => each.kind !== 'checkout' && each.exitCode !== undefined).length
      assert.ok(dbtSteps > 0, end.output)
      assert.equal(bin.started() - before, mode === 'off' ? dbtSteps : 0, end.output)
      ends.push(whatCounts(end, bucket))
    }
    const [plain, warm] = ends
    // One by one: a difference in all at once fills thousands of lines.
    assert.deepEqual(Object.keys(warm?.artifacts ?? {}), Object.keys(plain?.artifacts ?? {}))
    for (const [key, artifact] of Object.entries(plain?.artifacts ?? {})) assert.deepEqual(warm?.artifacts[key], artifact, key)
    assert.deepEqual({ ...warm, artifacts: {} }, { ...plain, artifacts: {} })
  })

/** dbt kept warm gives what plain dbt processes give: each case is run both ways in the same folder, and compared. */
import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import type { Plan, PlanStep } from '../../shared/plan.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { DUCKDB_PROFILE, type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, type RunnerEnd, startRunner, step, VENV } from './runner.ts'

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

/** Everything that a run leaves, without times and ids. */
function whatCounts({ code, result, lines }: RunnerEnd, bucket: Bucket) {
  const artifacts = bucket.keys('').filter(key => /(steps|docs)\/.*\.json$/.test(key))
  const logs = bucket.keys('').filter(key => key.endsWith('log.txt'))
  return {
    code,
    outcome: result?.outcome,
    message: timeless(result?.message ?? ''),
    counts: result?.counts,
    steps: result?.steps.map(({ message, selected, ...rest }) => ({
      ...(settled(rest) as object),
      message: timeless(message ?? ''),
    })),
    log: lines.flatMap(line => (line.type === 'log' ? timeless(line.text) : [])).sort(),
    artifacts: Object.fromEntries(artifacts.map(key => [key, settled(JSON.parse(bucket.text(key)))])) as Record<string, unknown>,
    // Connections are named and shared by chance; what is asked of the database is not.
    queries: logs.map(key => bucket.text(key).split('\n').filter(isSql).map(timeless).sort()),
  }
}

const isSql = (line: string) => /^\S+Z? *(create|insert|drop|alter|select|with)\b/i.test(line)

const timeless = (text: string) =>
  text
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')
    .replace(/\d+(\.\d+)?/g, '0')
    .replace(/\.{3,}/g, '…')

/** TIDEMILL: dbt itself leaves the stamp of the step that parsed in a manifest that it parses anew only in part. */
const CHANGING =
  /^(invocation_id|invocation_started_at|generated_at|created_at|run_started_at|execution_time|elapsed_time|thread_id|timing|TIDEMILL|max_loaded_at_time_ago_in_s|snapshotted_at|user_id|startedAt|endedAt|executionSeconds)$/
function settled(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(settled)
    return items.sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)))
  }
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !CHANGING.test(key))
      .map(([key, item]) => [key, settled(item)]),
  )
}

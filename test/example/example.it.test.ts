import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { dbtVenv } from '../venv.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tidemill-example-'))
const project = join(folder, 'project')
let dbtPath = ''

interface Answer {
  code: number
  output: string
}

/** One dbt command with a fresh target folder, as the runner calls it. */
const dbt = (target: string, ...args: string[]) => dbtOf(dbtPath, target, ...args)

async function dbtOf(program: string, target: string, ...args: string[]): Promise<Answer> {
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    WAREHOUSE_PATH: join(folder, 'harbour_line.duckdb'),
    DBT_PROFILES_DIR: project,
    DBT_PROJECT_DIR: project,
    DBT_TARGET_PATH: join(folder, target),
    DBT_LOG_PATH: join(folder, target),
  }
  return run(program, ['--no-use-colors', ...args], { cwd: folder, env, timeout: 60_000 }).then(
    ({ stdout }) => ({ code: 0, output: stdout }),
    (error: { code?: number; stdout?: string }) => ({ code: error.code ?? -1, output: error.stdout ?? String(error) }),
  )
}

interface Result {
  unique_id: string
  status: string
  message: string | null
}
const resultsOf = (target: string, file = 'run_results.json') =>
  (JSON.parse(readFileSync(join(folder, target, file), 'utf8')) as { results: Result[] }).results
const statuses = (results: Result[]) => {
  const counts: Record<string, number> = {}
  for (const { status } of results) counts[status] = (counts[status] ?? 0) + 1
  return counts
}

before(
  async () => {
    cpSync(join(root, 'example'), project, { recursive: true, filter: path => !/\/(target|logs|\.tidemill)$/.test(path) })
    // The environment of local mode: made once, shared.
    dbtPath = join(await dbtVenv('core-1.11', 'duckdb'), 'bin/dbt')
  },
  { timeout: 300_000 },
)
after(() => rmSync(folder, { recursive: true, force: true }))

test('the source is fresh on an empty warehouse: the project loads it itself', { timeout: 90_000 }, async () => {
  const { code, output } = await dbt('freshness', 'source', 'freshness')
  assert.equal(code, 0, output)
  assert.deepEqual(statuses(resultsOf('freshness', 'sources.json')), { pass: 1 })
})

test('everything builds, and again over what is there', { timeout: 90_000 }, async () => {
  for (const target of ['first', 'second']) {
    const { code, output } = await dbt(target, 'build')
    assert.equal(code, 0, output)
    // Seven models, four seeds, a snapshot and the hook succeed, ten tests and a unit test pass, the exposure has nothing to do.
    assert.deepEqual(statuses(resultsOf(target)), { success: 13, pass: 11, 'no-op': 1 })
  }
})

test('the same project builds on dbt 1.12, installed from its lock', { timeout: 400_000 }, async () => {
  const program = join(await dbtVenv('core-1.12', 'duckdb'), 'bin/dbt')
  const { code, output } = await dbtOf(program, 'newer', 'build')
  assert.equal(code, 0, output)
  assert.match(output, /Running with dbt=1\.12\./)
  assert.deepEqual(statuses(resultsOf('newer')), { success: 13, pass: 11, 'no-op': 1 })
})

test('the documentation is made', { timeout: 90_000 }, async () => {
  const { code, output } = await dbt('docs', 'docs', 'generate')
  assert.equal(code, 0, output)
  const catalog = JSON.parse(readFileSync(join(folder, 'docs/catalog.json'), 'utf8')) as Record<'nodes' | 'sources', object>
  assert.equal(Object.keys(catalog.nodes).length, 12)
  assert.deepEqual(Object.keys(catalog.sources), ['source.harbour_line.harbour.gate_counts'])
  assert.ok(readFileSync(join(folder, 'docs/index.html'), 'utf8').includes('<html'))
})

test('the commands of the other jobs work', { timeout: 180_000 }, async () => {
  const commands = [
    ['build', '--select', 'tag:boardings'],
    ['build', '--select', '+route_months'],
    ['run-operation', 'export_route_months'],
    ['build', '--full-refresh'],
  ]
  for (const [index, command] of commands.entries()) {
    const { code, output } = await dbt(`job-${index}`, ...command)
    assert.equal(code, 0, output)
  }
})

test('a price that is not a number fails exactly one model, with the words of the database', { timeout: 90_000 }, async () => {
  appendFileSync(join(project, 'seeds/fares.csv'), 'F025,OST-HVN,van,2026-11-01,on request\n')
  const { code } = await dbt('broken', 'build')
  assert.equal(code, 1)
  const results = resultsOf('broken')
  assert.deepEqual(statuses(results), { success: 10, pass: 5, error: 1, skipped: 9 })
  const failed = results.filter(result => result.status === 'error')
  assert.deepEqual(
    failed.map(result => result.unique_id),
    ['model.harbour_line.stg_fares'],
  )
  assert.match(failed[0]?.message ?? '', /Conversion Error: Could not convert string "on request" to DECIMAL\(8,2\)/)
})

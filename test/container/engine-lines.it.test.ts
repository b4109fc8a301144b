/**
 * What keeps dbt warm and what goes on after a kill, on the other line of dbt 1.x and on another database than the tests beside
 * it: dbt 1.12 with DuckDB, dbt 1.11 with PostgreSQL. `TIDEMILL_TEST_ENGINE=core-1.12` runs all tests of this folder on 1.12.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import type { Plan } from '../../shared/plan.ts'
import { skipWithout } from '../need.ts'
import { dbtVenv } from '../venv.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { startPostgres } from './postgres.ts'
import { DOTENV, DUCKDB_PROFILE, type Files, makeCleanFolder, makeFolder, makeRepository } from './project.ts'
import { CHAIN, killAll, ledgerOf, nextPlan, query, SLEEP, succeeded } from './resume-fixture.ts'
import { makePlan, readParts, startRunner, step } from './runner.ts'
import { whatCounts } from './what-counts.ts'

const PASSWORD = 'password-of-the-test'

interface Line {
  folder: string
  bucket: Bucket
  /** Of the project with models that take their time as `sleep` says. */
  plan(sleep: string): Plan
  /** SQL that takes about a second. */
  sleep: string
  env: Record<string, string>
  /** Names in the order in which they were built. */
  built(): string[]
  /** An empty database. */
  empty(): void
}

/** In a repository of its own. */
function chain(folder: string, sleep: string) {
  const files: Files = Object.fromEntries(
    Object.entries({ ...CHAIN, ...DOTENV }).map(([path, text]) => [path, text.replaceAll(SLEEP, sleep)]),
  )
  return makeRepository(mkdtempSync(join(folder, 'chain-')), files)
}

/** Runs the same twice: each command a process of its own, and all in one that is kept warm. */
async function bothWays({ folder, bucket, env, empty, ...line }: Line): Promise<void> {
  const steps = [
    step(0, 'checkout'),
    step(1, 'dbt', ['seed']),
    step(2, 'freshness', [], false),
    step(3, 'dbt', ['build']),
    step(4, 'docs'),
  ]
  const plan = line.plan('select 1')
  const ends: ReturnType<typeof whatCounts>[] = []
  for (const mode of ['off', 'on']) {
    for (const key of bucket.keys('')) bucket.objects.delete(key)
    empty()
    const end = await startRunner(bucket, { ...plan, steps }, folder, { ...env, [ENV.dbtHost]: mode }).end
    assert.equal(end.result?.outcome, 'success', end.output)
    ends.push(whatCounts(end, bucket))
  }
  const [plain, warm] = ends
  assert.ok(Object.keys(plain?.artifacts ?? {}).length >= 9)
  for (const [key, artifact] of Object.entries(plain?.artifacts ?? {})) assert.deepEqual(warm?.artifacts[key], artifact, key)
  assert.deepEqual({ ...warm, artifacts: {} }, { ...plain, artifacts: {} })
}

async function killedAndResumed(t: TestContext, { folder, bucket, env, built, empty, ...line }: Line): Promise<void> {
  for (const key of bucket.keys('')) bucket.objects.delete(key)
  empty()
  const plan = line.plan(line.sleep)
  const first = startRunner(bucket, plan, folder, env)
  t.after(() => first.child.kill('SIGKILL'))
  while (succeeded(readParts(bucket, plan)).length === 0 && first.child.exitCode === null)
    await new Promise(resolve => setTimeout(resolve, 100))
  await new Promise(resolve => setTimeout(resolve, Math.random() * 1500))
  killAll(first.child.pid ?? 0)
  await first.end
  rmSync(join(folder, 'work'), { recursive: true, force: true })
  const stored = succeeded(readParts(bucket, plan))
  assert.ok(stored.length > 0, 'something had been stored before the kill')
  // A server may still be at a statement of the dead dbt.
  await new Promise(resolve => setTimeout(resolve, 2_000))
  const before = built()
  const next = nextPlan(bucket, plan, [ledgerOf(bucket, plan)])
  const end = await startRunner(bucket, next.plan, folder, env).end
  assert.equal(end.result?.outcome, 'success', end.output)
  const again = succeeded(end.lines)
  assert.deepEqual(
    again.filter(id => stored.includes(id)),
    [],
    'no node again whose end had reached the bucket',
  )
  assert.equal(again.filter(id => !/^operation\.|\.thin$/.test(id)).length, next.left)
  const now = built().slice(before.length)
  assert.equal(new Set(now).size, now.length, `each once: ${now}`)
  assert.ok(now.includes('last') && now.includes('h'))
}

test('dbt 1.12: kept warm as in plain processes; killed and resumed', { timeout: 400_000 }, async t => {
  const venv = await dbtVenv('core-1.12', 'duckdb')
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const database = join(folder, 'shop.duckdb')
  const line: Line = {
    folder,
    bucket,
    sleep: SLEEP,
    plan: sleep =>
      makePlan(chain(folder, sleep), folder, { dbt: { engine: 'core-1.12', target: 'prod', profiles: DUCKDB_PROFILE } }),
    env: { PATH: `${venv}/bin:${process.env.PATH}` },
    built: () => query(database, 'select name from built order by rowid'),
    empty: () => rmSync(database, { force: true }),
  }
  await bothWays(line)
  await killedAndResumed(t, line)
})

test('PostgreSQL: kept warm as in plain processes; killed and resumed', {
  skip: skipWithout('postgres'),
  timeout: 400_000,
}, async t => {
  const { folder, later } = makeCleanFolder(fn => t.after(fn))
  const bucket = await startBucket()
  later(() => bucket.close())
  const venv = await dbtVenv('core-1.11', 'duckdb', 'postgres')
  const server = await startPostgres(folder, PASSWORD)
  later(() => server.stop())
  const line: Line = {
    folder,
    bucket,
    sleep: 'select 1 from pg_sleep(1)',
    plan: sleep =>
      makePlan(chain(folder, sleep), folder, {
        dbt: { engine: 'core-1.11', target: 'prod', profiles: server.profiles('SHOP_PASSWORD') },
        variables: {},
        secrets: ['SHOP_PASSWORD'],
      }),
    env: { PATH: `${venv}/bin:${process.env.PATH}`, SHOP_PASSWORD: PASSWORD },
    built: () => server.sql('select name from built order by ctid'),
    empty: () => void server.sql('drop schema if exists shop cascade; drop table if exists built'),
  }
  await bothWays(line)
  await killedAndResumed(t, line)
})

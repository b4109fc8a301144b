/**
 * Every adapter, installed from its own lock, as far as it comes without its database: the run ends with what refused it, in the
 * adapter's words. Two of them in the test suite; all with `npm run test:adapters` (20 minutes, 6 GB; docs/adapters.md has what
 * was seen).
 */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Engine } from '../../shared/config-model.ts'
import { ENGINES } from '../../shared/config-values.ts'
import { dbtVenv } from '../venv.ts'
import { startBucket } from './bucket.ts'
import { CLOSED } from './closed-warehouse.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

/** Wheels alone (no compiled driver of the system), and another way of failing than PostgreSQL's, which has tests of its own. */
const ALWAYS = ['core-1.11 redshift', 'core-1.12 athena']
const wanted = process.env.TIDEMILL_TEST_ADAPTERS

const cases = Object.entries(ENGINES)
  .flatMap(([engine, adapters]) => adapters.map(adapter => ({ engine: engine as Engine, adapter })))
  .filter(({ engine, adapter }) =>
    wanted ? wanted === 'all' || wanted.split(' ').includes(adapter) : ALWAYS.includes(`${engine} ${adapter}`),
  )

/** Its own retries, which a profile can shorten but not end. */
const SECONDS: Record<string, number> = { databricks: 900 }

for (const { engine, adapter } of cases)
  test(`${engine} with ${adapter}: a warehouse that refuses the connection`, { timeout: 1_200_000 }, async t => {
    const venv = await dbtVenv(engine, adapter)
    assert.deepEqual(missingIn(venv), [])
    const {
      output,
      variables = {},
      buildOnly,
    } = CLOSED[adapter]?.(await closedPort()) ?? assert.fail(`no profile for ${adapter}`)
    const profiles = JSON.stringify({ shop: { target: 'prod', outputs: { prod: { type: adapter, threads: 2, ...output } } } })
    const folder = makeFolder(fn => t.after(fn))
    const bucket = await startBucket()
    t.after(() => bucket.close())
    const plan = makePlan(makeRepository(folder, SHOP), folder, {
      dbt: { engine, target: 'prod', profiles },
      variables,
      steps: [step(0, 'checkout'), ...(buildOnly ? [] : [step(1, 'dbt', ['debug'], false)]), step(2, 'dbt', ['build'])],
      timeoutSeconds: 1_100,
    })
    const began = performance.now()
    const env = { PATH: `${venv}/bin:${process.env.PATH}`, LD_LIBRARY_PATH: join(venv, 'lib') }
    const runner = startRunner(bucket, plan, folder, env)
    t.after(() => runner.child.kill('SIGKILL'))
    const end = await runner.end
    const seconds = (performance.now() - began) / 1000
    t.diagnostic(`${seconds.toFixed(0)} s: ${end.result?.message}`)
    assert.deepEqual([end.code, end.result?.outcome, end.result?.reason], [1, 'error', 'profile_error'], end.output)
    for (const each of end.result?.steps.slice(1) ?? []) {
      assert.equal(each.reason, 'profile_error', each.message)
      assert.match(each.message ?? '', REFUSED)
      assert.doesNotMatch(each.message ?? '', /Traceback|File "|\[ERROR\]/)
    }
    assert.match(end.output, /Registered adapter: \w+=|adapter type: \w+/)
    assert.ok(seconds < (SECONDS[adapter] ?? 60), `${seconds} s`)
  })

/** Each driver's words for a port where nobody listens. */
const REFUSED =
  /Connection refused|Could not connect to (the endpoint URL|Snowflake backend)|Cannot open file|Max retries exceeded|failed to connect/i

/** What pip finds wrong with an environment: a lock that lacks a package would show only when something imports it. */
function missingIn(venv: string): string[] {
  const { stdout } = spawnSync(join(venv, 'bin/python'), ['-m', 'pip', 'check'], { encoding: 'utf8', timeout: 60_000 })
  assert.ok(stdout.trim(), 'pip has checked')
  // Left out on purpose (container/lock.mjs).
  return stdout
    .trim()
    .split('\n')
    .filter(line => !/^No broken requirements|dbt-core-experimental-parser/.test(line))
}

async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const address = server.address()
  await new Promise(resolve => server.close(resolve))
  return typeof address === 'object' && address ? address.port : assert.fail()
}

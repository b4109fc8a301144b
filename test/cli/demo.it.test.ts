import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { reset } from '../../local/cloud.ts'
import { demoFolder } from './demos.ts'
import { makeFolder, runNode } from './process.ts'

const root = join(import.meta.dirname, '..', '..')
const bundle = join(root, 'dist/bin/tidemill.mjs')
const cache = join(root, '.cache')

test('the demo works, and the commands work on what it leaves', { timeout: 480_000 }, async t => {
  const home = makeFolder(t, {})
  const env = { PATH: process.env.PATH, HOME: home, TZ: 'UTC', TIDEMILL_CACHE: cache }
  const demo = await runNode(['--import', 'tsx', 'bin/demo.ts', '--json', '--keep'], root, env, 400)
  const folder = demoFolder(demo.stderr)
  assert.ok(folder, demo.stderr)
  // Before anything is asserted of it: a demo that failed left its cloud up as well.
  t.after(() => reset({ folder }))
  assert.equal(demo.code, 0, demo.stderr)
  const result = JSON.parse(demo.stdout)
  const config = join(dirname(dirname(result.docs)), 'tidemill.yml')
  const tidemill = async (...args: string[]) => runNode([bundle, '--local', '--config', config, ...args], home, env, 120)

  assert.deepEqual(
    result.runs.map((run: Record<string, unknown>) => [run.job, run.status, run.reason]),
    [
      ['harbour_line/nightly', 'success', null],
      ['harbour_line/partner_export', 'success', null],
      ['harbour_line/nightly', 'error', 'node_failures'],
    ],
  )
  const failed: string = result.runs[2].id
  assert.match(result.message, new RegExp(`stg_fares[\\s\\S]*on request[\\s\\S]*${failed}`))
  assert.match(result.page, /^http:\/\/127\.0\.0\.1:\d+\/#\/runs\?token=<token>$/)
  assert.match(readFileSync(result.docs, 'utf8'), /<html/i)
  assert.match(demo.stderr, /✓ stg_bookings +view/)
  assert.match(demo.stderr, /✗ stg_fares +table .*Conversion Error/)

  const json = async (...args: string[]) => JSON.parse((await tidemill(...args, '--json')).stdout)
  assert.equal((await json('runs', '--status', 'error')).runs[0].id, failed)
  assert.equal((await json('show', failed.slice(-6))).run.reason, 'node_failures')
  assert.match((await tidemill('logs', failed, '--step', 'build')).stdout, /ERROR creating sql table model .*stg_fares/)
  const artifacts = await json('artifacts', result.runs[0].id, '--download', 'artifacts')
  const results = artifacts.files.find((file: { name: string }) => /build\/run_results\.json$/.test(file.name))
  assert.equal(JSON.parse(readFileSync(join(artifacts.folder, results.name), 'utf8')).results.length > 20, true)
  // Docs describe the code, so also those of a run whose models failed become the current ones.
  const docs = await json('docs', '--download', 'docs')
  assert.equal(docs.run, failed)
  assert.ok(existsSync(join(docs.folder, 'index.html')))

  const ended = await tidemill('run', 'nightly', '--step', 'dbt build --select stg_bookings', '--wait', '--idempotency-key', 'k')
  assert.equal(ended.code, 0, ended.stdout + ended.stderr)
  const again = await json('run', 'nightly', '--step', 'dbt build --select stg_bookings', '--idempotency-key', 'k')
  assert.equal(again.existed, true)
  const bad = await tidemill('run', 'nightly', '--follow')
  assert.equal(bad.code, 1, bad.stdout)

  await tidemill('pause', 'nightly')
  assert.equal((await tidemill('run', 'nightly')).code, 3)
  await tidemill('resume', 'nightly')
  const started = await json('run', 'nightly')
  assert.equal((await tidemill('cancel', started.run.id)).code, 0)
  const followed = await tidemill('logs', started.run.id, '--follow')
  assert.equal(followed.code, 1, 'a cancelled run is no good run')
  assert.equal((await json('show', started.run.id)).run.status, 'cancelled')

  assert.equal((await json('local', 'status')).up, true)
  assert.equal((await tidemill('local', 'down')).code, 0)
  assert.match((await tidemill('runs')).stderr, /local cloud does not answer/)
  assert.equal(existsSync(config), true)
})

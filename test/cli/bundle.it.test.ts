import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeFolder, runNode, tidemill } from './process.ts'

const bundle = join(import.meta.dirname, '../../dist/bin/tidemill.mjs')

test('the bundle shows its help quickly', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, {})
  const seconds: number[] = []
  for (let i = 0; i < 5; i++) {
    const began = performance.now()
    const { code, stdout, stderr } = await runNode([bundle, '--help'], folder, { PATH: process.env.PATH }, 30)
    seconds.push((performance.now() - began) / 1000)
    assert.equal(code, 0)
    assert.equal(stderr, '')
    assert.match(stdout, /run <job> +run a job now/)
  }
  // The fastest: other tests run beside this one. 0.2 s when the machine is idle.
  assert.ok(Math.min(...seconds) < 0.6, `${seconds}`)
})

test('who reads only the beginning gets no error', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, {})
  const child = spawn('bash', ['-c', `set -o pipefail; "$0" "$1" --help | head -1`, process.execPath, bundle], { cwd: folder })
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  let errors = ''
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  const code = await new Promise(resolve => child.on('close', resolve))
  assert.deepEqual([code, text, errors], [0, 'Usage: tidemill [options] [command]\n', ''])
})

test('init finds the dbt project, its profile and the repository, and what it writes is valid', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, {
    'dbt/dbt_project.yml': 'name: shop\nprofile: warehouse\n',
    '.dbt/profiles.yml': 'warehouse:\n  target: dev\n  outputs:\n    dev: { type: duckdb }\n    prod: { type: snowflake }\n',
  })
  const git = (...args: string[]) => execFileSync('git', args, { cwd: folder, env: { PATH: process.env.PATH, HOME: folder } })
  git('init', '-q', '-b', 'trunk')
  git('remote', 'add', 'origin', 'https://someone:secret-word@example.com/acme/shop.git')
  const made = await tidemill(folder, ['init', '--json'])
  assert.equal(made.code, 0, made.stdout + made.stderr)
  const { answers } = JSON.parse(made.stdout)
  assert.deepEqual(answers, {
    installation: 'tidemill',
    repository: 'https://example.com/acme/shop.git',
    project: 'shop',
    branch: 'trunk',
    folder: 'dbt',
    adapter: 'snowflake',
    engine: 'core-1.11',
    profileName: 'warehouse',
    target: 'prod',
    timezone: 'UTC',
  })
  assert.ok(!(made.stdout + made.stderr).includes('secret-word'))
  assert.equal((await tidemill(folder, ['validate'])).code, 0)
  const next = await tidemill(folder, ['next', 'nightly', '-n', '2', '--json'])
  assert.equal(JSON.parse(next.stdout).firings.length, 2)
  const again = await tidemill(folder, ['init'])
  assert.equal(again.code, 2)
  assert.match(again.stderr, /already[\s\S]*--force/)
})

test('init without a terminal names the flags it needs, and writes nothing', { timeout: 60_000 }, async t => {
  const folder = makeFolder(t, {})
  const { code, stderr } = await tidemill(folder, ['init'])
  assert.equal(code, 2)
  assert.match(stderr, /Not known: --repository, --project, --adapter, --profile-name/)
})

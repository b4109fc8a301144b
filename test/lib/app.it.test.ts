import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import cdkJson from '../../cdk.json' with { type: 'json' }

const root = join(import.meta.dirname, '../..')
const folder = mkdtempSync(join(tmpdir(), 'tidemill-app-'))
after(() => rmSync(folder, { recursive: true }))

function run(context: Record<string, string> = {}, cwd = folder) {
  const out = join(folder, 'cdk.out')
  rmSync(out, { recursive: true, force: true })
  const env = { PATH: process.env.PATH, HOME: folder, CDK_OUTDIR: out, CDK_CONTEXT_JSON: JSON.stringify(context) }
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'dist/bin/app.mjs')], {
    cwd,
    env,
    encoding: 'utf8',
    timeout: 60_000,
  })
  return { status, stdout, stderr, made: existsSync(join(out, 'manifest.json')) }
}

describe('the app', () => {
  it('makes the example from its folder, silently', { timeout: 70_000 }, () => {
    assert.deepEqual(run({ imageRepository: 'tidemill.local/runner' }, join(root, 'example')), {
      status: 0,
      stdout: '',
      stderr: '',
      made: true,
    })
  })

  it('takes the path of the configuration', { timeout: 70_000 }, () => {
    assert.equal(run({ config: join(root, 'example/tidemill.yml') }).status, 0)
  })

  it('without a configuration says what to do, with exit code 2', { timeout: 30_000 }, () => {
    const { status, stderr, made } = run()
    assert.deepEqual([status, made], [2, false])
    assert.match(stderr, /^No tidemill\.yml here\.\n.*tidemill init/)
    assert.doesNotMatch(stderr, /\n {4}at /)
  })

  it('with problems in it lists them, without a stack trace, with exit code 2', { timeout: 30_000 }, () => {
    const config = join(folder, 'tidemill.yml')
    writeFileSync(config, 'version: 1\nproject: { name: a }\nenvironmentz: {}\n')
    const { status, stderr, made } = run({ config })
    assert.deepEqual([status, made], [2, false])
    assert.match(stderr, /environmentz/)
    assert.match(stderr, /Nothing was changed\./)
    assert.doesNotMatch(stderr, /\n {4}at /)
  })
})

describe('cdk.json', () => {
  it('builds before it synthesises', () => assert.equal(cdkJson.app, 'node build.mjs && node dist/bin/app.mjs'))

  it('sets all feature flags that the CDK recommends', () => {
    const library = dirname(createRequire(import.meta.url).resolve('aws-cdk-lib/package.json'))
    assert.deepEqual(cdkJson.context, JSON.parse(readFileSync(join(library, 'recommended-feature-flags.json'), 'utf8')))
  })
})

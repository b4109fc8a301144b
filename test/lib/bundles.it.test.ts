import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, it } from 'node:test'
import { builtCode, lambdaFolder } from '../../lib/assets.ts'
import { ENV, KEY } from '../../shared/contract.ts'
import { FUNCTIONS } from '../../shared/resource-names.ts'

const code = builtCode()

describe('built code', () => {
  it('is found from the source and from dist/', () => {
    assert.equal(code, join(import.meta.dirname, '../../dist'))
    assert.equal(builtCode(join(code, 'bin')), code)
    assert.equal(builtCode(join(code, 'lib')), code)
    assert.ok(existsSync(join(code, 'bin/app.mjs')), 'npm run build makes it')
  })

  for (const name of FUNCTIONS)
    it(`${name} is below 1.5 MB and is ready within 2 s`, { timeout: 20_000 }, t => {
      const file = join(lambdaFolder(code, name), 'index.js')
      const { size } = statSync(file)
      assert.ok(size > 10_000 && size < 1_500_000, `${size} bytes`)
      const { seconds, handler } = load(file)
      t.diagnostic(`${Math.round(size / 1000)} kB, loaded in ${seconds.toFixed(2)} s`)
      assert.equal(handler, 'function')
      assert.ok(seconds < 2, `${seconds} s`)
    })
})

/** Loads a bundle as Lambda does when it starts cold: from a folder of its own, with every variable set. */
function load(file: string): { seconds: number; handler: string } {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-bundle-'))
  try {
    cpSync(dirname(file), folder, { recursive: true })
    // What Lambda's runtime has for functions that answer while they work.
    const program = `globalThis.awslambda = { streamifyResponse: handle => handle }; const start = performance.now(); const { handler } = require('./index.js')
      process.stdout.write(JSON.stringify({ seconds: (performance.now() - start) / 1000, handler: typeof handler })); process.exit()`
    const variables = Object.fromEntries(Object.values(ENV).map(name => [name, 'x']))
    const site = JSON.stringify({ pages: { origin: 'https://a' }, docs: { origin: 'https://b' } })
    const env = {
      ...variables,
      [ENV.site]: site,
      LAMBDA_TASK_ROOT: folder,
      [ENV.configKey]: KEY.config('0'.repeat(64)),
      AWS_REGION: 'eu-central-1',
    }
    return JSON.parse(execFileSync(process.execPath, ['-e', program], { cwd: folder, env, encoding: 'utf8', timeout: 15_000 }))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

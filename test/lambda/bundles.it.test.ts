import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { build } from 'esbuild'

const lambda = join(import.meta.dirname, '../../lambda')
const names = readdirSync(lambda).filter(name => existsSync(join(lambda, name, 'handler.ts')))
/** A cold start reads and compiles all of it. */
const MAX_BYTES = 1.5 * 1024 * 1024

test('every bundle is below 1.5 MB, and one exists for each function', { timeout: 60_000 }, async () => {
  assert.ok(names.length >= 6, names.join())
  for (const name of names) {
    const { outputFiles } = await build({
      entryPoints: [join(lambda, name, 'handler.ts')],
      bundle: true,
      minify: true,
      keepNames: true,
      platform: 'node',
      target: 'node20',
      write: false,
      logLevel: 'warning',
    })
    const size = outputFiles[0]?.contents.length ?? 0
    assert.ok(size > 0 && size < MAX_BYTES, `${name}: ${size} bytes`)
  }
})

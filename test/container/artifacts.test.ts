import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readPaths } from '../../container/runner/artifacts.ts'

test('fault 29: the paths of the nodes of a large manifest keep nothing else of it in memory', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const manifest = join(folder, 'manifest.json')
  const file = openSync(manifest, 'w')
  const code = 'select 1 as a, '.repeat(1000)
  for (let i = 0; i < 2000; i++)
    writeSync(
      file,
      `"model.shop.m${i}": {"original_file_path": "models/marts/m${i}.sql", "unique_id": "model.shop.m${i}", "raw_code": "${code}"},`,
    )
  closeSync(file)
  const before = used()
  const paths = await readPaths(manifest)
  const more = (used() - before) / 1024 ** 2
  assert.equal(paths.get('model.shop.m1999'), 'models/marts/m1999.sql')
  assert.equal(paths.size, 2000)
  assert.ok(more < 3, `${more.toFixed(1)} MB more for 2,000 paths of a manifest of 30 MB`)
})

/** Bytes of the heap that something still refers to. */
function used(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

import assert from 'node:assert/strict'
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { readNodeFacts } from '../../container/runner/artifacts.ts'

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
  const { paths } = await readNodeFacts(manifest)
  const more = (used() - before) / 1024 ** 2
  assert.equal(paths.get('model.shop.m1999'), 'models/marts/m1999.sql')
  assert.equal(paths.size, 2000)
  assert.ok(more < 3, `${more.toFixed(1)} MB more for 2,000 paths of a manifest of 30 MB`)
})

test('what a test is about is found wherever the manifest is cut into pieces', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemill-test-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const manifest = join(folder, 'manifest.json')
  const names = Array.from({ length: 3000 }, (_, i) => `t${i}`)
  const nodes = names.map((name, i) => ({
    original_file_path: `tests/${name}.sql`,
    unique_id: `test.shop.${name}`,
    raw_code: 'x'.repeat((i * 37) % 200),
    // Every third one is a query of its own.
    ...(i % 3 ? { attached_node: `model.shop."m${i}` } : i % 2 ? { attached_node: null } : {}),
  }))
  const wanted = names.flatMap((name, i) => (i % 3 ? [[`test.shop.${name}`, `model.shop.\\"m${i}`]] : []))
  // 2.x begins with the id, and its paths come with its events.
  for (const [written, known] of [
    [nodes, 3000],
    [nodes.map(({ unique_id, ...rest }) => ({ unique_id, ...rest })), 0],
  ] as const) {
    writeFileSync(manifest, JSON.stringify({ nodes: written }))
    const { paths, tested } = await readNodeFacts(manifest)
    assert.equal(paths.size, known)
    assert.deepEqual([...tested], wanted)
  }
})

/** Bytes of the heap that something still refers to. */
function used(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  return process.memoryUsage().heapUsed
}

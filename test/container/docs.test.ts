/** Which files of a target folder become the published docs, for every layout of dbt's. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { DbtContext } from '../../container/runner/dbt-step.ts'
import { queueDocs } from '../../container/runner/docs.ts'
import { createRedactor } from '../../container/runner/redact.ts'
import type { Upload } from '../../container/runner/store.ts'
import { makeFolder } from './project.ts'

const SECRET = 'hush-hush-hush'

/** Folders of a step and of the build before it, each path with its text. */
async function publish(t: { after(fn: () => void): void }, own: Record<string, string>, built: Record<string, string> = {}) {
  const folder = makeFolder(fn => t.after(fn))
  const write = (root: string, files: Record<string, string>) => {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, root, path)), { recursive: true })
      writeFileSync(join(folder, root, path), text)
    }
  }
  write('own', own)
  write('built', built)
  if (own['assets/app.js']) symlinkSync('/etc/hostname', join(folder, 'own/assets/link.js'))
  const stored = new Map<string, { text: string; type: string; encoding: string | undefined }>()
  const context = {
    plan: { prefixes: { docs: 'docs/' } },
    folders: { outbox: join(folder, 'outbox') },
    secrets: { PASSWORD: SECRET },
    redact: createRedactor([SECRET]),
    uploads: {
      async add(_lane: string, { key, body, contentType, contentEncoding }: Upload) {
        const bytes = 'file' in body ? readFileSync(body.file) : Buffer.from(body.content)
        const text = (contentEncoding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
        stored.set(key.replace('docs/', ''), { text, type: contentType, encoding: contentEncoding })
        return true
      },
    },
  } as unknown as DbtContext
  const { stored: done, refused } = await queueDocs([join(folder, 'own'), join(folder, 'built')], context)
  return { stored, all: await done, refused }
}

/** What lies beside the pages and is nobody's business. */
const BESIDE = {
  'compiled/shop/models/orders.sql': 'select 1',
  'run/shop/models/orders.sql': 'create table',
  'run_results.json': '{}',
  'partial_parse.msgpack': 'x',
  'graph.gpickle': 'x',
  'dbt.log': SECRET,
}

test('dbt 1.x: the page, and the two artifacts that it reads, masked', async t => {
  const manifest = `{"description": "${SECRET}"}`
  const { stored, all } = await publish(t, { 'index.html': '<html>', 'manifest.json': manifest, 'catalog.json': '{}', ...BESIDE })
  assert.deepEqual([[...stored.keys()].sort(), all], [['catalog.json', 'index.html', 'manifest.json'], true])
  assert.deepEqual(stored.get('manifest.json'), { text: '{"description": "***"}', type: 'application/json', encoding: 'gzip' })
})

test('dbt 1.x without compiling: the manifest is that of the build', async t => {
  const { stored } = await publish(
    t,
    { 'index.html': '<html>', 'catalog.json': '{}' },
    { 'manifest.json': '{"built": 1}', ...BESIDE },
  )
  assert.deepEqual([...stored.keys()].sort(), ['catalog.json', 'index.html', 'manifest.json'])
  assert.equal(stored.get('manifest.json')?.text, '{"built": 1}')
})

test('dbt 1.x, static: the page with everything in it takes the place of the other', async t => {
  const own = { 'index.html': 'fetches', 'static_index.html': 'holds', 'manifest.json': '{}', 'catalog.json': '{}' }
  assert.equal((await publish(t, own)).stored.get('index.html')?.text, 'holds')
})

test('a part that is missing: nothing is published, and the reason is told', async t => {
  assert.deepEqual((await publish(t, { 'index.html': '<html>', 'manifest.json': '{}' })).refused, 'dbt left no catalog.json.')
  assert.deepEqual((await publish(t, BESIDE)).refused, 'dbt left no index.html.')
  assert.deepEqual((await publish(t, { 'assets/app.js': 'x' })).refused, 'dbt left no index.html.')
})

const APPLICATION = {
  'index.html': '<html>',
  'assets/app.js': `fetch('${SECRET}')`,
  'assets/deep/style.css': 'a',
  'assets/duckdb.wasm': 'wasm',
  'assets/font.woff2': 'font',
  'assets/.env': 'x',
  'assets/notes.sql': 'x',
  'assets/data.parquet': 'x',
  'index/dbt.nodes.parquet': 'PAR1',
  'index/.fusion_state.json': '{}',
  'index/more.json': '{}',
  'metadata/run/invocations.parquet': 'x',
  'data/shop/main/orders.parquet': 'stored failures and samples',
  ...BESIDE,
}

test('dbt 2.x: the application and its index, and no hidden file, link, SQL, or other Parquet', async t => {
  const { stored, all } = await publish(t, { ...APPLICATION, 'manifest.json': '{}' })
  assert.deepEqual([...stored.keys()].sort(), [
    'assets/app.js',
    'assets/deep/style.css',
    'assets/duckdb.wasm',
    'assets/font.woff2',
    'index.html',
    'index/dbt.nodes.parquet',
    'manifest.json',
  ])
  assert.ok(all)
  assert.equal(stored.get('assets/app.js')?.text, "fetch('***')")
  // Read by ranges: it must be stored as it is.
  assert.equal(stored.get('index/dbt.nodes.parquet')?.encoding, undefined)
  assert.deepEqual(stored.get('assets/duckdb.wasm'), { text: 'wasm', type: 'application/wasm', encoding: 'gzip' })
})

test('fault 28: dbt 2.x with a secret in the project: its index cannot be masked, so nothing is published', async t => {
  const { stored, refused, all } = await publish(t, { ...APPLICATION, 'manifest.json': `{"description": "${SECRET}"}` })
  assert.deepEqual([stored.size, all], [0, false])
  assert.match(refused ?? '', /holds the value of a secret/)
  assert.ok(!refused?.includes(SECRET))
  const unknown = await publish(t, APPLICATION)
  assert.match(unknown.refused ?? '', /no manifest\.json/)
})

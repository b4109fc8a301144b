/** What the application weighs on its way to a browser: all that the build makes, as both servers send it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { brotliDecompressSync } from 'node:zlib'
import { readPageFiles } from '../../cli/ui-files.ts'
import { SITE } from './server.ts'

const KB = 1000
const files = readPageFiles(SITE)
const sum = (paths: Iterable<string>) => [...paths].reduce((all, path) => all + (files.get(path)?.br.length ?? Number.NaN), 0)

test('every script, style and page together is at most 40 KB, with brotli', t => {
  const bytes = sum(files.keys())
  t.diagnostic(`${bytes} bytes in ${files.size} files`)
  assert.ok(bytes <= 40 * KB, `${bytes} bytes`)
  for (const [path, { plain, br }] of files) assert.deepEqual([path, brotliDecompressSync(br)], [path, Buffer.from(plain)])
})

test('the list of runs needs no more than half of it, and no file that is not named by the page', t => {
  const page = readFileSync(`${SITE}/index.html`, 'utf8')
  const named = ['/', ...[...page.matchAll(/(?:src|href)="([\w-]+\.(?:js|css))"/g)].map(([, name]) => `/${name}`)]
  const scripts = named.filter(path => path.endsWith('.js'))
  assert.equal(scripts.length, 1)
  assert.doesNotMatch(String(files.get(scripts[0] ?? '')?.plain), /\b(?:from|import)\s*"\.\//, 'one request, not a chain of them')
  t.diagnostic(`${sum(named)} bytes`)
  assert.ok(sum(named) <= 20 * KB, `${sum(named)} bytes`)
})

/** dbt's docs over HTTP: which run they are of, and how each kind of file comes. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { createGzip, gunzipSync, gzipSync } from 'node:zlib'
import type { Bucket } from '../../cli/connection.ts'
import { serveDocs } from '../../cli/docs-server.ts'
import { UserError } from '../../shared/errors.ts'
import { parseDocsPath } from '../../shared/page-objects.ts'
import { fakeBucket } from './fakes.ts'
import { get } from './http.ts'

const OPTIONS = { timeout: 60_000 }
const RUN = '20261122T010004-9f3ac2d1b7e4'
const NEWER = '20261123T010004-9f3ac2d1b7e5'
const AT = `docs/shop/prod/${RUN}/`
const CURRENT = 'docs/shop/prod/current.json'
const pointer = (run: string) => Buffer.from(JSON.stringify({ run }))

const OBJECTS: Record<string, Uint8Array> = {
  [CURRENT]: pointer(RUN),
  [`${AT}index.html`]: gzipSync('<html>docs</html>'),
  [`${AT}manifest.json`]: gzipSync('{"nodes":{}}'),
  [`${AT}assets/app-1a2b3c4d.js`]: gzipSync('let a = 1'),
  [`${AT}assets/duckdb.wasm`]: Buffer.from('wasm'),
  [`${AT}assets/notes.exe`]: Buffer.from('MZ'),
  [`${AT}index/nodes.parquet`]: Buffer.from('PAR1 0123456789 PAR1'),
  [`docs/shop/prod/${NEWER}/index.html`]: gzipSync('<html>newer</html>'),
  'runs/shop/prod/nightly/x/run.json': Buffer.from('{}'),
}

async function start(t: TestContext, bucket: Bucket = fakeBucket({ ...OBJECTS })) {
  const server = await serveDocs({ bucket }, { port: 0 })
  t.after(() => server.close())
  return (path: string, headers: Record<string, string> = {}) => get(server.origin, path, headers)
}

test('the current docs are those of one run from the first answer on', OPTIONS, async t => {
  const objects = { ...OBJECTS }
  const ask = await start(t, fakeBucket(objects))
  for (const path of ['/shop/prod/current/', '/shop/prod/current', '/shop/prod/', '/shop/prod']) {
    const { status, headers } = await ask(path)
    assert.deepEqual([path, status, headers.location, headers['cache-control']], [path, 302, `/shop/prod/${RUN}/`, 'no-store'])
  }
  assert.equal((await ask('/shop/prod/current/manifest.json')).headers.location, `/shop/prod/${RUN}/manifest.json`)
  assert.equal((await ask(`/shop/prod/${RUN}/`)).text, '<html>docs</html>')
  objects[CURRENT] = pointer(NEWER)
  assert.equal((await ask(`/shop/prod/${RUN}/manifest.json`)).text, '{"nodes":{}}')
  assert.equal((await ask('/shop/prod/current/')).headers.location, `/shop/prod/${NEWER}/`)
  assert.deepEqual(
    [(await ask(`/shop/prod/${RUN}`)).status, (await ask(`/shop/prod/${RUN}`)).headers.location],
    [302, `/shop/prod/${RUN}/`],
  )
})

test('each kind of file of 1.x and 2.x has its type, and comes as it is stored', OPTIONS, async t => {
  const ask = await start(t)
  for (const [path, type, encoding, cache] of [
    ['', 'text/html; charset=utf-8', 'gzip', 'private, no-cache'],
    ['index.html', 'text/html; charset=utf-8', 'gzip', 'private, no-cache'],
    ['manifest.json', 'application/json', 'gzip', 'private, no-cache'],
    ['assets/app-1a2b3c4d.js', 'text/javascript; charset=utf-8', 'gzip', 'private, max-age=31536000, immutable'],
    ['assets/duckdb.wasm', 'application/wasm', undefined, 'private, max-age=31536000, immutable'],
    ['assets/notes.exe', 'application/octet-stream', undefined, 'private, max-age=31536000, immutable'],
    ['index/nodes.parquet', 'application/vnd.apache.parquet', undefined, 'private, no-cache'],
  ] as const) {
    const { status, headers } = await ask(`/shop/prod/${RUN}/${path}?v=1`, { 'accept-encoding': 'gzip' })
    assert.deepEqual(
      [
        path,
        status,
        headers['content-type'],
        headers['content-encoding'],
        headers['cache-control'],
        headers['x-content-type-options'],
      ],
      [path, 200, type, encoding, cache, 'nosniff'],
    )
    assert.match(
      headers['content-security-policy'] ?? '',
      /default-src 'none'.*connect-src 'self';.*form-action 'none'.*frame-ancestors 'none'/,
    )
  }
  const parquet = `/shop/prod/${RUN}/index/nodes.parquet`
  const tail = await ask(parquet, { range: 'bytes=-4' })
  assert.deepEqual([tail.status, tail.text, tail.headers['content-range']], [206, 'PAR1', 'bytes 16-19/20'])
  const head = await ask(parquet, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.headers['accept-ranges']], [200, '20', 'bytes'])
  const { headers } = await ask(`/shop/prod/${RUN}/manifest.json`, { 'accept-encoding': 'gzip' })
  const again = await ask(`/shop/prod/${RUN}/manifest.json`, { 'accept-encoding': 'gzip', 'if-none-match': headers.etag ?? '' })
  assert.deepEqual([again.status, again.text], [304, ''])
})

test('what is not there is said in words; nothing of the page gets into them', OPTIONS, async t => {
  const ask = await start(t)
  const nothing = await ask('/shop/staging/current/')
  assert.equal(nothing.status, 404)
  assert.match(nothing.text, /There are no docs of shop\/staging yet\./)
  const gone = await ask('/shop/prod/20200101T010004-9f3ac2d1b7e4/')
  assert.match(gone.text, /The docs of run 20200101T010004-9f3ac2d1b7e4 in shop\/prod have no index\.html/)
  for (const path of [
    '/',
    '/shop',
    '/shop/prod/x/',
    `/shop/prod/${RUN}/../../../../runs/shop/prod/nightly/x/run.json`,
    `/shop/prod/${RUN}/%2e%2e/%2e%2e/${RUN}/index.html`,
    `/shop/prod/${RUN}/..%2f..%2fcurrent.json`,
    `/shop/prod/${RUN}/.hidden`,
    `/shop/prod/${RUN}/%00`,
    `/shop/prod/${RUN}/%ff`,
    '//evil.example/shop/',
    `/shop/prod/${RUN}/<script>`,
    '/<script>/prod/current/',
  ]) {
    const { status, text } = await ask(path)
    assert.deepEqual([path, status], [path, 404])
    assert.doesNotMatch(text, /<script/)
  }
  assert.equal((await ask('/shop/prod/current/', { method: 'POST' })).status, 405)
  assert.equal((await ask('/shop/prod/current/', { host: 'evil.example' })).status, 403)
  assert.equal(parseDocsPath(`/shop/prod/${RUN}/a%2f..%2fb`), undefined)
  const failing = await start(t, {
    ...fakeBucket({}),
    get: async () => {
      throw new UserError('The AWS credentials have expired.', { hint: 'Sign in <again>.' })
    },
  })
  const { status, text } = await failing('/shop/prod/current/')
  assert.equal(status, 502)
  assert.match(text, /The AWS credentials have expired\.<\/p>\n<p>Sign in &#60;again&#62;\./)
})

const MB = 1024 * 1024
const SIZE = 200 * MB

test('fault 29: a manifest of 200 MB passes through, as stored or decompressed, without growing memory', OPTIONS, async t => {
  const chunk = Buffer.alloc(MB, '{"text":"a long description"},')
  const source = () =>
    Readable.from(
      (function* () {
        for (let sent = 0; sent < SIZE; sent += MB) yield chunk
      })(),
      { objectMode: false },
    )
  let encoding: { encoding?: string } = {}
  const open: Bucket['open'] = async () => ({
    status: 200,
    etag: '"a"',
    ...encoding,
    body: encoding.encoding ? source().pipe(createGzip({ level: 1 })) : source(),
  })
  const server = await serveDocs({ bucket: { ...fakeBucket({}), open } }, { port: 0 })
  t.after(() => server.close())
  const { port, host } = new URL(server.origin)
  for (const stored of [{}, { encoding: 'gzip' }]) {
    encoding = stored
    let most = 0
    const before = process.memoryUsage.rss()
    const bytes = await new Promise<number>((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port, path: `/shop/prod/${RUN}/manifest.json`, headers: { host } }, response => {
        let count = 0
        response.on('data', part => {
          count += part.length
          most = Math.max(most, process.memoryUsage.rss())
          // Slower than it could come.
          if (count % (16 * MB) < part.length) {
            response.pause()
            setTimeout(() => response.resume(), 20)
          }
        })
        response.on('end', () => resolve(count))
        response.on('error', reject)
      })
      call.on('error', reject).end()
    })
    assert.equal(bytes, SIZE)
    assert.ok(most - before < 80 * MB, `${Math.round((most - before) / MB)} MB more`)
  }
})

test('a stored page is decompressed for who cannot do it', OPTIONS, async t => {
  const ask = await start(t)
  const packed = await ask(`/shop/prod/${RUN}/`, { 'accept-encoding': 'gzip' })
  assert.equal(gunzipSync(packed.body).toString(), (await ask(`/shop/prod/${RUN}/`)).text)
})

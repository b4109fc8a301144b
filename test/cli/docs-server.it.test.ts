/** dbt's docs over HTTP: which run they are of, and how each kind of file comes. */
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { createGzip, gunzipSync, gzipSync } from 'node:zlib'
import type { Bucket } from '../../cli/connection.ts'
import { serveDocs } from '../../cli/docs-server.ts'
import { KEY } from '../../shared/contract.ts'
import { parseDocsPath } from '../../shared/docs-site.ts'
import { UserError } from '../../shared/errors.ts'
import { fakeBucket } from './fakes.ts'
import { get } from './http.ts'

const OPTIONS = { timeout: 60_000 }
const SANDBOX = 'sandbox allow-scripts allow-same-origin allow-forms allow-downloads'
const RUN = '20261122T010004-9f3ac2d1b7e4'
const NEWER = '20261123T010004-9f3ac2d1b7e5'
/** Stored by the version before, which had no folder for each attempt. */
const OLD = '20261101T010004-9f3ac2d1b7e6'
const AT = KEY.docs('shop', 'prod', RUN, 2)
const CURRENT = KEY.docsPointer('shop', 'prod')
const pointer = (run: string, attempt?: number) =>
  Buffer.from(JSON.stringify({ run, resolvedAt: '2026-11-22T01:00:10Z', ...(attempt !== undefined && { attempt }) }))

const OBJECTS: Record<string, Uint8Array> = {
  [CURRENT]: pointer(RUN, 2),
  [KEY.docsRunPointer('shop', 'prod', RUN)]: pointer(RUN, 2),
  [`${KEY.docs('shop', 'prod', RUN, 1)}index.html`]: gzipSync('<html>first</html>'),
  [`${AT}index.html`]: gzipSync('<html>docs</html>'),
  [`${AT}manifest.json`]: gzipSync('{"nodes":{}}'),
  [`${AT}assets/app-1a2b3c4d.js`]: gzipSync('let a = 1'),
  [`${AT}assets/duckdb.wasm`]: gzipSync('wasm'),
  [`${AT}assets/@lit-1a2b3c4d.js`]: gzipSync('let b = 1'),
  [`${AT}assets/notes.exe`]: Buffer.from('MZ'),
  [`${AT}index/nodes.parquet`]: Buffer.from('PAR1 0123456789 PAR1'),
  [`${KEY.docsRun('shop', 'prod', OLD)}index.html`]: gzipSync('<html>old</html>'),
  [`${KEY.docsRun('shop', 'prod', OLD)}assets/app-1a2b3c4d.js`]: gzipSync('let a = 0'),
  'runs/shop/prod/nightly/x/run.json': Buffer.from('{}'),
}

async function start(t: TestContext, bucket: Bucket = fakeBucket({ ...OBJECTS })) {
  const server = await serveDocs({ bucket }, { port: 0 })
  t.after(() => server.close())
  return Object.assign((path: string, headers: Record<string, string> = {}) => get(server.origin, path, headers), {
    origin: server.origin,
  })
}

test('every address leads to the docs of one attempt, which stay what they are', OPTIONS, async t => {
  const objects = { ...OBJECTS }
  const ask = await start(t, fakeBucket(objects))
  const folder = `/shop/prod/${RUN}/2/`
  const leads = async (path: string) => {
    const { status, headers } = await ask(path)
    assert.deepEqual([path, status, headers['cache-control']], [path, 302, 'no-store'])
    return headers.location
  }
  for (const path of ['/current/', '/current', '/', '', `/${RUN}/`, `/${RUN}`, `/${RUN}/2`])
    assert.equal(await leads(`/shop/prod${path}`), folder)
  for (const run of ['current', RUN]) assert.equal(await leads(`/shop/prod/${run}/manifest.json`), `${folder}manifest.json`)
  assert.equal((await ask(folder)).text, '<html>docs</html>')
  objects[CURRENT] = pointer(NEWER, 1)
  objects[KEY.docsRunPointer('shop', 'prod', RUN)] = pointer(RUN, 3)
  assert.equal((await ask(`${folder}manifest.json`)).text, '{"nodes":{}}')
  assert.equal(await leads('/shop/prod/current/'), `/shop/prod/${NEWER}/1/`)
  assert.equal(await leads(`/shop/prod/${RUN}/`), `/shop/prod/${RUN}/3/`)
})

test('docs that the version before has stored are found by its pointer and at their address', OPTIONS, async t => {
  const ask = await start(t, fakeBucket({ ...OBJECTS, [CURRENT]: pointer(OLD) }))
  assert.equal((await ask('/shop/prod/current/')).headers.location, `/shop/prod/${OLD}/`)
  assert.equal((await ask(`/shop/prod/${OLD}`)).headers.location, `/shop/prod/${OLD}/`)
  const page = await ask(`/shop/prod/${OLD}/`)
  assert.deepEqual([page.status, page.text, page.headers['cache-control']], [200, '<html>old</html>', 'private, no-cache'])
  assert.match(page.headers['content-security-policy'] ?? '', new RegExp(`connect-src ${ask.origin}/shop/prod/${OLD}/;`))
  assert.equal((await ask(`/shop/prod/${OLD}/assets/app-1a2b3c4d.js`)).text, 'let a = 0')
})

test('each kind of file of 1.x and 2.x has its type, and comes as it is stored', OPTIONS, async t => {
  const ask = await start(t)
  const forever = 'private, max-age=31536000, immutable'
  for (const [path, type, encoding, cache] of [
    ['', 'text/html; charset=utf-8', 'gzip', 'private, no-cache'],
    ['index.html', 'text/html; charset=utf-8', 'gzip', 'private, no-cache'],
    ['manifest.json', 'application/json', 'gzip', forever],
    ['assets/app-1a2b3c4d.js', 'text/javascript; charset=utf-8', 'gzip', forever],
    ['assets/duckdb.wasm', 'application/wasm', 'gzip', forever],
    ['assets/notes.exe', 'application/octet-stream', undefined, forever],
    ['index/nodes.parquet', 'application/vnd.apache.parquet', undefined, forever],
    ['assets/@lit-1a2b3c4d.js', 'text/javascript; charset=utf-8', 'gzip', forever],
  ] as const) {
    const { status, headers } = await ask(`/shop/prod/${RUN}/2/${path}?v=1`, { 'accept-encoding': 'gzip' })
    assert.deepEqual(
      [
        path,
        status,
        headers['content-type'],
        headers['content-encoding'],
        headers['cache-control'],
        headers['x-content-type-options'],
        headers.vary,
      ],
      [path, 200, type, encoding, cache, 'nosniff', 'accept-encoding'],
    )
    const own = `${ask.origin}/shop/prod/${RUN}/2/`
    for (const rule of [`connect-src ${own}`, `worker-src ${own} blob:`, "default-src 'none'", "form-action 'none'", SANDBOX])
      assert.ok(headers['content-security-policy']?.split('; ').includes(rule), rule)
  }
})

test('byte ranges: of the stored bytes, whole where that would be no use, and 416 behind the end', OPTIONS, async t => {
  const ask = await start(t)
  const parquet = `/shop/prod/${RUN}/2/index/nodes.parquet`
  for (const [range, status, text, where] of [
    ['bytes=0-3', 206, 'PAR1', 'bytes 0-3/20'],
    ['bytes=15-', 206, ' PAR1', 'bytes 15-19/20'],
    ['bytes=-4', 206, 'PAR1', 'bytes 16-19/20'],
    ['bytes=16-400', 206, 'PAR1', 'bytes 16-19/20'],
    ['bytes=0-1,4-5', 200, 'PAR1 0123456789 PAR1', undefined],
    ['lines=1-2', 200, 'PAR1 0123456789 PAR1', undefined],
  ] as const) {
    const part = await ask(parquet, { range })
    assert.deepEqual([range, part.status, part.text, part.headers['content-range']], [range, status, text, where])
  }
  const behind = await ask(parquet, { range: 'bytes=20-' })
  assert.deepEqual([behind.status, behind.text], [416, ''])
  const head = await ask(parquet, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.headers['accept-ranges']], [200, '20', 'bytes'])
  // Of what is stored compressed, a range is one of the compressed bytes: for who takes these.
  const manifest = `/shop/prod/${RUN}/2/manifest.json`
  const packed = OBJECTS[`${AT}manifest.json`] ?? new Uint8Array()
  const part = await ask(manifest, { range: 'bytes=0-9', 'accept-encoding': 'gzip' })
  assert.deepEqual([part.status, part.headers['content-encoding'], part.body], [206, 'gzip', packed.subarray(0, 10)])
  const plain = await ask(manifest, { range: 'bytes=0-9' })
  assert.deepEqual([plain.status, plain.text, plain.headers['accept-ranges']], [200, '{"nodes":{}}', undefined])
})

test('what has not changed is not sent again; packed and unpacked are two things', OPTIONS, async t => {
  const ask = await start(t)
  const manifest = `/shop/prod/${RUN}/2/manifest.json`
  const packed = await ask(manifest, { 'accept-encoding': 'gzip' })
  const plain = await ask(manifest)
  assert.notEqual(packed.headers.etag, plain.headers.etag)
  for (const [etag = '', encoding] of [
    [packed.headers.etag, 'gzip'],
    [plain.headers.etag, 'identity'],
  ] as const) {
    const again = await ask(manifest, { 'accept-encoding': encoding, 'if-none-match': etag })
    assert.deepEqual([again.status, again.text, again.headers['cache-control']], [304, '', packed.headers['cache-control']])
  }
  assert.equal((await ask(manifest, { 'accept-encoding': 'gzip', 'if-none-match': '"other"' })).status, 200)
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
    `/shop/prod/${RUN}/2/../1/.hidden`,
    `/shop/prod/${RUN}/2/%2e%2e/index.html`,
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
      const call = request(
        { host: '127.0.0.1', port, path: `/shop/prod/${RUN}/1/manifest.json`, headers: { host } },
        response => {
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
        },
      )
      call.on('error', reject).end()
    })
    assert.equal(bytes, SIZE)
    assert.ok(most - before < 80 * MB, `${Math.round((most - before) / MB)} MB more`)
  }
})

test('a stored page is decompressed for who cannot do it', OPTIONS, async t => {
  const ask = await start(t)
  const packed = await ask(`/shop/prod/${RUN}/2/`, { 'accept-encoding': 'gzip' })
  assert.equal(gunzipSync(packed.body).toString(), (await ask(`/shop/prod/${RUN}/2/`)).text)
})

/** The built function of the hosted pages, asked over HTTP: real tokens, the emulator's table and bucket, answers while they come. */
import assert from 'node:assert/strict'
import { createHash, sign } from 'node:crypto'
import { once } from 'node:events'
import { get as httpGet, type IncomingMessage } from 'node:http'
import { after, before, test } from 'node:test'
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import { KEY } from '../../shared/contract.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { TOKEN_HEADER } from '../../shared/page-api.ts'
import type { Role } from '../../shared/page-roles.ts'
import { get } from '../cli/http.ts'
import { stranger } from '../lambda/site-fixture.ts'
import { CLIENT, type Hosted, startHosted } from './installation.ts'

const limit = { timeout: 60_000 }
const MB = 1024 * 1024
let hosted: Hosted

before(
  async () => {
    hosted = await startHosted()
    for (const role of ['viewer', 'operator', 'admin'] satisfies Role[]) hosted.cognito.users.set(role, [role])
    hosted.cognito.users.set('nobody', [])
  },
  { timeout: 120_000 },
)
after(() => hosted?.close(), { timeout: 30_000 })

const tokenOf = (user: string, claims?: object) => hosted.cognito.token(user, CLIENT.pages, claims)
const ask = (path: string, headers: Record<string, string> = {}, token = tokenOf('viewer')) =>
  get(hosted.pages, path, { [TOKEN_HEADER]: token, ...headers })
const act = (user: string, request: object) => {
  const body = JSON.stringify(request)
  return ask(
    '/api/actions',
    {
      method: 'POST',
      origin: hosted.pages,
      'content-type': 'application/json',
      'x-amz-content-sha256': createHash('sha256').update(body).digest('hex'),
      body,
    },
    tokenOf(user),
  )
}

test('the application, who looks, and what the table knows', limit, async () => {
  const page = await ask('/', {}, '')
  assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'])
  const [, script = ''] = /src="([\w-]+\.js)"/.exec(page.text) ?? []
  const packed = await ask(`/${script}`, { 'accept-encoding': 'gzip' }, '')
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.match(packed.headers['cache-control'] ?? '', /immutable/)
  const { text } = await ask(`/${script}`, {}, '')
  assert.equal(gunzipSync(packed.body).toString(), text)
  const small = await ask(`/${script}`, { 'accept-encoding': 'gzip, br' }, '')
  assert.equal(small.headers['content-encoding'], 'br')
  assert.equal(brotliDecompressSync(small.body).toString(), text)
  assert.equal((await ask('/', { method: 'HEAD' }, '')).body.length, 0)
  const { json: me } = await ask('/api/me')
  assert.deepEqual(
    [me.installation, me.actor, me.role, me.docs, me.signOut],
    ['tidemill', 'site:viewer@acme.example', 'viewer', hosted.docs, '/auth/sign-out'],
  )
  assert.equal((await ask(`/data/${me.config}`)).json.installation, hosted.history.config.installation)
  assert.deepEqual(
    (await ask('/api/open')).json.runs.map((run: { id: string }) => run.id),
    [hosted.running.id],
  )
  assert.equal((await ask(`/api/runs/${hosted.failed.id}`)).json.run.reason, 'node_failures')
  assert.equal((await ask('/api/runs/20200101T000000-000000000000')).status, 404)
  const { json: list } = await ask(`/api/parts/${hosted.failed.id}/1`)
  assert.deepEqual(list.keys, hosted.parts)
  assert.deepEqual((await ask(`/api/parts/${hosted.failed.id}/1?after=1`)).json.keys, hosted.parts.slice(1))
})

test('the history of a node and of sources, read from files in the bucket', limit, async () => {
  const own = hosted.history.runs.filter(run => run.job === 'nightly' && run.startedAt).map(run => run.id)
  const { json: node } = await ask('/api/nodes/shop/prod?id=model.shop.fct_orders&days=60')
  assert.deepEqual(
    node.runs.map(({ run }: { run: string }) => run),
    own,
  )
  const { json } = await ask('/api/sources')
  assert.ok(json.sources.length === 2 && json.sources.every(({ checks }: { checks: unknown[] }) => checks.length > 0))
  assert.equal((await ask(`/api/progress/${hosted.failed.id}/1`)).json.nodes.length, 120)
  assert.equal((await ask('/api/nodes/shop/prod')).status, 400)
})

test('objects: as stored for who unpacks, unpacked for who does not, parts of them, and nothing twice', limit, async () => {
  const path = `/data/${HISTORY_KEY.index}`
  const packed = await ask(path, { 'accept-encoding': 'gzip, br' })
  assert.deepEqual([packed.status, packed.headers['content-encoding']], [200, 'gzip'])
  const plain = await ask(path)
  assert.equal(gunzipSync(packed.body).toString(), plain.text)
  assert.equal(plain.json.newest.length, hosted.history.index.newest.length)
  const { etag = '' } = packed.headers
  const again = await ask(path, { 'accept-encoding': 'gzip', 'if-none-match': etag })
  assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, etag])
  assert.equal((await ask(path, { 'if-none-match': '"other"' })).status, 200)

  const key = 'runs/range.bin'
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, i) => i % 251))
  await hosted.put(key, bytes)
  for (const [range, start, end] of [
    ['bytes=0-9', 0, 10],
    ['bytes=4000-', 4000, 5000],
    ['bytes=-7', 4993, 5000],
  ] as const) {
    const part = await ask(`/data/${key}`, { range })
    assert.deepEqual(
      [part.status, part.headers['content-range'], part.body.equals(bytes.subarray(start, end))],
      [206, `bytes ${start}-${end - 1}/5000`, true],
    )
  }
  assert.equal((await ask(`/data/${key}`, { range: 'bytes=5000-' })).status, 416)
  assert.equal((await ask(`/data/${key}`, { range: 'bytes=0-1,4-5' })).status, 200)
  const head = await ask(`/data/${key}`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, '5000', 0])
  assert.equal((await ask(`/data/${key}x`)).status, 404)
  assert.equal((await ask('/data/runs/..%2fplans/x')).status, 404)
})

test('an empty object is an answer with its head', limit, async () => {
  await hosted.put('runs/empty.txt', '')
  const empty = await ask('/data/runs/empty.txt')
  assert.deepEqual([empty.status, empty.body.length, empty.headers['content-type']], [200, 0, 'application/octet-stream'])
})

test('a large object passes through the function while it comes, in little memory', limit, async () => {
  const size = 96 * MB
  const body = Buffer.alloc(size, 'tidemill')
  await hosted.put('runs/large.bin', body)
  await ask('/api/me')
  const before = hosted.site.peak()
  const large = await ask('/data/runs/large.bin')
  assert.deepEqual([large.status, large.body.length, large.body.equals(body)], [200, size, true])
  const grown = (hosted.site.peak() - before) / MB
  assert.ok(grown < 48, `${grown} MB more`)
})

test('readers who go away leave no connection to the bucket behind', limit, async () => {
  await hosted.put('runs/left.bin', Buffer.alloc(8 * MB, 'x'))
  await hosted.put('runs/left.json', gzipSync(Buffer.alloc(256 * MB, 'x'), { level: 1 }), { encoding: 'gzip' })
  // The AWS SDK opens at most 50 connections: with one left behind each time, the last of these would wait for ever.
  for (const name of ['left.bin', 'left.json']) for (let i = 0; i < 52; i++) await leaveEarly(`/data/runs/${name}`)
  assert.equal((await ask(`/data/${HISTORY_KEY.index}`)).status, 200)
})

/** Reads the head and the first bytes. */
async function leaveEarly(path: string): Promise<void> {
  const { port } = new URL(hosted.pages)
  const request = httpGet({ host: '127.0.0.1', port, path, headers: { [TOKEN_HEADER]: tokenOf('viewer') } })
  const [response] = (await once(request, 'response')) as [IncomingMessage]
  assert.equal(response.statusCode, 200)
  await once(response, 'data')
  response.destroy()
}

test('tokens that count for nothing', limit, async () => {
  const seconds = Math.floor(Date.now() / 1000)
  const bad = {
    none: '',
    expired: tokenOf('admin', { exp: seconds - 1 }),
    'of another pool': tokenOf('admin', { iss: `${hosted.cognito.issuer}2` }),
    'of the docs': hosted.cognito.token('admin', CLIENT.docs),
    'an access token': tokenOf('admin', { token_use: 'access' }),
    'of a stranger': forge(tokenOf('admin')),
  }
  for (const [name, token] of Object.entries(bad))
    for (const path of ['/api/me', '/api/open', `/data/${HISTORY_KEY.index}`]) {
      const { status, json } = await ask(path, {}, token)
      assert.deepEqual([name, status, json.signIn], [name, 401, '/auth/sign-in'])
    }
  const { status, json } = await ask('/api/me', {}, tokenOf('nobody'))
  assert.deepEqual([status, json.signIn, json.signOut], [403, '/auth/sign-in', '/auth/sign-out'])
  assert.match(json.message, /signed in as nobody@acme\.example, who is in none of the groups/)
  const ofDirectory = await ask('/api/me', {}, tokenOf('nobody', { 'custom:groups': '[sales, everybody]' }))
  assert.equal(ofDirectory.json.role, 'viewer')
})

/** The same words, signed with another key. */
function forge(token: string): string {
  const signed = token.split('.').slice(0, 2).join('.')
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), stranger.privateKey).toString('base64url')}`
}

test('operations: by group, in the name of the token, and in the audit trail', limit, async () => {
  const job = 'shop/quarter_hourly'
  const run = { operation: 'run', job, idempotencyKey: 'from-the-pages' }
  assert.deepEqual([(await act('viewer', run)).status, (await act('nobody', run)).status], [403, 403])
  const started = await act('operator', run)
  assert.equal(started.json.ok, true, started.text)
  assert.deepEqual(started.json.run.cause, {
    kind: 'request',
    actor: 'site:operator@acme.example',
    idempotencyKey: 'from-the-pages',
  })
  assert.deepEqual(
    hosted.poked.map(({ name }) => name),
    ['tidemill-dispatcher'],
  )
  const open = (await ask('/api/open')).json.runs.map((each: { id: string }) => each.id)
  assert.ok(open.includes(started.json.run.id))
  const backfill = { operation: 'notify' }
  assert.equal((await act('operator', backfill)).status, 403)
  assert.notEqual((await act('admin', backfill)).status, 403)
  // What is refused by the function comes to nobody's trail but its own answer; what the api refuses is in it.
  assert.equal((await act('operator', { operation: 'run', job: 'shop/none', idempotencyKey: 'k' })).status, 404)
  const { Items = [] } = await hosted.table.send(new ScanCommand({ TableName: hosted.tableName }))
  const trail = Items.filter(item => String(item.pk).startsWith('AUDIT#')).sort((a, b) => (a.at < b.at ? -1 : 1))
  assert.deepEqual(
    trail.map(({ actor, operation }) => [actor, operation]),
    [
      ['site:operator@acme.example', 'run'],
      ['site:admin@acme.example', 'notify'],
      ['site:operator@acme.example', 'run'],
    ],
  )
  // A body that is not the one whose hash was sent does not come through.
  const headers = { method: 'POST', origin: hosted.pages, 'x-amz-content-sha256': '0'.repeat(64), body: '{}' }
  assert.equal((await ask('/api/actions', headers, tokenOf('admin'))).status, 403)
})

test('docs: behind their own cookie, from the run of the pointer', limit, async () => {
  const { id } = hosted.failed
  const at = KEY.docs('shop', 'prod', id, 2)
  await hosted.put(KEY.docsPointer('shop', 'prod'), JSON.stringify({ run: id, attempt: 2, resolvedAt: '2026-11-22T01:00:10Z' }))
  await hosted.put(`${at}index.html`, '<html>the docs')
  const cookie = `__Host-tidemill-docs=${hosted.cognito.token('viewer', CLIENT.docs)}`
  const look = (path: string, headers: Record<string, string> = {}) => get(hosted.docs, path, { cookie, ...headers })
  assert.equal((await look('/shop/prod/current/')).headers.location, `/shop/prod/${id}/2/`)
  const page = await look(`/shop/prod/${id}/2/`)
  assert.deepEqual([page.status, page.text], [200, '<html>the docs'])
  assert.match(page.headers['strict-transport-security'] ?? '', /max-age=31536000/)
  assert.equal((await look(`/shop/prod/${id}/`, { cookie: '' })).status, 401)
  assert.equal((await look(`/shop/prod/${id}/`, { cookie: `__Host-tidemill-docs=${tokenOf('admin')}` })).status, 401)
  assert.equal((await look(`/shop/prod/${id}/2/none.json`)).status, 404)
})

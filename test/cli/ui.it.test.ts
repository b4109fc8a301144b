/** The server of `tidemill ui`, asked by hand: what it gives, to whom, and what it never gives. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { startUi } from '../../cli/ui.ts'
import { DEPLOYMENTS_KEY, KEY, PK } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { TOKEN_HEADER, type Week } from '../../shared/page-api.ts'
import type { RunRecord } from '../../shared/run.ts'
import { configOf, jobOf } from '../fakes/records.ts'
import { CONFIG, fakeConnection, fakeContext, makeAttempt, makeRun } from './fakes.ts'
import { get } from './http.ts'
import { makeFolder } from './process.ts'
import { ACTOR, ID, INDEX, startServer } from './ui-server.ts'

const OPTIONS = { timeout: 30_000 }
const failing = (name: string) => () => {
  throw new UserError('Not possible.', { hint: 'Do this.', exitCode: 3, cause: Object.assign(new Error('x'), { name }) })
}

test('the page comes without a token, compressed where that is understood, and under a strict policy', OPTIONS, async t => {
  const { ui, page } = await startServer(t)
  const index = await get(ui.origin, '/')
  assert.deepEqual([index.status, index.text], [200, page])
  for (const [accepted, encoding, unpack] of [
    ['br, gzip;q=0.8', 'br', brotliDecompressSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
  ] as const) {
    const script = await get(ui.origin, '/app.js', { 'accept-encoding': accepted })
    assert.equal(script.headers['content-encoding'], encoding)
    assert.match(unpack(script.body).toString(), /^const a/)
  }
  assert.equal((await get(ui.origin, '/app.js.br')).status, 404)
  assert.equal((await get(ui.origin, '/app.js', { 'accept-encoding': 'gzip;q=0' })).headers['content-encoding'], undefined)
  assert.equal(
    (await get(ui.origin, '/app.js', { 'if-none-match': (await get(ui.origin, '/app.js')).headers.etag ?? '' })).status,
    304,
  )
  assert.match(index.headers['content-security-policy'] ?? '', /^default-src 'none'; script-src 'self';(?!.*unsafe)/)
  for (const [name, value] of Object.entries({
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  }))
    assert.equal(index.headers[name], value)
  for (const path of [
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2fsecret.txt',
    '/sub/',
    '/%00',
    '/%ff',
    '/index.htm',
    '//x/app.js',
  ])
    assert.deepEqual([path, (await get(ui.origin, path)).status], [path, 404])
  assert.equal((await get(ui.origin, '/', { method: 'POST' })).status, 405)
})

test('objects come as they are stored; what changes is asked about each time, the rest is kept', OPTIONS, async t => {
  const { ask } = await startServer(t)
  const index = await ask(`/data/${INDEX}`, { 'accept-encoding': 'gzip' })
  assert.deepEqual(
    [index.status, index.headers['content-encoding'], index.headers['cache-control']],
    [200, 'gzip', 'private, no-cache'],
  )
  assert.deepEqual(JSON.parse(gunzipSync(index.body).toString()), { jobs: [] })
  assert.equal(
    (await ask(`/data/${INDEX}`, { 'accept-encoding': 'gzip', 'if-none-match': index.headers.etag ?? '' })).status,
    304,
  )
  const day = await ask('/data/history/v1/index/days/2026-11-22-0123456789abcdef.json')
  assert.match(day.headers['cache-control'] ?? '', /immutable/)
  assert.deepEqual([day.headers['content-encoding'], day.json], [undefined, { runs: [] }])
  assert.equal((await ask(`/data/${INDEX}`, { 'if-none-match': (await ask(`/data/${INDEX}`)).headers.etag ?? '' })).status, 304)
  const head = await ask(`/data/${INDEX}`, { method: 'HEAD', 'accept-encoding': 'gzip' })
  assert.deepEqual([head.text, head.headers['content-length']], ['', String(index.body.length)])
})

test('a range is one of the stored bytes; of what must be decompressed the whole comes', OPTIONS, async t => {
  const { ask } = await startServer(t)
  const parquet = '/data/history/v1/nodes/day=2026-11-22/run=x.parquet'
  const end = await ask(parquet, { range: 'bytes=-4' })
  assert.deepEqual([end.status, end.text, end.headers['content-range']], [206, 'PAR1', 'bytes 16-19/20'])
  assert.equal((await ask(parquet, { range: 'bytes=5-9' })).text, '01234')
  assert.equal((await ask(parquet, { range: 'bytes=90-' })).status, 416)
  assert.equal((await ask(parquet, { range: 'bytes=0-1,3-4' })).status, 200)
  const plain = await ask(`/data/${INDEX}`, { range: 'bytes=0-3', 'accept-encoding': 'identity' })
  assert.deepEqual([plain.status, plain.json, plain.headers['accept-ranges']], [200, { jobs: [] }, undefined])
})

test('nothing but what the pages read leaves the bucket, and what a task has written is never a page', OPTIONS, async t => {
  const { ask } = await startServer(t)
  for (const key of [
    'plans/shop/prod/x/1.json',
    'cache/shop/prod/git/pack',
    'docs/shop/prod/x/manifest.json',
    'history/../plans/shop/prod/x/1.json',
    'runs/%2e%2e/plans/shop/prod/x/1.json',
    'runs%2f..%2fplans/shop/prod/x/1.json',
    '',
    '%ff',
  ])
    assert.deepEqual([key, (await ask(`/data/${key}`)).status], [key, 404])
  assert.equal((await ask('/data/docs/shop/prod/current.json')).status, 200)
  const evil = await ask(`/data/runs/shop/prod/nightly/${ID}/1/steps/1-build/evil.html`)
  assert.equal(evil.headers['content-type'], 'application/octet-stream')
  assert.match(evil.headers['content-security-policy'] ?? '', /default-src 'none'.*sandbox/)
})

test('the page learns who is looking, what is open, and where the parts of a log are', OPTIONS, async t => {
  const running = makeRun(ID, { status: 'running', attempts: [makeAttempt(1)] })
  const done = makeRun('20261122T020004-9f3ac2d1b7e5')
  const telling = makeRun('20261122T030004-9f3ac2d1b7e6', { effects: ['history'] })
  const prefix = KEY.attempt(running, 1)
  const parts = [1, 2, 3, 12].map(part => KEY.part(prefix, part))
  const objects = Object.fromEntries([...parts, KEY.tail(prefix)].map(key => [key, Buffer.from('')]))
  const { ask, ui } = await startServer(t, { runs: [running, done, telling], objects })
  assert.deepEqual((await ask('/api/me')).json, {
    installation: 'tm',
    actor: ACTOR,
    role: 'admin',
    docs: ui.docs,
    command: 'tidemill',
    version: '1.2.3',
    config: 'config/c.json',
  })
  const open = (await ask('/api/open')).json
  assert.deepEqual(
    open.runs.map((run: RunRecord) => run.id),
    [telling.id, running.id],
  )
  assert.equal((await ask(`/api/runs/${ID}`)).json.run.status, 'running')
  assert.deepEqual((await ask(`/api/parts/${ID}/1`)).json.keys, [...parts, KEY.tail(prefix)])
  assert.deepEqual((await ask(`/api/parts/${ID}/1?after=3`)).json.keys, [KEY.part(prefix, 12), KEY.tail(prefix)])
  for (const path of ['/api/runs/x', `/api/runs/20260101T010004-9f3ac2d1b7e4`, '/api/parts/x/1', '/api/nothing', '/api/'])
    assert.deepEqual([path, (await ask(path)).status], [path, 404])
  for (const path of [`/api/parts/${ID}/0`, `/api/parts/${ID}/1?after=x`, `/api/parts/${ID}/..`])
    assert.deepEqual([path, (await ask(path)).status >= 400], [path, true])
  assert.deepEqual((await ask('/api/nodes/shop/prod?id=model.shop.x')).json, { runs: [] })
  assert.deepEqual((await ask('/api/sources')).json, { sources: [] })
  for (const path of ['/api/nodes/shop/prod', '/api/nodes/a%2Fb/prod?id=x', '/api/cost?month=2026-13'])
    assert.deepEqual([path, (await ask(path)).status], [path, 400])
  assert.equal((await ask('/api/me', { method: 'DELETE' })).status, 405)
})

test('the page learns what is paused, by whom, and what was to run by the schedules that were in force', OPTIONS, async t => {
  const paused = { at: '2026-11-22T02:00:00Z', actor: ACTOR }
  const deployment = (id: string, hash: string, over = {}) => ({
    pk: PK.deployment(id),
    jobKey: DEPLOYMENTS_KEY,
    ...{ id, hash, at: `2026-11-${id}T00:00:00Z`, by: 'ci', ...over },
  })
  const items = [
    { pk: PK.job('shop/hourly'), paused },
    { pk: PK.job('shop/nightly'), running: new Set(['x']) },
    { pk: PK.environment('shop/prod'), paused },
    { pk: PK.job('shop/gone'), paused },
    deployment('20', 'a'),
    deployment('21', 'b', { since: '2026-11-21T00:03:00Z' }),
  ]
  const at = (cron: string) =>
    configOf([jobOf({ schedules: [{ name: 'default', cron, expressions: [], timezone: 'UTC', enabled: true }] })])
  const configs = { c: CONFIG, a: at('0 2 * * *'), b: at('0 4 * * *') }
  const objects = Object.entries(configs).map(([name, config]) => [`config/${name}.json`, Buffer.from(JSON.stringify(config))])
  const { ask } = await startServer(t, { items, objects: Object.fromEntries(objects) })
  assert.deepEqual((await ask('/api/open')).json.paused, [
    { of: 'job', name: 'shop/hourly', ...paused },
    { of: 'environment', name: 'shop/prod', ...paused },
  ])
  const week = (await ask('/api/week?from=2026-11-19T00:00:00Z&until=2026-11-23T00:00:00Z')).json as Week
  assert.deepEqual(
    week.jobs.map(({ job, firings }) => [job, ...firings.map(firing => firing.at.slice(8, 13))]),
    [['shop/nightly', '19T02', '20T02', '21T04', '22T04']],
  )
  for (const span of ['', '?from=2026-11-19&until=2026-11-20', '?from=2026-11-19T00:00:00Z&until=2026-11-29T00:00:00Z'])
    assert.deepEqual([span, (await ask(`/api/week${span}`)).status], [span, 400])
  const bare = await startServer(t)
  assert.equal('paused' in (await bare.ask('/api/open')).json, false, 'without the configuration it is not known')
})

test('operations go through the api, as those of the command line, and not with --no-actions', OPTIONS, async t => {
  const run = { operation: 'cancel', run: ID } as const
  const act = async ({ ask, ui }: Awaited<ReturnType<typeof startServer>>, body: string) =>
    ask('/api/actions', { method: 'POST', origin: ui.origin, body })
  const acting = await startServer(t)
  const answer = await act(acting, JSON.stringify(run))
  assert.deepEqual([answer.status, answer.json], [200, { ok: true, message: 'done' }])
  assert.deepEqual(acting.connection.requests, [{ operation: 'whoami' }, run])
  for (const bad of ['', 'null', '[]', '{"operation":1}', `{"operation":"run","job":"${'x'.repeat(40_000)}"}`])
    assert.deepEqual([bad.slice(0, 20), (await act(acting, bad)).status], [bad.slice(0, 20), 400])
  assert.equal((await acting.ask('/api/actions')).status, 405)
  const refusing = await startServer(t, {
    api: () => ({ ok: false, status: 409, message: 'It is over.', hint: 'tidemill runs' }),
  })
  const refused = await act(refusing, JSON.stringify(run))
  assert.deepEqual([refused.status, refused.json.message, refused.json.hint], [409, 'It is over.', 'tidemill runs'])
  const looking = await startServer(t, { actions: false })
  assert.equal((await act(looking, JSON.stringify(run))).status, 403)
  assert.deepEqual(looking.connection.requests, [{ operation: 'whoami' }])
  assert.equal((await looking.ask('/api/me')).json.role, 'viewer')
})

test('whose credentials the api refuses may look, under the name that AWS knows', OPTIONS, async t => {
  const folder = makeFolder(t, {
    'package.json': '{}',
    'dist/bin/app.mjs': '',
    'dist/site/index.html': '',
    'dist/site/index.html.br': '',
  })
  const connection = fakeConnection({ api: failing('AccessDenied') })
  const context = fakeContext(connection, { effects: { packageRoot: folder } })
  const options = { actions: true, pagePort: { port: 0 }, docsPort: { port: 0 } }
  const ui = await startUi(context, connection, options)
  t.after(() => ui.close())
  const { role, actor } = (await get(ui.origin, '/api/me', { [TOKEN_HEADER]: ui.token })).json
  assert.deepEqual([role, actor], ['viewer', 'arn:aws:sts::000000000000:assumed-role/viewer/ana'])
  const down = fakeConnection({ api: failing('ECONNREFUSED') })
  await assert.rejects(startUi(fakeContext(down, { effects: { packageRoot: folder } }), down, options), /Not possible/)
})

test('errors of AWS reach the page in words, with what to do', OPTIONS, async t => {
  const { ask, connection, context } = await startServer(t)
  for (const [name, status] of [
    ['ExpiredToken', 401],
    ['CredentialsProviderError', 401],
    ['AccessDenied', 403],
    ['ECONNREFUSED', 502],
  ] as const) {
    connection.configKey = failing(name)
    const { json } = await ask('/api/me')
    assert.deepEqual(json, { status, message: 'Not possible.', hint: 'Do this.' })
  }
  connection.configKey = async () => assert.fail('a bug')
  const { json } = await ask('/api/me')
  assert.equal(json.status, 500)
  assert.doesNotMatch(JSON.stringify(json), /a bug/)
  assert.match(context.said.join('\n'), /a bug/)
})

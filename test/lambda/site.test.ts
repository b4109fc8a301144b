import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { answerDocs } from '../../lambda/site/docs.ts'
import { parseEvent, type Reply } from '../../lambda/site/http.ts'
import { answerPages } from '../../lambda/site/pages.ts'
import { TOKEN_HEADER } from '../../shared/page-api.ts'
import { cookiesOf, DOCS, ISSUER, makeSite, makeToken, NOW, PAGES, request, stranger, type TokenParts } from './site-fixture.ts'

const OPTIONS = { timeout: 5000 }
const RUN = '20261122T010004-9f3ac2d1b7e4'
const json = ({ body }: Reply) => JSON.parse(String(body))
const signed = (token: string, headers: Record<string, string> = {}) => ({ headers: { [TOKEN_HEADER]: token, ...headers } })
const seconds = NOW.getTime() / 1000

test('the application is for everybody; who is signed in is told who they are', OPTIONS, async () => {
  const { pages, asked } = makeSite()
  const page = await answerPages(pages, request('/'))
  assert.deepEqual([page.status, String(page.body)], [200, '<html>'])
  assert.match(page.headers['content-security-policy'] ?? '', /default-src 'none'(?!.*unsafe)/)
  for (const [accepted, encoding, body] of [
    ['gzip, deflate, br, zstd', 'br', 'br'],
    ['GZIP; q=0.5, br;q=0', 'gzip', 'gz'],
    ['*', 'gzip', 'gz'],
    ['gzip;q=0.0, brotli', undefined, '<html>'],
  ] as const) {
    const packed = await answerPages(pages, request('/', { headers: { 'accept-encoding': accepted } }))
    assert.deepEqual([accepted, packed.headers['content-encoding'], String(packed.body)], [accepted, encoding, body])
  }
  for (let i = 0; i < 3; i++) {
    const me = await answerPages(pages, request('/api/me', signed(makeToken())))
    assert.deepEqual(json(me), {
      installation: 'tm',
      docs: DOCS.origin,
      command: 'tidemill',
      version: '1',
      actor: 'site:ana@acme.example',
      role: 'operator',
      config: 'config/c.json',
      signOut: '/auth/sign-out',
    })
  }
  assert.deepEqual(asked, [`${ISSUER}/.well-known/jwks.json`])
})

const hmac = (claims: object) => {
  const [head, payload] = makeToken({ header: { alg: 'HS256' }, claims }).split('.')
  return `${head}.${payload}.${createHmac('sha256', 'pages-client').update(`${head}.${payload}`).digest('base64url')}`
}
const BAD: Record<string, string | TokenParts> = {
  nothing: '',
  'no token': 'x.y.z',
  'a token without signature': makeToken().replace(/[^.]*$/, ''),
  'a token with a part more': `${makeToken()}.x`,
  'a changed payload': makeToken().replace(
    /\.[^.]+\./,
    `.${makeToken({ claims: { 'cognito:groups': ['admin'] } }).split('.')[1]}.`,
  ),
  'no algorithm': { header: { alg: 'none' } },
  'an algorithm of the caller': hmac({}),
  'the key of a stranger': { key: stranger.privateKey },
  'a key that the issuer does not have': { header: { kid: 'three' } },
  'a key of another kind': { header: { kid: 'two' } },
  'a key by number': { header: { kid: 1 } },
  'another issuer': { claims: { iss: `${ISSUER}x` } },
  'the client of the docs': { claims: { aud: DOCS.audience } },
  'a list of clients': { claims: { aud: [PAGES.audience] } },
  'an access token': { claims: { token_use: 'access', client_id: PAGES.audience } },
  'an end that has passed': { claims: { exp: seconds } },
  'no end': { claims: { exp: undefined } },
  'an end that is text': { claims: { exp: '9999999999' } },
  'a beginning to come': { claims: { iat: seconds + 120 } },
  'no name': { claims: { email: undefined, 'cognito:username': undefined } },
  'a megabyte': 'x'.repeat(1_000_000),
}
for (const [name, parts] of Object.entries(BAD))
  test(`a token counts for nothing: ${name}`, OPTIONS, async () => {
    const { pages, calls } = makeSite({ 'history/v1/index/current.json': '{}' })
    const token = typeof parts === 'string' ? parts : makeToken(parts)
    for (const path of [
      '/api/me',
      '/api/nodes/shop/prod?id=x',
      '/api/sources',
      '/data/history/v1/index/current.json',
      '/api/actions',
    ]) {
      const answer = await answerPages(
        pages,
        request(path, { ...signed(token), method: path === '/api/actions' ? 'POST' : 'GET', body: '{"operation":"notify"}' }),
      )
      assert.deepEqual([answer.status, json(answer).signIn], [401, '/auth/sign-in'])
    }
    assert.deepEqual(calls, [])
  })

test('a long answer is compressed for who takes that, a short one for nobody', OPTIONS, async () => {
  const { pages } = makeSite()
  const ask = (text: string, accepted: string) =>
    answerPages(
      { ...pages, answers: { answer: async () => ({ value: { text } }) } },
      request('/api/sources', signed(makeToken(), { 'accept-encoding': accepted })),
    )
  const long = 'x'.repeat(5000)
  const packed = await ask(long, 'gzip, br')
  assert.equal(packed.headers['content-encoding'], 'gzip')
  assert.deepEqual(JSON.parse(gunzipSync(packed.body as Buffer).toString()), { text: long })
  for (const plain of [await ask(long, 'br, gzip;q=0'), await ask('short', 'gzip')])
    assert.deepEqual([plain.headers['content-encoding'], plain.headers.vary], [undefined, 'accept-encoding'])
})

test('ids of keys that a stranger invents make nobody ask for each', OPTIONS, async () => {
  const { pages, asked } = makeSite()
  for (let i = 0; i < 20; i++) await answerPages(pages, request('/api/me', signed(makeToken({ header: { kid: `k${i}` } }))))
  assert.equal(asked.length, 1)
})

test('data is what the pages read, and never a page itself', OPTIONS, async () => {
  const objects = {
    'history/v1/index/current.json': '{}',
    'runs/a/x.html': '<script>',
    'plans/a/1.json': 'secret',
    'docs/a/b/current.json': '{}',
    'docs/a/b/manifest.json': '{}',
  }
  const { pages } = makeSite(objects)
  const ask = (key: string, method = 'GET') => answerPages(pages, request(`/data/${key}`, { ...signed(makeToken()), method }))
  assert.equal((await ask('history/v1/index/current.json')).headers['cache-control'], 'private, no-cache')
  assert.equal((await ask('docs/a/b/current.json')).status, 200)
  const page = await ask('runs/a/x.html')
  assert.equal(page.headers['content-type'], 'application/octet-stream')
  assert.match(page.headers['content-security-policy'] ?? '', /sandbox/)
  for (const key of [
    'plans/a/1.json',
    'history/../plans/a/1.json',
    'runs/%2e%2e/plans/a/1.json',
    'docs/a/b/manifest.json',
    '%ff',
    '',
  ])
    assert.deepEqual([key, (await ask(key)).status], [key, 404])
  assert.equal((await ask('history/v1/index/current.json', 'PUT')).status, 405)
})

test('fault 48: hosted, the docs have a cookie of their own, which opens nothing of the pages', OPTIONS, async () => {
  const at = `docs/shop/prod/${RUN}/1/`
  const pointer = JSON.stringify({ run: RUN, attempt: 1, resolvedAt: '2026-11-22T01:00:10Z' })
  const { docs, pages, exchange, calls } = makeSite({
    'docs/shop/prod/current.json': pointer,
    [`docs/shop/prod/${RUN}/current.json`]: pointer,
    [`${at}index.html`]: '<html>docs',
    'history/v1/index/current.json': '{}',
  })
  const document = { headers: { 'sec-fetch-dest': 'document' } }
  const sent = await answerDocs(docs, request(`/shop/prod/${RUN}/`, document))
  assert.equal(sent.headers.location, `/auth/sign-in?to=${encodeURIComponent(`/shop/prod/${RUN}/`)}`)
  assert.equal((await answerDocs(docs, request(`/shop/prod/${RUN}/manifest.json`))).status, 401)
  const begun = await answerDocs(docs, request(sent.headers.location ?? ''))
  const { state, nonce, client_id: client } = Object.fromEntries(new URL(begun.headers.location ?? '').searchParams)
  assert.equal(client, DOCS.audience)
  const token = makeToken({ claims: { nonce, aud: DOCS.audience, 'cognito:groups': ['admin'] } })
  exchange.answer = { id_token: token }
  const done = await answerDocs(docs, request(`/auth/callback?code=c&state=${state}`, { cookies: cookiesOf(begun.cookies) }))
  assert.equal(done.headers.location, `/shop/prod/${RUN}/`)
  assert.match(done.cookies?.[0] ?? '', /^__Host-tidemill-docs=.*; HttpOnly; SameSite=Lax$/)
  const cookies = cookiesOf(done.cookies)
  const page = await answerDocs(docs, request(`/shop/prod/${RUN}/`, { cookies }))
  assert.deepEqual([page.status, page.headers.location, page.headers['cache-control']], [302, `/shop/prod/${RUN}/1/`, 'no-store'])
  assert.equal((await answerDocs(docs, request('/shop/prod/current/', { cookies }))).headers.location, `/shop/prod/${RUN}/1/`)
  const { status, body, headers } = await answerDocs(docs, request(`/shop/prod/${RUN}/1/`, { cookies }))
  assert.deepEqual([status, body, headers['cache-control']], [200, '<html>docs', 'private, no-cache'])
  const own = `${DOCS.origin}/shop/prod/${RUN}/1/`
  assert.ok(headers['content-security-policy']?.includes(`connect-src ${own};`), headers['content-security-policy'])
  assert.equal((await answerDocs(docs, request('/shop/staging/', { cookies }))).status, 404)
  assert.equal((await answerDocs(docs, request('/data/history/v1/index/current.json', { cookies }))).status, 404)
  // What a hostile page could send: its own cookie, the same token in the header, an origin or a site that is another one's.
  const act = { method: 'POST', body: '{"operation":"notify"}', cookies }
  const admin = makeToken({ claims: { 'cognito:groups': ['admin'] } })
  const attempts: [string, number, Record<string, string>][] = [
    ['the cookie', 401, {}],
    ['the token of the docs in the header', 401, { [TOKEN_HEADER]: token }],
    ['from the docs', 403, { [TOKEN_HEADER]: admin, origin: DOCS.origin }],
    ['from a sandbox', 403, { [TOKEN_HEADER]: admin, origin: 'null' }],
    ['from the same site', 403, { [TOKEN_HEADER]: admin, 'sec-fetch-site': 'same-site' }],
  ]
  for (const [name, status, headers] of attempts) {
    const answer = await answerPages(pages, request('/api/actions', { ...act, headers }))
    assert.deepEqual([name, answer.status, answer.headers['access-control-allow-origin']], [name, status, undefined])
  }
  assert.deepEqual(calls, [])
  const viewerOfPages = await answerDocs(
    docs,
    request(`/shop/prod/${RUN}/x.json`, { cookies: new Map([['__Host-tidemill-docs', admin]]) }),
  )
  assert.equal(viewerOfPages.status, 401)
  const nobody = makeToken({ claims: { aud: DOCS.audience, 'cognito:groups': [] } })
  assert.equal(
    (await answerDocs(docs, request(`/shop/prod/${RUN}/`, { cookies: new Map([['__Host-tidemill-docs', nobody]]) }))).status,
    403,
  )
  assert.equal((await answerDocs(docs, request(`/shop/prod/${RUN}/`, { cookies, method: 'POST' }))).status, 405)
})

test('a request of a Function URL is read as it comes', OPTIONS, () => {
  const body = Buffer.from('{"a":1}')
  const event = {
    rawPath: '/api/actions',
    rawQueryString: 'a=1&b=%20',
    headers: { 'X-Tidemill-Token': 't', odd: 1 },
    cookies: ['a=b=c', 'd'],
    requestContext: { http: { method: 'POST' } },
    body: body.toString('base64'),
    isBase64Encoded: true,
  }
  const { query, cookies, ...rest } = parseEvent(event)
  assert.deepEqual(rest, { method: 'POST', path: '/api/actions', headers: { 'x-tidemill-token': 't', odd: '' }, body: '{"a":1}' })
  assert.deepEqual(
    [query.get('b'), [...cookies]],
    [
      ' ',
      [
        ['a', 'b=c'],
        ['d', ''],
      ],
    ],
  )
  assert.equal(parseEvent(undefined).path, '/')
})

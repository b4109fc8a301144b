import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerDocs } from '../../lambda/site/docs.ts'
import { answerPages } from '../../lambda/site/pages.ts'
import { safePath } from '../../lambda/site/sign-in.ts'
import { challengeOf, cookiesOf, DOCS, makeSite, makeToken, request } from './site-fixture.ts'

const OPTIONS = { timeout: 5000 }

test('sign-in: the code counts once, for the browser that asked, with the secret that only it has', OPTIONS, async () => {
  const { pages, posts, exchange } = makeSite()
  const begun = await answerPages(pages, request('/auth/sign-in?to=%2Fruns%2Fx%3Fa%3D1'))
  const to = new URL(begun.headers.location ?? '')
  assert.equal(to.origin + to.pathname, 'https://sign-in.example/oauth2/authorize')
  const { state = '', nonce, code_challenge: challenge, ...rest } = Object.fromEntries(to.searchParams)
  assert.deepEqual(rest, {
    response_type: 'code',
    client_id: 'pages-client',
    redirect_uri: 'https://runs.acme.example/auth/callback',
    scope: 'openid',
    code_challenge_method: 'S256',
  })
  assert.match(begun.cookies?.[0] ?? '', /^__Host-tidemill-sign-in=.*; Max-Age=600; Path=\/; Secure; HttpOnly; SameSite=Lax$/)
  const cookies = cookiesOf(begun.cookies)
  const back = (query: string, fields = {}) => answerPages(pages, request(`/auth/callback?${query}`, { cookies, ...fields }))
  exchange.answer = { id_token: makeToken({ claims: { nonce } }) }
  for (const [query, fields] of [
    [`code=c&state=other`, {}],
    [`state=${state}`, {}],
    [`code=c&state=${state}`, { cookies: new Map() }],
    [`code=c&state=${state}`, { cookies: new Map([['__Host-tidemill-sign-in', 'x']]) }],
  ] as const)
    assert.equal((await back(query, fields)).status, 403)
  assert.equal(posts.length, 0)
  const done = await back(`code=c&state=${state}`)
  assert.equal(
    done.headers.location,
    `https://runs.acme.example/#/runs/x?a=1&token=${(exchange.answer as { id_token: string }).id_token}`,
  )
  assert.match(done.cookies?.[0] ?? '', /^__Host-tidemill-sign-in=; Max-Age=0/)
  assert.equal(challengeOf(posts[0]?.code_verifier ?? ''), challenge)
  for (const answer of [
    undefined,
    {},
    { id_token: 'x' },
    { id_token: makeToken({ claims: { nonce: 'other' } }) },
    { id_token: makeToken() },
  ]) {
    exchange.answer = answer
    assert.equal((await back(`code=c&state=${state}`)).status, 403)
  }
})

test(
  'a sign-out goes by the docs, whose cookie it takes back, and Cognito, whose session it ends, to the pages',
  OPTIONS,
  async () => {
    const { pages, docs } = makeSite()
    const first = await answerPages(pages, request('/auth/sign-out'))
    assert.equal(first.headers.location, 'https://docs.acme.example/auth/sign-out')
    const second = await answerDocs(docs, request('/auth/sign-out'))
    assert.deepEqual(second.cookies, ['__Host-tidemill-docs=; Max-Age=0; Path=/; Secure; HttpOnly; SameSite=Lax'])
    const third = new URL(second.headers.location ?? '')
    assert.equal(third.origin + third.pathname, 'https://sign-in.example/logout')
    const { client_id: client, logout_uri: to = '', ...rest } = Object.fromEntries(third.searchParams)
    assert.deepEqual([client, to, rest], ['docs-client', 'https://runs.acme.example/auth/signed-out', {}])
    const last = await answerPages(pages, request(new URL(to).pathname))
    assert.equal(last.headers.location, 'https://runs.acme.example/#/signed-out')
  },
)

test('what Cognito or the directory refuses is said in their words, to the browser that was sent there', OPTIONS, async () => {
  const { pages } = makeSite()
  const begun = await answerPages(pages, request('/auth/sign-in'))
  const state = new URL(begun.headers.location ?? '').searchParams.get('state')
  const words = 'error=invalid_request&error_description=attributes+required%3A+%5Bemail%5D+%3Cb%3E'
  const back = (query: string) => answerPages(pages, request(`/auth/callback?${query}`, { cookies: cookiesOf(begun.cookies) }))
  const refused = await back(`${words}&state=${state}`)
  assert.equal(refused.headers['content-type'], 'text/html; charset=utf-8')
  assert.match(String(refused.body), /The sign-in was refused: attributes required: \[email\] &#60;b&#62;/)
  assert.match(String(refused.body), /Open https:\/\/runs\.acme\.example again/)
  assert.doesNotMatch(String((await back(words)).body), /attributes/)
})

test('docs: a token that no cookie holds, and one without a group, do not go round for ever', OPTIONS, async () => {
  const { docs, exchange } = makeSite()
  const signIn = async (claims: object) => {
    const begun = await answerDocs(docs, request('/auth/sign-in?to=/shop/prod/current/'))
    const { state, nonce } = Object.fromEntries(new URL(begun.headers.location ?? '').searchParams)
    exchange.answer = { id_token: makeToken({ claims: { aud: DOCS.audience, nonce, ...claims } }) }
    return answerDocs(docs, request(`/auth/callback?code=c&state=${state}`, { cookies: cookiesOf(begun.cookies) }))
  }
  const large = await signIn({ 'custom:groups': 'x'.repeat(2700) })
  assert.deepEqual([large.status, large.cookies], [403, undefined])
  assert.match(String(large.body), /a cookie holds 4000/)
  const plain = await signIn({ 'cognito:groups': [] })
  const refused = await answerDocs(docs, request('/shop/prod/current/', { cookies: cookiesOf(plain.cookies) }))
  assert.equal(refused.status, 403)
  assert.match(refused.cookies?.[0] ?? '', /^__Host-tidemill-docs=; Max-Age=0/)
})

test('after the sign-in the browser stays on this host', OPTIONS, () => {
  for (const bad of [
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    'javascript:x',
    '',
    '/a b',
    '/a\r\nset-cookie: x',
  ])
    assert.equal(safePath(bad), '/')
  assert.equal(safePath('/runs/x?a=1'), '/runs/x?a=1')
})

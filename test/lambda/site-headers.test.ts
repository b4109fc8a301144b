/** What every answer of the hosted pages' function has, also those that refuse and those to a fault of its own. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerSite } from '../../lambda/site/answer.ts'
import { TOKEN_HEADER } from '../../shared/page-api.ts'
import { SITE_HEADER } from '../../shared/resource-names.ts'
import { DOCS, makeSite, makeToken } from './site-fixture.ts'

const OPTIONS = { timeout: 10_000 }
const RUN = '20261122T010004-9f3ac2d1b7e4'
const INDEX = 'history/v1/index/current.json'
const FIXED: Record<string, string> = {
  'strict-transport-security': 'max-age=31536000',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}
/** Status of GET with the token of an operator, without one, and of PUT. */
const ROUTES: Record<'pages' | 'docs', Record<string, [number, number, number]>> = {
  pages: {
    '/': [200, 200, 405],
    '/nothing.js': [404, 404, 404],
    '/auth/sign-in': [302, 302, 302],
    '/auth/callback': [403, 403, 403],
    '/auth/sign-out': [302, 302, 302],
    '/auth/signed-out': [302, 302, 302],
    '/api/me': [200, 401, 405],
    // The fixture's table answers nothing but a fault.
    '/api/open': [500, 401, 405],
    [`/api/runs/${RUN}`]: [404, 401, 405],
    [`/api/parts/${RUN}/1`]: [404, 401, 405],
    '/api/actions': [405, 401, 405],
    '/api/nothing': [404, 401, 405],
    [`/data/${INDEX}`]: [200, 401, 405],
    '/data/plans/x': [404, 401, 405],
    '/data/%ff': [404, 401, 405],
  },
  docs: {
    '/': [404, 401, 405],
    '/auth/sign-in': [302, 302, 302],
    '/auth/callback': [403, 403, 403],
    '/auth/sign-out': [302, 302, 302],
    '/shop/prod/current/': [302, 401, 405],
    [`/shop/prod/${RUN}/1/`]: [200, 401, 405],
    [`/shop/prod/${RUN}/1/x.json`]: [404, 401, 405],
    '/shop/staging/': [404, 401, 405],
    '/%ff/': [404, 401, 405],
  },
}

for (const [kind, routes] of Object.entries(ROUTES))
  test(`every answer of the ${kind} has the headers that keep others out`, OPTIONS, async () => {
    const made = makeSite({
      [INDEX]: '{}',
      'docs/shop/prod/current.json': JSON.stringify({ run: RUN, attempt: 1, resolvedAt: '2026-11-22T01:00:10Z' }),
      [`docs/shop/prod/${RUN}/1/index.html`]: '<html>',
    })
    const logged: string[] = []
    const deps = { ...made, log: (message: string) => void logged.push(message) }
    const ask = (path: string, method: string, signed: boolean) =>
      answerSite(deps, {
        rawPath: path,
        requestContext: { http: { method } },
        headers: { [SITE_HEADER]: kind, ...(signed && { [TOKEN_HEADER]: makeToken() }) },
        cookies: signed ? [`__Host-tidemill-docs=${makeToken({ claims: { aud: DOCS.audience } })}`] : [],
      })
    for (const [path, expected] of Object.entries(routes)) {
      const answers = [await ask(path, 'GET', true), await ask(path, 'GET', false), await ask(path, 'PUT', true)]
      assert.deepEqual([path, ...answers.map(({ status }) => status)], [path, ...expected])
      for (const { headers } of answers) {
        for (const [name, value] of Object.entries(FIXED)) assert.deepEqual([path, name, headers[name]], [path, name, value])
        const policy = headers['content-security-policy'] ?? ''
        assert.match(policy, /default-src 'none'/, path)
        assert.match(policy, /frame-ancestors 'none'/, path)
        if (kind === 'pages') assert.doesNotMatch(policy, /unsafe/, path)
        assert.ok(headers['cache-control'], path)
      }
    }
    assert.deepEqual(logged, kind === 'pages' ? ['request failed'] : [])
  })

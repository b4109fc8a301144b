/** Fault 48 by hand: who else than this start's page asks `tidemill ui` for something. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TOKEN_HEADER } from '../../shared/page-api.ts'
import { get } from './http.ts'
import { INDEX, startServer } from './ui-server.ts'

const OPTIONS = { timeout: 30_000 }

test('fault 48: without this start’s token, from another page or under another name nothing is answered', OPTIONS, async t => {
  const { ui, ask, connection } = await startServer(t)
  const own = { [TOKEN_HEADER]: ui.token }
  const act = { method: 'POST', body: '{"operation":"notify"}' }
  const { port } = new URL(ui.origin)
  const attempts: [string, number, string, Record<string, string>][] = [
    ['no token', 401, '/api/me', {}],
    ['no token, for the history of a node', 401, '/api/nodes/shop/prod?id=model.shop.x', {}],
    ['no token, for the sources', 401, '/api/sources', {}],
    ['another token', 401, '/api/me', { [TOKEN_HEADER]: 'x'.repeat(ui.token.length) }],
    ['a shorter token', 401, '/api/me', { [TOKEN_HEADER]: ui.token.slice(1) }],
    ['the token in a cookie', 401, '/api/me', { cookie: `token=${ui.token}` }],
    ['the token in the address', 401, `/api/me?token=${ui.token}`, {}],
    ['an object without token', 401, `/data/${INDEX}`, {}],
    ['an action without token', 401, '/api/actions', { ...act, origin: ui.origin }],
    ['an action of no origin', 403, '/api/actions', { ...act, ...own }],
    ['a sandboxed page', 403, '/api/actions', { ...act, ...own, origin: 'null' }],
    ['the docs', 403, '/api/actions', { ...act, ...own, origin: ui.docs }],
    ['the docs, reading', 403, '/api/me', { ...own, origin: ui.docs }],
    ['the same site', 403, '/api/me', { ...own, 'sec-fetch-site': 'same-site' }],
    ['another site', 403, `/data/${INDEX}`, { ...own, 'sec-fetch-site': 'cross-site' }],
    ['a name that points here', 403, '/api/me', { ...own, host: `evil.example:${port}` }],
    ['localhost', 403, '/', { host: `localhost:${port}` }],
    ['no port', 403, '/', { host: '127.0.0.1' }],
    ['the port of the docs', 403, '/', { host: new URL(ui.docs).host }],
    ['a preflight', 403, '/api/actions', { method: 'OPTIONS', origin: ui.docs, 'access-control-request-method': 'POST' }],
  ]
  for (const [name, status, path, headers] of attempts) {
    const answer = await get(ui.origin, path, headers)
    assert.deepEqual([name, answer.status], [name, status])
    assert.equal(answer.headers['access-control-allow-origin'], undefined)
  }
  assert.deepEqual(connection.requests, [{ operation: 'whoami' }])
  assert.equal((await ask('/api/me', { origin: ui.origin, 'sec-fetch-site': 'same-origin' })).status, 200)
  assert.notEqual((await startServer(t)).ui.token, ui.token)
})

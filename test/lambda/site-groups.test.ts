/** Groups: those of the pool, those of the company's directory, and what each may do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reply } from '../../lambda/site/http.ts'
import { answerPages } from '../../lambda/site/pages.ts'
import { TOKEN_HEADER } from '../../shared/page-api.ts'
import { makeSite, makeToken, PAGES, request } from './site-fixture.ts'

const OPTIONS = { timeout: 5000 }
const RUN = '20261122T010004-9f3ac2d1b7e4'
const json = ({ body }: Reply) => JSON.parse(String(body))
const signed = (token: string, headers: Record<string, string> = {}) => ({ headers: { [TOKEN_HEADER]: token, ...headers } })

test('a group may do what the one before may; none may not even look', OPTIONS, async () => {
  const cancel = { operation: 'cancel', run: RUN }
  const expected: [string[], number, number, number][] = [
    [[], 403, 403, 403],
    [['other'], 403, 403, 403],
    [['viewer'], 200, 403, 403],
    [['operator', 'viewer'], 200, 200, 403],
    [['admin'], 200, 200, 200],
  ]
  for (const [groups, look, work, all] of expected) {
    const { pages, calls } = makeSite()
    const token = makeToken({ claims: { 'cognito:groups': groups } })
    const act = (body: object) =>
      answerPages(
        pages,
        request('/api/actions', { ...signed(token, { origin: PAGES.origin }), method: 'POST', body: JSON.stringify(body) }),
      )
    const got = [
      await answerPages(pages, request('/api/me', signed(token))),
      await act(cancel),
      await act({ operation: 'notify' }),
    ]
    assert.deepEqual([groups, ...got.map(({ status }) => status)], [groups, look, work, all])
    if (work === 200) assert.deepEqual(calls[0], { actor: 'site:ana@acme.example', request: cancel })
    else assert.deepEqual(calls, [])
    assert.equal((await act({ operation: 'drop' })).status, all)
  }
  const { pages } = makeSite()
  const bad = await answerPages(pages, request('/api/actions', { ...signed(makeToken()), method: 'POST', body: 'x' }))
  assert.equal(bad.status, 400)
})

test('groups of the company count where the configuration names them, however Cognito writes the list', OPTIONS, async () => {
  const { pages } = makeSite()
  const groups = { viewer: ['everybody'], operator: ['data'], admin: ['leads'] }
  const roleOf = async (written: unknown, { known = true, ofPool = [] as string[] } = {}) => {
    const claims = { 'cognito:groups': ofPool, 'custom:groups': written }
    const answer = await answerPages(
      { ...pages, site: { ...pages.site, groups: known ? groups : undefined } },
      request('/api/me', signed(makeToken({ claims }))),
    )
    return answer.status === 200 ? json(answer).role : answer.status
  }
  const expected: [unknown, string | number][] = [
    ['everybody', 'viewer'],
    ['["everybody","data"]', 'operator'],
    ['[everybody, data, leads]', 'admin'],
    ['[data]', 'operator'],
    ['everybody, leads', 403],
    ['[lead]', 403],
    ['{"a":"leads"}', 403],
    ['[["leads"]]', 403],
    ['', 403],
    [['leads'], 403],
    [undefined, 403],
    // A role of ours is no group of theirs.
    ['admin', 403],
  ]
  for (const [written, role] of expected) assert.deepEqual([written, await roleOf(written)], [written, role])
  assert.equal(await roleOf('leads', { known: false }), 403)
  assert.equal(await roleOf('everybody', { ofPool: ['operator'] }), 'operator')
})

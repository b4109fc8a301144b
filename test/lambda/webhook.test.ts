import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSecret } from '../../lambda/webhook/secrets.ts'
import { NOW } from '../fakes/records.ts'
import { CI, github, HOOK, hmac, makeWebhook, pushBody, SHA, signed } from './webhook-fixture.ts'

const options = { timeout: 10_000 }
const now = Math.round(Date.parse(NOW) / 1000)

test('a signed push runs the jobs of its branch on its commit', options, async () => {
  const hook = makeWebhook()
  const body = pushBody()
  const { status, body: answer } = await hook.post('/push/shop', body, github(body))
  assert.deepEqual([status, answer?.jobs], [202, ['shop/ci']])
  assert.deepEqual(await hook.starts(), [
    {
      job: 'ci',
      cause: { kind: 'commit', repository: 'https://github.com/acme/shop.git', sha: SHA, eventId: 'd-1', branch: 'main' },
      overrides: undefined,
    },
  ])
})

test(
  'fault 01: a push delivered many times, also at the same moment, is one run; another delivery id is another push',
  options,
  async () => {
    const hook = makeWebhook()
    const body = pushBody()
    const answers = await Promise.all(Array.from({ length: 20 }, () => hook.post('/push/shop', body, github(body))))
    assert.ok(answers.every(answer => answer.status === 202))
    assert.equal((await hook.starts()).length, 1)
    await hook.post('/push/shop', body, github(body, { id: 'd-2' }))
    assert.equal((await hook.starts()).length, 2)
  },
)

test('a call that is not signed well is 401, always the same, and starts nothing', options, async () => {
  const hook = makeWebhook()
  const body = pushBody()
  const good = github(body)
  const calls: [string, string, Record<string, string>][] = [
    ['/push/shop', body, {}],
    ['/push/shop', body, { 'X-GitHub-Event': 'push' }],
    ['/push/shop', body, github(body, { secret: CI })],
    ['/push/shop', body, { ...good, 'X-Hub-Signature-256': 'sha256=' }],
    ['/push/shop', body, { ...good, 'X-Hub-Signature-256': good['X-Hub-Signature-256'].slice(0, -2) }],
    ['/push/shop', body, { ...good, 'X-Hub-Signature-256': hmac(body, HOOK) }],
    ['/push/shop', `${body} `, good],
    ['/push/nobody', body, good],
    ['/push/constructor', body, good],
    ['/push/shop', body, { 'X-Gitlab-Event': 'Push Hook', 'X-Gitlab-Token': `${HOOK}x` }],
    ['/push/shop', body, { 'X-Gitlab-Event': 'Push Hook', 'X-Gitlab-Token': '' }],
    ['/run', JSON.stringify({ job: 'shop/load' }), {}],
    ['/run', JSON.stringify({ job: 'shop/nobody' }), signed(JSON.stringify({ job: 'shop/nobody' }), now, CI)],
    ['/run', JSON.stringify({ job: 'shop/nightly' }), signed(JSON.stringify({ job: 'shop/nightly' }), now, CI)],
    ['/run', JSON.stringify({ job: 'shop/load' }), signed(JSON.stringify({ job: 'shop/load' }), now, HOOK)],
    ['/run', 'no json', signed('no json', now, CI)],
  ]
  const bodies = new Set<string>()
  for (const [path, text, headers] of calls) {
    const answer = await hook.post(path, text, headers)
    assert.equal(answer.status, 401, `${path} ${JSON.stringify(headers)}`)
    bodies.add(JSON.stringify(answer.body))
  }
  assert.equal(bodies.size, 1)
  assert.deepEqual(await hook.starts(), [])
  // Unsigned calls read nothing; those with a wrong signature share one read.
  assert.ok(hook.reads() <= 2, `${hook.reads()} reads of secrets`)
})

test('a body in Base64 is checked as it was sent; one over 1 MB is refused before it is looked at', options, async () => {
  const hook = makeWebhook()
  const body = pushBody({ pusher: { name: 'ünï' } })
  const coded = { isBase64Encoded: true }
  assert.equal((await hook.post('/push/shop', Buffer.from(body).toString('base64'), github(body), coded)).status, 202)
  assert.equal((await hook.starts()).length, 1)
  const large = pushBody({ pad: 'x'.repeat(1024 * 1024) })
  assert.equal((await hook.post('/push/shop', large, github(large))).status, 413)
  assert.equal((await hook.post('/push/shop', Buffer.from(large).toString('base64'), github(large), coded)).status, 413)
  const most = pushBody({ pad: 'x'.repeat(1024 * 1024 - 200) })
  assert.equal(
    (await hook.post('/push/shop', Buffer.from(most).toString('base64'), github(most, { id: 'd-9' }), coded)).status,
    202,
  )
  assert.equal((await hook.post('/push/shop', body, github(body), { requestContext: { http: { method: 'GET' } } })).status, 405)
  assert.equal((await hook.post('/', body, github(body))).status, 404)
})

test('what is no push to the branch of a job has no effect', options, async () => {
  const hook = makeWebhook()
  const cases: [string, number, string?][] = [
    [pushBody({ ref: 'refs/heads/feature' }), 202],
    [pushBody({ ref: 'refs/tags/main' }), 202],
    [pushBody({ after: '0'.repeat(40), deleted: true }), 202],
    [pushBody({ after: 'main; rm -rf /' }), 202],
    [pushBody({ repository: { full_name: 'acme/other' } }), 202],
    [JSON.stringify({ zen: 'x' }), 204, 'ping'],
    [JSON.stringify({ action: 'opened' }), 204, 'pull_request'],
    ['payload=%7B%7D', 400],
    ['[]', 400],
  ]
  for (const [index, [body, status, event = 'push']] of cases.entries())
    assert.equal((await hook.post('/push/shop', body, github(body, { id: `d-${index}`, event }))).status, status, body)
  assert.deepEqual(await hook.starts(), [])
})

test('a push signed by hand is refused when its time is past', options, async () => {
  const hook = makeWebhook()
  const body = JSON.stringify({ branch: 'main', commit: SHA })
  assert.equal((await hook.post('/push/shop', body, signed(body, now - 301, HOOK))).status, 401)
  assert.equal((await hook.post('/push/shop', body, signed(body, now + 301, HOOK))).status, 401)
  assert.equal((await hook.post('/push/shop', body, signed(body, now - 299, HOOK))).status, 202)
})

test('while a secret is changed both are valid; one stored just now is found without waiting', options, async () => {
  const hook = makeWebhook()
  const body = pushBody()
  const next = 'next '.repeat(8).trim()
  const post = (secret: string, id: string) =>
    hook.post('/push/shop', body, github(body, { secret, id })).then(each => each.status)
  assert.equal(await post(HOOK, '1'), 202)
  hook.secrets.set('hook', `${next}\n${HOOK}\n`)
  hook.cloud.advance(31)
  assert.deepEqual([await post(next, '2'), await post(HOOK, '3')], [202, 202])
  hook.secrets.set('hook', next)
  hook.cloud.advance(301)
  assert.deepEqual([await post(HOOK, '4'), await post(next, '5')], [401, 202])
  // Wrong signatures, however many, do not become as many reads.
  const before = hook.reads()
  for (let i = 0; i < 50; i++) await post('wrong'.repeat(8), String(i))
  assert.ok(hook.reads() - before <= 1, `${hook.reads() - before} reads`)
})

test('a secret that could be guessed signs nothing, and the log says so without it', options, async () => {
  assert.deepEqual(parseSecret('short\n\n  long enough to be one  \n', null), ['long enough to be one'])
  assert.deepEqual(parseSecret('{"key":"long enough to be one"}', 'key'), ['long enough to be one'])
  assert.deepEqual([parseSecret('{"key":7}', 'key'), parseSecret('no json', 'key')], [[], []])
  const hook = makeWebhook()
  hook.secrets.set('hook', 'short')
  const body = pushBody()
  assert.equal((await hook.post('/push/shop', body, github(body, { secret: 'short' }))).status, 401)
  assert.ok(hook.cloud.lines.some(line => line.includes('webhook secret is of no use') && !line.includes('short')))
})

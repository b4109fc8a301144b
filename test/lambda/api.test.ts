import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operate } from '../../lambda/api/operate.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { makeOutbox } from '../../lambda/notifier/outbox.ts'
import type { ApiResponse } from '../../shared/api.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { configOf, jobOf, requested, runId, runOf, taskArn } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const ACTOR = 'arn:aws:iam::111122223333:user/ana'
const call = (cloud: FakeCloud, body: unknown, userArn: string | undefined = ACTOR) =>
  operate(cloud.deps, {
    requestContext: { http: { method: 'POST' }, authorizer: { iam: { userArn } } },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const refused = (answer: ApiResponse) => (answer.ok ? assert.fail(answer.message) : answer)
const accepted = (answer: ApiResponse) => (answer.ok ? answer : assert.fail(answer.message))

test('a request makes a run of the caller, once for its idempotency key', options, async () => {
  const cloud = makeCloud()
  const body = {
    operation: 'run',
    job: 'nightly',
    idempotencyKey: 'k1',
    overrides: { steps: ['dbt run --select "tag:a b"'], fullRefresh: true },
  }
  const answers = await Promise.all(Array.from({ length: 10 }, () => call(cloud, body)))
  const runs = new Set(answers.map(answer => accepted(answer).run?.id))
  assert.equal(runs.size, 1)
  assert.equal(answers.filter(answer => accepted(answer).existed).length, 9)
  const run = await cloud.run([...runs][0] ?? '')
  assert.deepEqual([run.status, run.cause], ['queued', { kind: 'request', actor: ACTOR, idempotencyKey: 'k1' }])
  assert.ok(cloud.calls.every(each => each.to === 'dispatch'))
  // The same key of another caller is another run.
  assert.notEqual(accepted(await call(cloud, body, 'arn:aws:iam::111122223333:user/ben')).run?.id, run.id)
  await dispatch(cloud.deps, {})
  const plan = cloud.json(`plans/shop/prod/${run.id}/1.json`) as { steps: { name: string; args: string[] }[] }
  assert.deepEqual(plan.steps.find(step => step.name === 'run')?.args, ['run', '--select', 'tag:a b', '--full-refresh'])
  assert.deepEqual(cloud.store.audits.map(entry => [entry.actor, entry.operation, entry.ok]).slice(0, 1), [[ACTOR, 'run', true]])
  assert.equal(cloud.store.audits.length, 11)
})

test('bad requests are answered with what is wrong, and change nothing', options, async () => {
  const cloud = makeCloud()
  const run = (over: object) => ({ operation: 'run', job: 'nightly', idempotencyKey: 'k', ...over })
  const cases: [unknown, number, RegExp][] = [
    ['{', 400, /not JSON/],
    [{}, 400, /operation missing/],
    [{ operation: 'drop' }, 400, /"drop" is not known/],
    [run({ job: 'nightli' }), 404, /did you mean "nightly"/],
    [run({ idempotencyKey: '' }), 400, /idempotencyKey is missing/],
    [run({ overrides: { steps: ['rm -rf /'] } }), 400, /step 1, "rm -rf \/"/],
    [run({ overrides: { steps: ['dbt run && dbt test'] } }), 400, /step 1/],
    [run({ overrides: { branch: '--upload-pack=x' } }), 400, /not the name of a branch/],
    [run({ overrides: { commit: 'HEAD' } }), 400, /not a commit hash/],
    [run({ overrides: { target: 'dev' } }), 400, /unknown target/],
    [run({ overrides: { vars: ['a'] } }), 400, /overrides.vars/],
    [run({ overrides: { vars: { a: 'x'.repeat(40_000) } } }), 400, /larger than 32 KB/],
    [{ operation: 'cancel', run: 'latest' }, 400, /not the id of a run/],
    [{ operation: 'cancel', run: runId(9) }, 404, /no run/],
    [{ operation: 'pause', job: 'x/y' }, 404, /not a job/],
  ]
  for (const [body, status, words] of cases) {
    const answer = refused(await call(cloud, body))
    assert.equal(answer.status, status, JSON.stringify(body).slice(0, 80))
    assert.match(answer.message, words)
  }
  assert.equal((await cloud.store.open('')).length, 0)
})

test('a caller without a signed identity is refused', options, async () => {
  const cloud = makeCloud()
  const answer = await operate(cloud.deps, {
    body: JSON.stringify({ operation: 'pause', job: 'nightly' }),
    headers: { actor: ACTOR },
  })
  assert.equal(refused(answer).status, 403)
  assert.equal((await cloud.store.job('shop/nightly')).paused, undefined)
})

test('a short name that two projects have must be said in full', options, async () => {
  const cloud = makeCloud(configOf([jobOf(), jobOf({ project: 'bank' })]))
  const answer = refused(await call(cloud, { operation: 'pause', job: 'nightly' }))
  assert.match(answer.hint ?? '', /shop\/nightly, bank\/nightly/)
  accepted(await call(cloud, { operation: 'pause', job: 'bank/nightly' }))
  assert.equal((await cloud.store.job('bank/nightly')).paused?.actor, ACTOR)
})

test('a waiting run is cancelled at once; its end is finished by the finisher', options, async () => {
  const cloud = makeCloud()
  await cloud.store.claim(runOf(1, { cause: requested('k'), causeString: 'request k' }))
  const answer = accepted(await call(cloud, { operation: 'cancel', run: runId(1) }))
  const run = await cloud.run(runId(1))
  assert.deepEqual([run.status, run.reason, run.cancel?.actor], ['cancelled', 'user_cancelled', ACTOR])
  assert.equal(answer.run?.status, 'cancelled')
  assert.deepEqual(cloud.calls, [{ to: 'finish', payload: { effects: [run.id] } }])
  assert.equal(refused(await call(cloud, { operation: 'cancel', run: runId(1) })).status, 409)
})

test('a running run is asked to stop', options, async () => {
  const cloud = makeCloud()
  await cloud.store.claim(runOf(1))
  await dispatch(cloud.deps, {})
  accepted(await call(cloud, { operation: 'cancel', run: runId(1) }))
  assert.deepEqual(cloud.ecs.stopped, [{ taskArn: taskArn(1), reason: `cancelled by ${ACTOR}` }])
  assert.equal((await cloud.run(runId(1))).cancel?.actor, ACTOR)
})

test('a run that starts while it is cancelled is stopped by the dispatcher', options, async () => {
  const cloud = makeCloud()
  await cloud.store.claim(runOf(1))
  const original = cloud.deps.store.endRun
  cloud.deps.store.endRun = async (...args) => {
    await cloud.store.startAttempt(args[0], { ...(await attempt()), number: 1 }, { job: 1, environment: 1 })
    return original(...args)
  }
  accepted(await call(cloud, { operation: 'cancel', run: runId(1) }))
  const run = await cloud.run(runId(1))
  assert.deepEqual([run.status, run.cancel?.actor], ['starting', ACTOR])
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: { runs: [run.id] } }])
})
const attempt = async () => (await import('../fakes/records.ts')).attemptOf()

test('fault 13: a paused job takes no request and says how to go on', options, async () => {
  const cloud = makeCloud()
  accepted(await call(cloud, { operation: 'pause', job: 'nightly' }))
  const answer = refused(await call(cloud, { operation: 'run', job: 'nightly', idempotencyKey: 'k' }))
  assert.deepEqual([answer.status, answer.hint], [409, 'tidemill resume shop/nightly'])
  accepted(await call(cloud, { operation: 'resume', job: 'nightly' }))
  accepted(await call(cloud, { operation: 'run', job: 'nightly', idempotencyKey: 'k2' }))
})

test('more than 1,000 waiting runs of a job are refused', options, async () => {
  const cloud = makeCloud()
  for (let i = 1; i <= 1000; i++) await cloud.store.claim(runOf(i, { cause: requested(`${i}`), causeString: `request ${i}` }))
  cloud.advance(1)
  const answer = refused(await call(cloud, { operation: 'run', job: 'nightly', idempotencyKey: 'k' }))
  assert.match(answer.message, /1000 runs of shop\/nightly wait already/)
})

test('a fault of ours is a 500 that can be repeated, and is in the trail', options, async () => {
  const cloud = makeCloud()
  cloud.crashAfter(0)
  const answer = refused(await call(cloud, { operation: 'run', job: 'nightly', idempotencyKey: 'k' }))
  assert.equal(answer.status, 500)
  assert.ok(cloud.lines.some(line => line.includes('audit entry was not written') && line.includes(ACTOR)))
})

test('notify: a test message to every target that is configured or that a rule names, each once', options, async () => {
  const secret = { name: 's', field: null }
  const notify = [
    { channel: 'slack', target: '#data', on: ['error'] },
    { channel: 'slack', target: '#other', on: ['error'] },
    { channel: 'email', target: 'finance', on: ['error'] },
  ] as const
  const config = configOf([jobOf({ notify: notify.map(rule => ({ ...rule, on: [...rule.on] })) })])
  const channels = {
    email: { addresses: ['a@acme.example'], lists: { finance: ['b@acme.example'] } },
    slack: { secret, bot: { channel: '#data' } },
    teams: { secret, targets: { ops: secret } },
    events: true,
  }
  const cloud = makeCloud({ ...config, channels })
  const { messages = [] } = accepted(await call(cloud, { operation: 'notify' }))
  assert.deepEqual(messages.map(pk => pk.split('/').slice(1).join('/')).sort(), [
    'test/email/',
    'test/email/finance',
    'test/events/',
    'test/slack/',
    'test/slack/#other',
    'test/teams/',
    'test/teams/ops',
  ])
  assert.deepEqual(cloud.calls, [{ to: 'notify', payload: { messages } }])
  assert.ok(cloud.message().every(item => item.kind === 'test' && item.actor === ACTOR && item.state === 'pending'))
  assert.deepEqual(
    cloud.store.audits.map(entry => [entry.operation, entry.subject, entry.ok]),
    [['notify', 'test', true]],
  )
  const silent = makeCloud({ ...config, channels: { email: null, slack: null } })
  assert.equal(refused(await call(silent, { operation: 'notify' })).status, 409)
})

test('messages that were given up are sent again, each once, and the trail has who wanted it', options, async () => {
  const cloud = makeCloud()
  const outbox = makeOutbox({ client: cloud.store.table.client, table: 'memory' })
  const { messages = [] } = accepted(await call(cloud, { operation: 'notify' }))
  const [lost = '', sent = ''] = messages
  const take = async (pk: string) => (await outbox.take(pk, '2026-11-22T02:00:00Z', '2026-11-22T02:03:00Z')) ?? assert.fail(pk)
  await outbox.giveUp(await take(lost), '2026-11-22T02:01:00Z', 'answered 404')
  await outbox.sent(await take(sent), '2026-11-22T02:01:00Z')
  cloud.calls.length = 0
  const asked = { operation: 'notify', messages: [lost, sent, lost] }
  const answer = accepted(await call(cloud, asked))
  assert.deepEqual(answer.messages, [lost])
  assert.equal(answer.message, '1 message on its way again; 1 other had not been given up (any more).')
  assert.deepEqual(cloud.calls, [{ to: 'notify', payload: { messages: [lost] } }])
  assert.deepEqual(accepted(await call(cloud, asked)).messages, [])
  assert.equal(cloud.calls.length, 1)
  assert.deepEqual(
    cloud.store.audits.slice(1).map(entry => [entry.operation, entry.subject, entry.actor]),
    [
      ['notify', '2 messages', ACTOR],
      ['notify', '2 messages', ACTOR],
    ],
  )
  for (const bad of [[], 'MSG#1', ['RUN#1'], [`MSG#${'x'.repeat(2000)}`], Array.from({ length: 51 }, (_, i) => `MSG#${i}`)])
    assert.match(refused(await call(cloud, { operation: 'notify', messages: bad })).message, /list of 1 to 50 keys/)
})

test('who asks whether it may use the api learns its name, and leaves nothing in the trail', async () => {
  const cloud = makeCloud(configOf([jobOf()]))
  assert.equal(accepted(await call(cloud, { operation: 'whoami' })).actor, ACTOR)
  assert.deepEqual([cloud.store.audits, cloud.calls], [[], []])
})

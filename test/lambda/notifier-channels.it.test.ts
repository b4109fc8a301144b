/** Teams, PagerDuty, webhook, events and a Slack bot against receivers on loopback. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, test } from 'node:test'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import { type ChannelSender, deliverMessages, type Send } from '../../lambda/notifier/deliver.ts'
import { makeEvents } from '../../lambda/notifier/events.ts'
import { makePagerDuty } from '../../lambda/notifier/pagerduty.ts'
import type { Secrets } from '../../lambda/notifier/secrets.ts'
import { makeSlack } from '../../lambda/notifier/slack.ts'
import { makeTeams } from '../../lambda/notifier/teams.ts'
import { makeWebhook, WEBHOOK_TRIES } from '../../lambda/notifier/webhook.ts'
import { makeMessage } from '../../shared/message.ts'
import { input } from '../shared/message-records.ts'
import { item, makeDeps, message, own, runId } from './notifier-fakes.ts'
import { answer, closeReceivers, receiver } from './receiver.ts'

after(closeReceivers)
const limit = { timeout: 15_000 }
const at = new Date('2026-11-22T01:12:05.000Z')
const ref = (name: string) => ({ name, field: null })
const key = 'routing-key-of-the-test'
const token = ['xoxb', 'of-the-test'].join('-')

const http = (secrets: Record<string, string>) => {
  const held: Secrets = {
    read: async ({ name }) => secrets[name] ?? assert.fail(`secret ${name} was not to be read`),
    forget: () => undefined,
  }
  // The product waits ten seconds; the test does not.
  const quick: typeof fetch = (url, options) => fetch(url, { ...options, signal: AbortSignal.timeout(500) })
  return { secrets: held, fetch: quick, now: () => at, installation: 'tidemill' }
}

/** Delivers one message beside an e-mail, which must not be held up; nothing secret may be in log or table. */
async function deliver(channel: string, sender: Send | ChannelSender, kind: Parameters<typeof input>[0] = 'error', target = '') {
  const one = item(channel, target)
  const mail = item('email')
  const world = makeDeps([one, mail], { [channel]: sender, email: async () => ({ outcome: 'sent' }) })
  await deliverMessages({ ...world.deps, compose: async () => makeMessage(input(kind)) }, undefined)
  assert.equal(world.get(mail.pk).state, 'sent', 'the other channel is not held up')
  const kept = JSON.stringify([world.lines, world.get(one.pk)])
  for (const secret of ['not-for-logs', key, token]) assert.ok(!kept.includes(secret), `${secret} is in a log or an error`)
  return { ...world, item: world.get(one.pk) }
}

const teams = (urls: Record<string, string>) =>
  makeTeams({ ...http(urls), settings: async () => ({ secret: ref('own'), targets: { finance: ref('finance') } }) })

test('Teams: a card in the envelope of a workflow, to the target of the rule', limit, async () => {
  const [channel, finance] = [await receiver(answer(202)), await receiver(answer(202))]
  const send = teams({ own: channel.url.href, finance: finance.url.href })
  assert.equal((await deliver('teams', send)).item.state, 'sent')
  assert.equal((await deliver('teams', send, 'error', 'finance')).item.state, 'sent')
  assert.equal(finance.received.length, 1)
  const [{ json } = assert.fail()] = channel.received
  assert.equal(json.type, 'message')
  assert.equal(json.attachments[0].contentType, 'application/vnd.microsoft.card.adaptive')
  assert.equal(json.attachments[0].content.body[0].inlines[0].text, message.title)
  const gone = await deliver('teams', send, 'error', 'marketing')
  assert.deepEqual([gone.item.state, gone.item.lastError], ['failed', 'notifications.teams has no target "marketing" any more'])
})

test('fault 39: Teams: 429 and 502 are tried again, a workflow that was removed is not', limit, async () => {
  const busy = await receiver(answer(429, '', { 'retry-after': '2' }), answer(502), answer(202))
  const first = await deliver('teams', teams({ own: busy.url.href }))
  assert.equal(first.item.state, 'sent')
  assert.deepEqual(first.clock.waits, [2, 4])
  const removed = await receiver(answer(404, { error: { code: 'WorkflowNotFound' } }))
  const second = await deliver('teams', teams({ own: removed.url.href }))
  assert.equal(second.item.state, 'failed')
  assert.equal(second.alarms().length, 1)
  assert.equal(removed.received.length, 1)
})

const pagerduty = (api: URL, secret = key) =>
  makePagerDuty({
    ...http({ own: secret }),
    settings: async () => ({ secret: ref('own'), region: 'eu', targets: {} }),
    api: { us: new URL('http://127.0.0.1:1/'), eu: api },
  })

test('PagerDuty: a failure triggers and the recovery resolves, with one key of the job', limit, async () => {
  const accepted = answer(202, { status: 'success', dedup_key: 'x' })
  const events = await receiver(accepted)
  assert.equal((await deliver('pagerduty', pagerduty(events.url))).item.state, 'sent')
  assert.equal((await deliver('pagerduty', pagerduty(events.url), 'recovered')).item.state, 'sent')
  const [trigger, resolve] = events.received.map(each => each.json)
  assert.deepEqual([trigger.routing_key, trigger.event_action, trigger.payload.severity], [key, 'trigger', 'error'])
  assert.match(trigger.payload.summary, /^✗ nightly failed in prod/)
  assert.equal(trigger.payload.custom_details.run, runId)
  assert.deepEqual([resolve.event_action, resolve.payload], ['resolve', undefined])
  assert.equal(trigger.dedup_key, 'tidemill/tidemill/harbour_line/nightly')
  assert.equal(resolve.dedup_key, trigger.dedup_key)
})

test('fault 39: PagerDuty: 429 and 500 pass, a key that is not known is final, one that is no key is told', limit, async () => {
  const busy = await receiver(answer(429), answer(500), answer(202))
  assert.equal((await deliver('pagerduty', pagerduty(busy.url))).item.state, 'sent')
  const refused = await receiver(answer(400, { status: 'invalid event', errors: ['Invalid routing key'] }))
  const end = await deliver('pagerduty', pagerduty(refused.url))
  assert.equal(end.item.state, 'failed')
  assert.match(end.item.lastError ?? '', /Invalid routing key/)
  const wrong = await deliver('pagerduty', pagerduty(refused.url, 'a b'))
  assert.equal(wrong.item.state, 'pending', 'until somebody corrects the secret')
  assert.match(wrong.item.lastError ?? '', /secret own does not hold the integration key/)
})

const receiverSecret = (url: URL, over: object = {}) => JSON.stringify({ url: url.href, key: 'k'.repeat(32), ...over })
const webhook = (secret: string): ChannelSender => ({
  send: makeWebhook({ ...http({ own: secret }), settings: async () => ({ secret: ref('own'), targets: {} }) }),
  tries: WEBHOOK_TRIES,
})

test('webhook: the body of the dbt platform, signed over the bytes that are sent', limit, async () => {
  const hook = await receiver(answer(200))
  assert.equal((await deliver('webhook', webhook(receiverSecret(hook.url)))).item.state, 'sent')
  const [{ text, json, headers } = assert.fail()] = hook.received
  assert.equal(headers.authorization, createHmac('sha256', 'k'.repeat(32)).update(text).digest('hex'))
  assert.equal(json.eventType, 'job.run.errored')
  assert.equal(json.eventId, `${runId}/error`)
  assert.deepEqual(
    [json.data.jobName, json.data.runId, json.data.runStatus, json.data.runStatusCode, json.data.environmentName],
    ['nightly', runId, 'Errored', 20, 'prod'],
  )
  assert.deepEqual([json.data.runStartedAt, json.data.runFinishedAt], ['2026-11-22T01:00:41Z', '2026-11-22T01:11:43Z'])
})

test(
  'fault 39: webhook: five tries with the same event id, further and further apart, then a dead letter and an alarm',
  limit,
  async () => {
    const down = await receiver(answer(500))
    const end = await deliver('webhook', webhook(receiverSecret(down.url)))
    assert.equal(down.received.length, 5)
    assert.equal(new Set(down.received.map(each => each.json.eventId)).size, 1)
    assert.deepEqual(end.clock.waits, [1, 4, 8, 16])
    assert.deepEqual([end.item.state, end.alarms().length], ['failed', 1])
    assert.match(end.item.lastError ?? '', /^after 5 tries: 127\.0\.0\.1:\d+ answered 500$/)
    const silent = await receiver(() => {}, answer(200))
    assert.equal((await deliver('webhook', webhook(receiverSecret(silent.url)))).item.state, 'sent')
  },
)

test('a webhook without a key, or with one that anybody guesses, is told by its secret and not sent', limit, async () => {
  const hook = await receiver(answer(200))
  for (const [secret, words] of [
    ['not json', /is not a JSON object with "url" and "key"/],
    [receiverSecret(hook.url, { key: undefined }), /is not a JSON object/],
    [receiverSecret(hook.url, { key: 'short' }), /shorter than 16 characters/],
    [receiverSecret(new URL('http://hooks.example/x')), /does not hold the address/],
  ] as const) {
    const end = await deliver('webhook', webhook(secret))
    assert.equal(end.item.state, 'pending')
    assert.match(end.item.lastError ?? '', words)
  }
  assert.equal(hook.received.length, 0)
})

const bot = (api: URL) =>
  makeSlack({ ...http({ bot: token }), settings: async () => ({ secret: ref('bot'), bot: { channel: '#data' } }), api })

test(
  'Slack bot: to the channel of the rule or its own; the recovery in the thread of the failure, and in the channel',
  limit,
  async () => {
    const slack = await receiver(answer(200, { ok: true, ts: '1700000000.000100' }))
    const failed = await deliver('slack', bot(slack.url))
    assert.deepEqual([failed.item.state, failed.item.receipt], ['sent', '1700000000.000100'])
    await deliver('slack', bot(slack.url), 'error', '#finance')
    const recovered = {
      ...item('slack'),
      pk: `MSG#${runId}/recovered/slack/`,
      kind: 'recovered' as const,
      replyTo: failed.item.pk,
    }
    const world = makeDeps([failed.item, recovered], { slack: bot(slack.url) })
    await deliverMessages(world.deps, [recovered.pk])
    assert.equal(world.get(recovered.pk).state, 'sent')
    const [first, second, third] = slack.received.map(each => each.json)
    assert.deepEqual([first.channel, second.channel, third.channel], ['#data', '#finance', '#data'])
    assert.deepEqual([first.thread_ts, third.thread_ts, third.reply_broadcast], [undefined, '1700000000.000100', true])
    assert.equal(slack.received[0]?.headers.authorization, `Bearer ${token}`)
  },
)

test(
  'the recovery waits as long as the failure is on its way, and goes without a thread when that was given up',
  limit,
  async () => {
    const slack = await receiver(answer(200, { ok: true, ts: '2' }))
    const failure = item('slack')
    const recovered = { ...item('slack'), pk: `MSG#${runId}/recovered/slack/`, kind: 'recovered' as const, replyTo: failure.pk }
    const world = makeDeps([failure, recovered], { slack: bot(slack.url) })
    await deliverMessages(world.deps, [recovered.pk])
    assert.deepEqual([world.get(recovered.pk).state, slack.received.length], ['pending', 0])
    const given = makeDeps([{ ...failure, state: 'failed' }, recovered], { slack: bot(slack.url) })
    await deliverMessages(given.deps, [recovered.pk])
    assert.equal(given.get(recovered.pk).state, 'sent')
    assert.equal(slack.received[0]?.json.thread_ts, undefined)
  },
)

test('fault 39: Slack bot: refusals come with 200; what passes is tried again, the rest says what to do', limit, async () => {
  const busy = await receiver(
    answer(200, { ok: false, error: 'ratelimited' }),
    answer(429, '', { 'retry-after': '1' }),
    answer(200, { ok: true }),
  )
  assert.equal((await deliver('slack', bot(busy.url))).item.state, 'sent')
  const outside = await receiver(answer(200, { ok: false, error: 'not_in_channel' }))
  const end = await deliver('slack', bot(outside.url))
  assert.deepEqual(
    [end.item.state, end.item.lastError],
    ['failed', 'Slack refused: not_in_channel: invite the bot to the channel'],
  )
  assert.equal(end.alarms().length, 1)
  const page = await receiver(answer(200, '<html>maintenance</html>'))
  assert.equal((await deliver('slack', bot(page.url))).item.state, 'pending')
})

const caller = { region: 'eu-central-1', accessKeyId: 'AKIDTEST', secretAccessKey: 'of-the-test', sessionToken: 'session' }
const events = (endpoint: URL) => makeEvents({ ...http({}), endpoint: new URL('/', endpoint), caller: () => caller })

test('EventBridge: an event of our source, signed as the SDK signs', limit, async () => {
  const bus = await receiver(answer(200, { FailedEntryCount: 0, Entries: [{ EventId: '1' }] }))
  assert.equal((await deliver('events', events(bus.url))).item.state, 'sent')
  const [{ json, headers, text } = assert.fail()] = bus.received
  const [entry] = json.Entries
  assert.deepEqual([entry.Source, entry.DetailType], ['tidemill.tidemill', 'Run Failed'])
  const detail = JSON.parse(entry.Detail)
  assert.deepEqual(
    [detail.kind, detail.runId, detail.reason, detail.failures[0].name],
    ['error', runId, 'node_failures', 'stg_fares'],
  )
  const names = /SignedHeaders=([^,]+)/.exec(String(headers.authorization))?.[1]?.split(';') ?? []
  const signer = new SignatureV4({ service: 'events', region: caller.region, credentials: caller, sha256: Sha256 })
  const signed = await signer.sign(
    {
      method: 'POST',
      protocol: 'http:',
      hostname: bus.url.hostname,
      path: '/',
      query: {},
      headers: Object.fromEntries(
        names.filter(name => name !== 'x-amz-security-token').map(name => [name, String(headers[name])]),
      ),
      body: text,
    },
    { signingDate: at, unsignableHeaders: new Set(['x-amz-content-sha256']) },
  )
  const signature = (header: string | undefined) => /Signature=(\w+)/.exec(header ?? '')?.[1]
  assert.equal(signature(String(headers.authorization)), signature(signed.headers.authorization))
})

test('fault 39: EventBridge: a refused entry in an answer of 200, throttling and a role without rights', limit, async () => {
  const failing = (ErrorCode: string) => answer(200, { FailedEntryCount: 1, Entries: [{ ErrorCode, ErrorMessage: 'words' }] })
  const busy = await receiver(
    failing('ThrottlingException'),
    answer(400, { __type: 'ThrottlingException' }),
    answer(200, { FailedEntryCount: 0 }),
  )
  assert.equal((await deliver('events', events(busy.url))).item.state, 'sent')
  const refused = await receiver(failing('MalformedDetail'))
  const end = await deliver('events', events(refused.url))
  assert.deepEqual([end.item.state, end.item.lastError], ['failed', 'EventBridge: MalformedDetail words'])
  const denied = await receiver(answer(400, { __type: 'AccessDeniedException' }))
  assert.equal((await deliver('events', events(denied.url))).item.state, 'failed')
})

test('a test message goes through every channel as it is', limit, async () => {
  const { makeTestMessage } = await import('../../shared/message-test.ts')
  const told = makeTestMessage({
    id: runId,
    installation: 'tidemill',
    channel: 'teams',
    target: 'finance',
    actor: 'arn:aws:iam::1:user/ana',
  })
  const hook = await receiver(answer(200, { ok: true, FailedEntryCount: 0 }))
  const senders = [
    teams({ own: hook.url.href }),
    pagerduty(hook.url),
    webhook(receiverSecret(hook.url)).send,
    bot(hook.url),
    events(hook.url),
  ]
  for (const send of senders) assert.equal((await send(told, own)).outcome, 'sent')
  const [, page] = hook.received.map(each => each.json)
  assert.deepEqual([page.payload.severity, page.dedup_key], ['info', 'tidemill/tidemill/test'])
  for (const { text } of hook.received) assert.match(text, /Test: messages of tidemill arrive here/)
})

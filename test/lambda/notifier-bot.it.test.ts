/** A Slack bot and EventBridge against receivers on loopback; a test message on every channel. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import { deliverMessages } from '../../lambda/notifier/deliver.ts'
import { item, makeDeps, own, runId } from './notifier-fakes.ts'
import { at, bot, caller, deliver, events, limit, pagerduty, receiverSecret, teams, token, webhook } from './notifier-senders.ts'
import { answer, closeReceivers, receiver } from './receiver.ts'

after(closeReceivers)

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

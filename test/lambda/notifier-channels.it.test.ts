/** Teams, PagerDuty and the webhook against receivers on loopback. */
import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, test } from 'node:test'
import { message, runId } from './notifier-fakes.ts'
import { deliver, key, limit, pagerduty, receiverSecret, teams, webhook } from './notifier-senders.ts'
import { answer, closeReceivers, receiver } from './receiver.ts'

after(closeReceivers)

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

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Delivery, deliverMessages, LEASE_SECONDS, type Send } from '../../lambda/notifier/deliver.ts'
import { readRetryAfter } from '../../lambda/notifier/http.ts'
import { makeSecrets, parseAddress } from '../../lambda/notifier/secrets.ts'
import { item, makeClock, makeDeps } from './notifier-fakes.ts'

/** Answers in turn; counts the calls. */
function scripted(...answers: (Delivery | Error)[]) {
  const calls: string[] = []
  const send: Send = async (message, { target }) => {
    calls.push(`${message.runId} ${target}`)
    const answer = answers[calls.length - 1] ?? answers.at(-1)
    if (!answer || answer instanceof Error) throw answer ?? new Error('no answer scripted')
    return answer
  }
  return { send, calls }
}
const sent: Delivery = { outcome: 'sent' }
const busy: Delivery = { outcome: 'later', error: 'hooks.example answered 500' }

test('a message is sent once, also when it is asked for twice at the same moment and again later', async () => {
  const { send, calls } = scripted(sent)
  const mail = item('email')
  const { deps, get } = makeDeps([mail], { email: send })
  await Promise.all([
    deliverMessages(deps, [mail.pk, mail.pk]),
    deliverMessages(deps, [mail.pk]),
    deliverMessages(deps, undefined),
  ])
  await deliverMessages(deps, [mail.pk])
  assert.equal(calls.length, 1)
  const { state, sentAt, leaseUntil } = get(mail.pk)
  assert.deepEqual({ state, sentAt, leaseUntil }, { state: 'sent', sentAt: '2026-11-22T01:12:05.000Z', leaseUntil: undefined })
})

/** The process is gone at that point: nothing after it happens. */
class Died extends Error {}

for (const [point, before, calls] of [
  ['before it sends', true, 1],
  ['after it has sent', false, 2],
] as const)
  test(`fault 38: the notifier dies ${point}: another sends when the lease has run out, ${calls} in all`, async () => {
    const good = scripted(sent)
    const mail = item('email')
    const { deps, clock, get } = makeDeps([mail], { email: good.send })
    let deaths = 0
    const die = async () => {
      deaths += 1
      throw new Died()
    }
    const dying = before
      ? {
          ...deps,
          outbox: {
            ...deps.outbox,
            take: async (...args: Parameters<typeof deps.outbox.take>) => deps.outbox.take(...args).then(die),
          },
        }
      : { ...deps, outbox: { ...deps.outbox, sent: die } }
    await assert.rejects(deliverMessages(dying, [mail.pk]), Died)
    assert.equal(deaths, 1)

    await deliverMessages(deps, undefined)
    assert.equal(get(mail.pk).state, 'sending', 'the lease of the dead one still stands')
    clock.advance(LEASE_SECONDS + 1)
    await deliverMessages(deps, undefined)
    await deliverMessages(deps, undefined)
    assert.equal(get(mail.pk).state, 'sent')
    assert.equal(good.calls.length, calls)
    assert.ok(
      good.calls.every(call => call.startsWith('20261122T010004-9f3ac2d1b7e4')),
      'each carries the id of the run',
    )
  })

test('fault 38: a sender whose lease ran out while it was sending does not undo what the next one kept', async () => {
  const mail = item('email')
  let inside = 0
  const { deps, clock, get, lines } = makeDeps([mail], {
    email: async () => {
      inside += 1
      if (inside > 1) return sent
      clock.advance(LEASE_SECONDS + 1)
      await deliverMessages(deps, [mail.pk])
      return busy
    },
  })
  await deliverMessages({ ...deps, timeLeft: () => 15_500 }, [mail.pk])
  assert.equal(inside, 2)
  assert.equal(get(mail.pk).state, 'sent')
  assert.ok(lines.some(line => line.message === 'lease of the message ran out while it was sent'))
})

test('fault 39: what may pass is tried three times, then left for the next call; after a day it is given up', async () => {
  const failing = scripted(busy)
  const slack = item('slack', '#data')
  const { deps, clock, get, alarms } = makeDeps([slack], { slack: failing.send })
  await deliverMessages(deps, [slack.pk])
  assert.equal(failing.calls.length, 3)
  assert.deepEqual(clock.waits, [1, 4])
  assert.equal(get(slack.pk).state, 'pending')
  assert.equal(get(slack.pk).lastError, 'hooks.example answered 500')

  const alarmsByCall = [alarms().length]
  for (let call = 2; call <= 4; call++) {
    clock.advance(300)
    await deliverMessages(deps, undefined)
    alarmsByCall.push(alarms().length)
  }
  assert.deepEqual(alarmsByCall, [0, 0, 1, 1], 'after the third call people hear, once, that it waits')

  clock.advance(24 * 3600)
  await deliverMessages(deps, undefined)
  assert.equal(get(slack.pk).state, 'failed')
  assert.equal(get(slack.pk).lastError, 'after 24 h of tries: hooks.example answered 500')
  assert.equal(alarms().length, 2)
  assert.deepEqual(await deps.outbox.open(), [])
})

test('fault 39: a wait that the receiver names is kept; a long one is left to a later call', async () => {
  const soon = scripted({ ...busy, afterSeconds: 7 }, sent)
  const slack = item('slack')
  const first = makeDeps([slack], { slack: soon.send })
  await deliverMessages(first.deps, [slack.pk])
  assert.deepEqual(first.clock.waits, [7])
  assert.equal(first.get(slack.pk).state, 'sent')

  const long = scripted({ ...busy, afterSeconds: 600 }, sent)
  const { deps, clock, get } = makeDeps([slack], { slack: long.send })
  await deliverMessages(deps, [slack.pk])
  clock.advance(599)
  await deliverMessages(deps, undefined)
  assert.equal(long.calls.length, 1, 'not before the time that was named')
  clock.advance(2)
  await deliverMessages(deps, undefined)
  assert.equal(get(slack.pk).state, 'sent')
})

test('fault 39: a removed hook ends the message at once with an alarm, and the other channel has its own', async () => {
  const gone = scripted({ outcome: 'never', error: 'hooks.example answered 404 "no_service"' })
  const fine = scripted(sent)
  const [slack, mail] = [item('slack', '#data'), item('email')]
  const { deps, get, alarms } = makeDeps([slack, mail], { slack: gone.send, email: fine.send })
  await deliverMessages(deps, undefined)
  assert.equal(get(slack.pk).state, 'failed')
  assert.equal(get(mail.pk).state, 'sent')
  assert.equal(gone.calls.length, 1)
  assert.equal(alarms().length, 1)
})

test('fault 39: a channel that hangs does not hold up another', async () => {
  const never = new Promise<Delivery>(() => {})
  const fine = scripted(sent)
  const slow = Array.from({ length: 10 }, (_, i) => item('slack', `#${i}`))
  const mail = item('email')
  const { deps, get } = makeDeps([...slow, mail], { slack: () => never, email: fine.send })
  void deliverMessages(deps, undefined)
  await new Promise(resolve => setTimeout(resolve, 20))
  assert.equal(get(mail.pk).state, 'sent')
})

test('a message that cannot be composed or has no channel is kept with the reason', async () => {
  const [mail, teams] = [item('email'), item('teams')]
  const { deps, get } = makeDeps([mail, teams], { email: scripted(sent).send })
  await deliverMessages({ ...deps, compose: () => Promise.reject(new Error('run is not in the table')) }, undefined)
  assert.equal(get(mail.pk).state, 'pending')
  assert.equal(get(mail.pk).lastError, 'Error: run is not in the table')
  assert.equal(get(teams.pk).state, 'failed')
  assert.equal(get(teams.pk).lastError, 'no channel "teams" is set up')
})

test('with little time left nothing is begun: the next call finds it', async () => {
  const fine = scripted(sent)
  const mail = item('email')
  const { deps, get } = makeDeps([mail], { email: fine.send })
  await deliverMessages({ ...deps, timeLeft: () => 10_000 }, [mail.pk])
  assert.equal(fine.calls.length, 0)
  assert.equal(get(mail.pk).state, 'pending')
})

test('Retry-After is seconds or a date, within reason', () => {
  const now = new Date('2026-11-22T01:00:00Z')
  assert.equal(readRetryAfter('30', now), 30)
  assert.equal(readRetryAfter('Sun, 22 Nov 2026 01:00:45 GMT', now), 45)
  assert.equal(readRetryAfter('Sun, 22 Nov 2026 00:00:00 GMT', now), 0)
  assert.equal(readRetryAfter('999999', now), 3600)
  for (const none of [null, '', 'soon']) assert.equal(readRetryAfter(none, now), undefined)
})

test('an address is https, or http on loopback; its value is in no error', () => {
  const secret = { name: 'slack-webhook', field: null }
  for (const good of ['https://hooks.example/a', 'http://127.0.0.1:9/a', 'http://localhost/a', 'http://[::1]:80/a'])
    assert.ok(parseAddress(good, secret).href)
  for (const bad of [
    'http://hooks.example/s3cret',
    'http://127.0.0.1.evil.example/s3cret',
    's3cret',
    'file:///s3cret',
    'https://u:s3cret@x',
  ])
    assert.throws(
      () => parseAddress(bad, secret),
      (error: Error) => /secret slack-webhook/.test(error.message) && !/s3cret/.test(error.message),
    )
})

test('a secret is read once in five minutes, and anew when it was refused; a field that is missing is named, its neighbours are not', async () => {
  const clock = makeClock()
  let reads = 0
  const client = {
    send: async () => ({ SecretString: JSON.stringify({ url: `https://hooks.example/${++reads}`, key: 's3cret' }) }),
  }
  const secrets = makeSecrets(client as never, clock.now)
  const ref = { name: 'hook', field: 'url' }
  await secrets.read(ref)
  clock.advance(299)
  assert.equal(await secrets.read(ref), 'https://hooks.example/1')
  clock.advance(2)
  assert.equal(await secrets.read(ref), 'https://hooks.example/2')
  secrets.forget(ref)
  assert.equal(await secrets.read(ref), 'https://hooks.example/3')
  await assert.rejects(
    secrets.read({ name: 'hook', field: 'uri' }),
    (error: Error) => /field uri of secret hook is empty/.test(error.message) && !/s3cret|hooks\.example/.test(error.message),
  )
})

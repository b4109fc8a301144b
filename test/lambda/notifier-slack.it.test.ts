import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { deliverMessages } from '../../lambda/notifier/deliver.ts'
import { makeSlack, SLACK_API } from '../../lambda/notifier/slack.ts'
import { item, makeDeps, message } from './notifier-fakes.ts'

const SECRET_PATH = '/services/T000/B000/not-for-logs'
const servers: Server[] = []
after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

/** A receiver on loopback that answers by script, and what it received. */
async function receiver(...answers: RequestListener[]) {
  const bodies: { text: string; channel?: string }[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => {
      body += chunk
    })
    request.on('end', () => {
      assert.equal(request.method, 'POST')
      bodies.push(JSON.parse(body))
      const answer = answers[bodies.length - 1] ?? answers.at(-1)
      answer?.(request, response)
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { bodies, address: new URL(`http://127.0.0.1:${port}${SECRET_PATH}`) }
}

const answer =
  (status: number, body: string, headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(body)
const ok = answer(200, 'ok')

/** Sends one message to each of the addresses that the secret holds in turn. */
async function deliverTo(...addresses: URL[]) {
  let reads = 0
  const slack = makeSlack({
    secrets: {
      read: async () => (addresses[Math.min(reads, addresses.length - 1)] as URL).href,
      forget: () => void reads++,
    },
    settings: async () => ({ secret: { name: 'slack-webhook', field: null } }),
    api: SLACK_API,
    // The product waits ten seconds; the test does not.
    fetch: (url, options) => fetch(url, { ...options, signal: AbortSignal.timeout(300) }),
    now: () => new Date(),
  })
  const one = item('slack', '#harbour-data')
  const mail = item('email')
  const world = makeDeps([one, mail], { slack, email: async () => ({ outcome: 'sent' }) })
  await deliverMessages(world.deps, undefined)
  assert.equal(world.get(mail.pk).state, 'sent', 'the other channel is not held up')
  assert.ok(!JSON.stringify([world.lines, world.get(one.pk)]).includes('not-for-logs'), 'the address is in no log and no error')
  return { ...world, slack: world.get(one.pk) }
}

test('a message arrives as JSON of Slack, in the channel of the rule', { timeout: 10_000 }, async () => {
  const hook = await receiver(ok)
  const { slack } = await deliverTo(hook.address)
  assert.equal(slack.state, 'sent')
  assert.equal(hook.bodies.length, 1)
  assert.equal(hook.bodies[0]?.channel, '#harbour-data')
  assert.ok(hook.bodies[0]?.text.startsWith(message.title))
})

test('fault 39: 429 with Retry-After waits as told, then sends', { timeout: 10_000 }, async () => {
  const hook = await receiver(answer(429, 'rate_limited', { 'retry-after': '3' }), ok)
  const { slack, clock } = await deliverTo(hook.address)
  assert.equal(slack.state, 'sent')
  assert.deepEqual(clock.waits, [3])
  assert.equal(hook.bodies.length, 2)
})

test('fault 39: 500 is tried again; a receiver that never recovers leaves the message open', { timeout: 10_000 }, async () => {
  const recovers = await receiver(answer(500, ''), answer(503, ''), ok)
  assert.equal((await deliverTo(recovers.address)).slack.state, 'sent')
  assert.equal(recovers.bodies.length, 3)

  const down = await receiver(answer(502, '<html>\nbad gateway</html>'))
  const { slack } = await deliverTo(down.address)
  assert.equal(slack.state, 'pending')
  assert.equal(slack.lastError, `${down.address.host} answered 502 "<html> bad gateway</html>"`)
  assert.equal(down.bodies.length, 3)
})

test('fault 39: no answer, a cut connection and nobody there are tried again', { timeout: 20_000 }, async () => {
  const silent = await receiver(() => {})
  const hung = await deliverTo(silent.address)
  assert.equal(hung.slack.state, 'pending')
  assert.match(hung.slack.lastError ?? '', /no answer within 10 s/)
  assert.equal(silent.bodies.length, 3)

  const cut = await receiver(request => request.socket.destroy(), ok)
  assert.equal((await deliverTo(cut.address)).slack.state, 'sent')
  assert.equal(cut.bodies.length, 2)

  const gone = await receiver(ok)
  await new Promise(resolve => servers.at(-1)?.close(resolve))
  assert.match((await deliverTo(gone.address)).slack.lastError ?? '', /not reachable \(ECONNREFUSED\)/)
})

for (const [status, body] of [
  [404, 'no_service'],
  [410, 'channel_is_archived'],
  [400, 'invalid_payload'],
  [302, ''],
] as const)
  test(`fault 39: ${status} ${body} ends it at once, with an alarm`, { timeout: 10_000 }, async () => {
    const elsewhere = await receiver(ok)
    const hook = await receiver(answer(status, body, { location: elsewhere.address.href }))
    const { slack, alarms } = await deliverTo(hook.address)
    assert.equal(slack.state, 'failed')
    assert.match(slack.lastError ?? '', new RegExp(`answered ${status}`))
    assert.equal(hook.bodies.length, 1)
    assert.equal(elsewhere.bodies.length, 0, 'no redirect is followed')
    assert.equal(alarms().length, 1)
  })

test('fault 39: a hook that was made anew is found in the secret', { timeout: 10_000 }, async () => {
  const old = await receiver(answer(404, 'no_service'))
  const current = await receiver(ok)
  const { slack } = await deliverTo(old.address, current.address)
  assert.equal(slack.state, 'sent')
  assert.deepEqual([old.bodies.length, current.bodies.length], [1, 1])
})

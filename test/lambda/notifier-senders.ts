/** The channels as they are deployed, but for where they send to and how long they wait; and one message through them. */
import assert from 'node:assert/strict'
import { type ChannelSender, deliverMessages, type Send } from '../../lambda/notifier/deliver.ts'
import { makeEvents } from '../../lambda/notifier/events.ts'
import { makePagerDuty } from '../../lambda/notifier/pagerduty.ts'
import type { Secrets } from '../../lambda/notifier/secrets.ts'
import { makeSlack } from '../../lambda/notifier/slack.ts'
import { makeTeams } from '../../lambda/notifier/teams.ts'
import { makeWebhook, WEBHOOK_TRIES } from '../../lambda/notifier/webhook.ts'
import { makeMessage } from '../../shared/message.ts'
import { input } from '../shared/message-records.ts'
import { item, makeDeps } from './notifier-fakes.ts'

export const limit = { timeout: 15_000 }
export const at = new Date('2026-11-22T01:12:05.000Z')
export const ref = (name: string) => ({ name, field: null })
export const key = 'routing-key-of-the-test'
export const token = ['xoxb', 'of-the-test'].join('-')

export const http = (secrets: Record<string, string>) => {
  const held: Secrets = {
    read: async ({ name }) => secrets[name] ?? assert.fail(`secret ${name} was not to be read`),
    forget: () => undefined,
  }
  // The product waits ten seconds; the test does not.
  const quick: typeof fetch = (url, options) => fetch(url, { ...options, signal: AbortSignal.timeout(500) })
  return { secrets: held, fetch: quick, now: () => at, installation: 'tidemill' }
}

/** Delivers one message beside an e-mail, which must not be held up; nothing secret may be in log or table. */
export async function deliver(
  channel: string,
  sender: Send | ChannelSender,
  kind: Parameters<typeof input>[0] = 'error',
  target = '',
) {
  const one = item(channel, target)
  const mail = item('email')
  const world = makeDeps([one, mail], { [channel]: sender, email: async () => ({ outcome: 'sent' }) })
  await deliverMessages({ ...world.deps, compose: async () => makeMessage(input(kind)) }, undefined)
  assert.equal(world.get(mail.pk).state, 'sent', 'the other channel is not held up')
  const kept = JSON.stringify([world.lines, world.get(one.pk)])
  for (const secret of ['not-for-logs', key, token]) assert.ok(!kept.includes(secret), `${secret} is in a log or an error`)
  return { ...world, item: world.get(one.pk) }
}

export const teams = (urls: Record<string, string>) =>
  makeTeams({ ...http(urls), settings: async () => ({ secret: ref('own'), targets: { finance: ref('finance') } }) })

export const pagerduty = (api: URL, secret = key) =>
  makePagerDuty({
    ...http({ own: secret }),
    settings: async () => ({ secret: ref('own'), region: 'eu', targets: {} }),
    api: { us: new URL('http://127.0.0.1:1/'), eu: api },
  })

export const receiverSecret = (url: URL, over: object = {}) => JSON.stringify({ url: url.href, key: 'k'.repeat(32), ...over })
export const webhook = (secret: string): ChannelSender => ({
  send: makeWebhook({ ...http({ own: secret }), settings: async () => ({ secret: ref('own'), targets: {} }) }),
  tries: WEBHOOK_TRIES,
})

export const bot = (api: URL) =>
  makeSlack({ ...http({ bot: token }), settings: async () => ({ secret: ref('bot'), bot: { channel: '#data' } }), api })

export const caller = { region: 'eu-central-1', accessKeyId: 'AKIDTEST', secretAccessKey: 'of-the-test', sessionToken: 'session' }
export const events = (endpoint: URL) => makeEvents({ ...http({}), endpoint: new URL('/', endpoint), caller: () => caller })

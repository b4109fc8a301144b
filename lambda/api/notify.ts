/** Messages of people's asking. `tidemill notify --test`: a message marked as a test to every target, by the way that all messages go. */
import type { ApiResponse } from '../../shared/api.ts'
import type { Config } from '../../shared/config-model.ts'
import { makeRunId, PK, SCHEMA_VERSION } from '../../shared/contract.ts'
import { plural } from '../../shared/format.ts'
import { addressOf, CHANNELS, type Channel } from '../../shared/notify.ts'
import { forgottenAt } from '../../shared/retention.ts'
import type { ApiDeps } from './operate.ts'

export async function notifyTest(deps: ApiDeps, actor: string): Promise<ApiResponse> {
  const { channels, jobs, retention } = await deps.configs.load(deps.configs.current)
  const targets = targetsOf({ channels, jobs })
  if (!targets.length)
    return {
      ok: false,
      status: 409,
      message: 'No channel is set up: nobody is told anything.',
      hint: 'Add to tidemill.yml and deploy: notifications: { email: [you@example.com] }',
    }
  const now = deps.now()
  // Looks like the id of a run, so that receivers that read one find one.
  const id = makeRunId(now, deps.random())
  const messages: string[] = []
  for (const { channel, target } of targets) {
    const pk = PK.message(id, 'test', channel, target)
    const item = { pk, schemaVersion: SCHEMA_VERSION, runId: id, kind: 'test', channel, target } as const
    const expiresAt = forgottenAt(now, retention.runs)
    await deps.store.putMessage({ ...item, state: 'pending', tries: 0, createdAt: now.toISOString(), actor, expiresAt })
    messages.push(pk)
  }
  await deps.notify({ messages })
  return {
    ok: true,
    messages,
    message: `${plural(messages.length, 'test message')} on ${messages.length === 1 ? 'its' : 'their'} way.`,
  }
}

/** `tidemill notify --resend`: what was given up, once more. Whoever asks twice at once sends nothing twice. */
export async function resendMessages(deps: ApiDeps, keys: readonly string[]): Promise<ApiResponse> {
  const now = deps.now().toISOString()
  const messages: string[] = []
  for (const pk of keys) if (await deps.store.resendMessage(pk, now)) messages.push(pk)
  if (messages.length) await deps.notify({ messages })
  const left = keys.length - messages.length
  return {
    ok: true,
    messages,
    message: `${plural(messages.length, 'message')} on ${messages.length === 1 ? 'its' : 'their'} way again${left ? `; ${plural(left, 'other')} had not been given up (any more)` : ''}.`,
  }
}

/** Targets that a rule names, and those that none does: they are configured to be used. */
function targetsOf({ channels, jobs }: Pick<Config, 'channels' | 'jobs'>): { channel: Channel; target: string }[] {
  const bot = channels.slack?.bot?.channel
  const ruled = Object.values(jobs)
    .flatMap(job => job.notify.filter(rule => channels[rule.channel]))
    .map(({ channel, target }) => ({ channel, target: channel === 'slack' && target === bot ? '' : target }))
  const named = CHANNELS.filter(channel => channels[channel]).flatMap(channel =>
    [...(hasOwn(channel) ? [''] : []), ...furtherOf(channel, channels)].map(target => ({ channel, target })),
  )
  return [...new Map([...named, ...ruled].map(each => [addressOf(each), each])).values()]

  /** With nothing but lists there are no addresses of the installation; where rules name channels of Slack, its own is one of them. */
  function hasOwn(channel: Channel): boolean {
    if (channel === 'email') return !!channels.email?.addresses.length
    return channel !== 'slack' || !ruled.some(rule => rule.channel === 'slack')
  }
}

function furtherOf(channel: Channel, channels: Config['channels']): string[] {
  if (channel === 'events') return []
  if (channel === 'email') return Object.keys(channels.email?.lists ?? {})
  return Object.keys(channels[channel]?.targets ?? {})
}

/** Delivers messages: takes each under a lease, sends it, and keeps how that ended. At least once, twice only if a send's end is unknown. */
import type { Message } from '../../shared/message.ts'
import { describeError, type Log } from '../common/log.ts'
import type { MessageItem } from '../common/message-item.ts'
import type { Outbox } from './outbox.ts'

/** What came of one try to send. `later`: it may work another time; `never`: it will not until somebody changes something. */
export type Delivery =
  | { outcome: 'sent' /** What the channel calls the message. */; receipt?: string }
  | { outcome: 'later'; error: string; afterSeconds?: number }
  | { outcome: 'never'; error: string }

export interface Addressee {
  /** Of the job's rule, e.g. a Slack channel; empty for the channel's own. */
  target: string
  createdAt: string
  /** Receipt of the message that this one answers. */
  replyTo?: string
}
export type Send = (message: Message, to: Addressee) => Promise<Delivery>
export interface ChannelSender {
  send: Send
  /** Tries after which a message is given up; absent: as long as news is of use. */
  tries?: number
}

export interface NotifierDeps {
  outbox: Outbox
  compose(item: MessageItem): Promise<Message>
  channels: Record<string, ChannelSender>
  now(): Date
  sleep(milliseconds: number): Promise<void>
  /** Milliseconds until this invocation is stopped. */
  timeLeft(): number
  log: Log
}

/** Longer than the time limit of the Lambda (120 s): while it lives, nobody else sends its messages. */
export const LEASE_SECONDS = 150
/** Waits between the tries within one invocation, unless the receiver names one. */
const BACK_OFF_SECONDS = [1, 4, 8, 16]
/** Within one invocation, unless the channel says otherwise. */
const TRIES = 3
/** A longer wait that the receiver asks for is left to a later invocation. */
const LONGEST_WAIT_SECONDS = 20
/** One try takes at most ten seconds; with less time left none is begun. */
const TRY_MILLISECONDS = 15_000
/** Invocations (the sweeper makes one every 5 minutes) after which people hear that a message waits. */
const ALARM_AFTER = 3
/** News of a run is of no use after a day. */
const GIVE_UP_MILLISECONDS = 24 * 3600 * 1000
const AT_ONCE = 4

/** Channels are worked on side by side, so that one that hangs holds up no other. */
export async function deliverMessages(deps: NotifierDeps, named: readonly string[] | undefined): Promise<void> {
  const keys = [...new Set(named ?? (await deps.outbox.open()))]
  const byChannel = new Map<string, string[]>()
  for (const pk of keys) byChannel.set(channelOf(pk), [...(byChannel.get(channelOf(pk)) ?? []), pk])
  const lines = [...byChannel.values()].flatMap(line => Array.from({ length: AT_ONCE }, () => work(deps, line)))
  const ends = await Promise.allSettled(lines)
  const broken = ends.find(end => end.status === 'rejected')
  if (broken) throw broken.reason
}

/** `MSG#<run>/<kind>/<channel>/<target>`. */
const channelOf = (pk: string) => pk.split('/')[2] ?? ''

async function work(deps: NotifierDeps, line: string[]): Promise<void> {
  for (let pk = line.shift(); pk !== undefined; pk = line.shift()) {
    if (deps.timeLeft() < TRY_MILLISECONDS) return deps.log('out of time, left for the next call', { messages: line.length + 1 })
    await deliverOne(deps, pk)
  }
}

async function deliverOne(deps: NotifierDeps, pk: string): Promise<void> {
  const now = deps.now()
  const item = await deps.outbox.take(pk, now.toISOString(), later(now, LEASE_SECONDS))
  if (!item) return deps.log('message is sent, given up or being sent', { pk })
  const fields = { runId: item.runId, pk, tries: item.tries }
  const end = await send(deps, item)
  const kept = await keep(deps, item, end)
  if (!kept) return deps.log('lease of the message ran out while it was sent', fields)
  deps.log(`message ${end.outcome}`, { ...fields, ...(end.outcome !== 'sent' && { error: end.error }) })
  if (end.outcome === 'never' || (end.outcome === 'later' && item.tries === ALARM_AFTER))
    deps.log('message could not be delivered', { ...fields, alarm: 'message_failed', error: end.error })
}

/** Tries a few times. Whatever goes wrong in here is about this message: it is kept with it. */
async function send(deps: NotifierDeps, item: MessageItem): Promise<Delivery> {
  const channel = deps.channels[item.channel]
  if (!channel) return { outcome: 'never', error: `no channel "${item.channel}" is set up` }
  try {
    const answered = await receiptOf(deps, item)
    if (answered.open) return { outcome: 'later', error: 'the message that it answers is not sent yet' }
    const message = await deps.compose(item)
    const to = { target: item.target, createdAt: item.createdAt, ...(answered.receipt && { replyTo: answered.receipt }) }
    for (let tries = 1; ; tries++) {
      const delivery = await channel.send(message, to)
      if (delivery.outcome === 'later' && tries === channel.tries)
        return { outcome: 'never', error: `after ${tries} tries: ${delivery.error}` }
      const more = delivery.outcome === 'later' && tries < (channel.tries ?? TRIES)
      const wait = more ? waitSeconds(deps, delivery.afterSeconds, tries) : undefined
      if (wait === undefined) return giveUpWhenOld(deps, item, delivery)
      await deps.sleep(wait * 1000)
    }
  } catch (error) {
    return giveUpWhenOld(deps, item, { outcome: 'later', error: describeError(error) })
  }
}

/** "Good again" goes into the thread of the failure: as long as that is on its way, it waits. */
async function receiptOf(deps: NotifierDeps, item: MessageItem): Promise<{ open: boolean; receipt?: string }> {
  const answered = item.replyTo === undefined ? undefined : await deps.outbox.find(item.replyTo)
  const open = answered?.state === 'pending' || answered?.state === 'sending'
  return { open, ...(answered?.receipt && { receipt: answered.receipt }) }
}

/** Undefined: no further try within this invocation. */
function waitSeconds(deps: NotifierDeps, asked: number | undefined, tries: number): number | undefined {
  const own = BACK_OFF_SECONDS[tries - 1]
  if (own === undefined) return undefined
  const wait = asked ?? own
  return wait <= LONGEST_WAIT_SECONDS && deps.timeLeft() > wait * 1000 + TRY_MILLISECONDS ? wait : undefined
}

function giveUpWhenOld(deps: NotifierDeps, item: MessageItem, delivery: Delivery): Delivery {
  // What waited for the end of quiet hours was not tried meanwhile.
  const begun = Date.parse(item.firstTryAt ?? item.createdAt)
  const old = deps.now().getTime() - begun > GIVE_UP_MILLISECONDS
  return delivery.outcome === 'later' && old ? { outcome: 'never', error: `after 24 h of tries: ${delivery.error}` } : delivery
}

function keep(deps: NotifierDeps, item: MessageItem, end: Delivery): Promise<boolean> {
  const now = deps.now()
  switch (end.outcome) {
    case 'sent':
      return deps.outbox.sent(item, now.toISOString(), end.receipt)
    case 'later':
      return deps.outbox.putBack(item, later(now, end.afterSeconds ?? 0), end.error)
    case 'never':
      return deps.outbox.giveUp(item, now.toISOString(), end.error)
  }
}

const later = (from: Date, seconds: number) => new Date(from.getTime() + seconds * 1000).toISOString()

/** The outbox in memory, by the same rules as the table, and a clock that only moves when told. */
import type { MessageItem } from '../../lambda/common/message-item.ts'
import type { Addressee, ChannelSender, NotifierDeps, Send } from '../../lambda/notifier/deliver.ts'
import type { Outbox } from '../../lambda/notifier/outbox.ts'
import { type Message, makeMessage } from '../../shared/message.ts'
import { input } from '../shared/message-records.ts'

export const runId = '20261122T010004-9f3ac2d1b7e4'

export const item = (channel: string, target = '', createdAt = '2026-11-22T01:12:00.000Z'): MessageItem => ({
  pk: `MSG#${runId}/error/${channel}/${target}`,
  schemaVersion: 1,
  runId,
  kind: 'error',
  channel,
  target,
  state: 'pending',
  tries: 0,
  createdAt,
})

export function makeClock(start = '2026-11-22T01:12:05.000Z') {
  let at = Date.parse(start)
  const waits: number[] = []
  return {
    waits,
    now: () => new Date(at),
    advance: (seconds: number) => {
      at += seconds * 1000
    },
    sleep: async (milliseconds: number) => {
      waits.push(milliseconds / 1000)
      at += milliseconds
    },
  }
}

function makeMemoryOutbox(items: MessageItem[]) {
  const table = new Map(items.map(each => [each.pk, each]))
  const get = (pk: string) => {
    const found = table.get(pk)
    if (!found) throw new Error(`no message ${pk}`)
    return found
  }
  const change = async (held: MessageItem, fields: Partial<MessageItem>) => {
    const current = get(held.pk)
    if (current.state !== 'sending' || current.leaseUntil !== held.leaseUntil) return false
    const { leaseUntil, ...rest } = current
    table.set(held.pk, { ...rest, ...fields })
    return true
  }
  const outbox: Outbox = {
    open: async () =>
      [...table.values()].filter(each => each.state === 'pending' || each.state === 'sending').map(each => each.pk),
    async take(pk, now, until) {
      const current = get(pk)
      if (current.state === 'sent' || current.state === 'failed' || (current.leaseUntil ?? '') >= now) return undefined
      const taken: MessageItem = {
        ...current,
        state: 'sending',
        leaseUntil: until,
        firstTryAt: current.firstTryAt ?? now,
        tries: current.tries + 1,
      }
      table.set(pk, taken)
      return taken
    },
    find: async pk => table.get(pk),
    sent: (held, at, receipt) => change(held, { state: 'sent', sentAt: at, ...(receipt && { receipt }) }),
    putBack: (held, notBefore, error) => change(held, { state: 'pending', leaseUntil: notBefore, lastError: error }),
    giveUp: (held, at, error) => change(held, { state: 'failed', lastError: error, failedAt: at }),
  }
  return { outbox, get }
}

export const message: Message = makeMessage(input('error'))

export interface Logged {
  message: string
  alarm?: unknown
}

export const own: Addressee = { target: '', createdAt: '2026-11-22T01:12:00.000Z' }

/** `channels`: what sends, or that with how often it is tried. */
export function makeDeps(items: MessageItem[], channels: Record<string, Send | ChannelSender>) {
  const clock = makeClock()
  const { outbox, get } = makeMemoryOutbox(items)
  const lines: Logged[] = []
  const deps: NotifierDeps = {
    outbox,
    channels: Object.fromEntries(
      Object.entries(channels).map(([name, each]) => [name, typeof each === 'function' ? { send: each } : each]),
    ),
    compose: async () => message,
    now: clock.now,
    sleep: clock.sleep,
    timeLeft: () => 120_000,
    log: (text, fields) => lines.push({ message: text, ...fields }),
  }
  return { deps, clock, get, lines, alarms: () => lines.filter(line => line.alarm === 'message_failed') }
}

/** Those who get the messages, and the contract with them: at least once, twice only if the outcome of a send was unknown. */
import type { ChannelSender, Delivery, Send } from '../../lambda/notifier/deliver.ts'
import type { Message } from '../../shared/message.ts'
import type { Item } from '../fakes/memory-condition.ts'
import { QUIET, QUIET_TARGET } from './jobs.ts'
import type { Process } from './process.ts'
import { START } from './workload.ts'
import type { World } from './world.ts'

interface Receipt {
  process: Process
  /** Calls of the sender that had failed before. */
  troubles: number
  /** The sender was told that it failed. */
  unknown: boolean
}
export interface Receivers {
  /** Partition key of a message to who brought it. */
  received: Map<string, Receipt[]>
  /** The channels of a notifier; `pkOf`: the item a message was made of. */
  channelsOf(process: Process, pkOf: (message: Message) => string): Record<string, ChannelSender>
}

/** The clocks of two processes may be apart by so much. */
const CLOCKS_MS = 20_000

/** Who decides when a message may go writes it down in the same process, which lives no longer. */
const DECIDED_MS = 300_000

/** Only what was made in the quiet hours waits for their end. */
function isQuiet({ target, createdAt }: Item, now: number): boolean {
  if (target !== QUIET_TARGET) return false
  const [from, to] = [QUIET.from, QUIET.to].map(minutes => START + minutes * 60_000) as [number, number]
  const made = Date.parse(String(createdAt))
  return made >= from + DECIDED_MS && made < to && now < to - CLOCKS_MS
}

export function makeReceivers(world: World): Receivers {
  const { faults, random, scheduler, table } = world
  const received = new Map<string, Receipt[]>()

  /** Whoever sent it had no answer, died, or could not keep that it was sent. */
  const isUnknown = ({ process, unknown, troubles }: Receipt, pk: string) =>
    unknown || process.died || process.troubles.slice(troubles).some(call => call.includes(pk))

  function take(process: Process, pk: string, unknown: boolean): void {
    const before = received.get(pk) ?? []
    const item = table.items.get(pk)
    const last = before.at(-1)
    if (item?.state === 'sent') world.violate('a message is not sent again once it is kept as sent', pk)
    else if (last && !isUnknown(last, pk))
      world.violate(
        'a message comes twice only if the outcome of a send is unknown',
        `${pk} from ${last.process.name} and ${process.name}`,
      )
    if (item && isQuiet(item, scheduler.now())) world.violate('nobody is told in his quiet hours', pk)
    world.trace(() => `   "${pk}" is received from ${process.name}`)
    received.set(pk, [...before, { process, unknown, troubles: process.troubles.length }])
  }
  function answer(process: Process, pk: string): Delivery {
    if (faults.hit('receiver answers 429'))
      return { outcome: 'later', error: '429', ...(random.chance(0.7) && { afterSeconds: random.int(1, 600) }) }
    if (faults.hit('receiver answers 500')) return { outcome: 'later', error: '500' }
    if (faults.hit('receiver is gone')) return { outcome: 'never', error: '404' }
    const unknown = faults.hit('receiver times out after it took the message')
    take(process, pk, unknown)
    return unknown ? { outcome: 'later', error: 'no answer within 10 s' } : { outcome: 'sent' }
  }
  const sendOf =
    (process: Process, pkOf: (message: Message) => string): Send =>
    message =>
      process.call({ write: true, label: () => `sends ${pkOf(message)}`, effect: () => answer(process, pkOf(message)) })
  return {
    received,
    channelsOf: (process, pkOf) => ({ email: { send: sendOf(process, pkOf) }, slack: { send: sendOf(process, pkOf) } }),
  }
}

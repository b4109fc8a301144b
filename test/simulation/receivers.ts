/** Those who get the messages, and the contract with them: at least once, twice only if the outcome of a send was unknown. */
import type { ChannelSender, Delivery, Send } from '../../lambda/notifier/deliver.ts'
import type { Message } from '../../shared/message.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

interface Receipt {
  process: Process
  /** The sender was told that it failed. */
  unknown: boolean
}
export interface Receivers {
  /** Partition key of a message to who brought it. */
  received: Map<string, Receipt[]>
  /** The channels of a notifier; `pkOf`: the item a message was made of. */
  channelsOf(process: Process, pkOf: (message: Message) => string): Record<string, ChannelSender>
}

export function makeReceivers(world: World): Receivers {
  const { faults, random, table } = world
  const received = new Map<string, Receipt[]>()

  function take(process: Process, pk: string, unknown: boolean): void {
    const before = received.get(pk) ?? []
    const item = table.items.get(pk)
    const last = before.at(-1)
    if (item?.state === 'sent') world.violate('a message is not sent again once it is kept as sent', pk)
    // Whoever sent it before had no answer, or could not keep it: it is dead, or a call of it failed.
    else if (last && !last.unknown && !last.process.troubled && last.process.alive)
      world.violate(
        'a message comes twice only if the outcome of a send is unknown',
        `${pk} from ${last.process.name} and ${process.name}`,
      )
    world.trace(() => `   "${pk}" is received from ${process.name}`)
    received.set(pk, [...before, { process, unknown }])
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

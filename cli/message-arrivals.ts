/** Messages that are on their way: how each went. */
import { fieldsOf } from '../shared/fields.ts'
import { oneLine, plural } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Context, Outcome } from './command.ts'
import type { Connection } from './connection.ts'

export const placeOf = ({ channel, target }: { channel: string; target: string }) => (target ? `${channel} ${target}` : channel)

/** How one message went. */
interface Arrival {
  channel: string
  target: string
  state: string
  error: string
}

/** Longer than the tries of a receiver that does not answer. */
const WAIT_MILLISECONDS = 110_000

/** Until each is sent or has failed. `whenAll`: said when nothing is lost. */
export async function awaitArrivals(
  { effects }: Context,
  connection: Connection,
  messages: string[],
  whenAll: string,
): Promise<Outcome> {
  const until = effects.clock.now().getTime() + WAIT_MILLISECONDS
  let arrivals = await read(connection, messages)
  while (arrivals.some(isOpen) && effects.clock.now().getTime() < until && !effects.interrupt.aborted) {
    await effects.clock.sleep(500, effects.interrupt)
    arrivals = await read(connection, messages)
  }
  const lost = arrivals.filter(({ state }) => state !== 'sent')
  return {
    document: { messages: arrivals },
    lines: [
      ...arrivals.map(arrival => `${arrival.state === 'sent' ? '✓' : '✗'} ${placeOf(arrival)}${wordsOf(arrival)}`),
      lost.length
        ? `${plural(lost.length, 'target')} of ${arrivals.length} did not take it. What to do: runbook, "failed-messages".`
        : whenAll,
    ],
    exitCode: lost.length ? EXIT.infrastructure : EXIT.ok,
  }
}

const isOpen = ({ state, error }: Arrival) => state === 'sending' || (state === 'pending' && !error)

function wordsOf({ state, error }: Arrival): string {
  if (state === 'sent') return ''
  return `   ${oneLine(error, 300) || 'no answer yet'}${state === 'pending' && error ? ' (it is tried again every 5 minutes)' : ''}`
}

async function read(connection: Connection, keys: string[]): Promise<Arrival[]> {
  const items = (await connection.table.getMany(keys)).map(fieldsOf)
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return keys.flatMap(key => {
    const item = items.find(({ pk }) => pk === key)
    if (!item) return []
    return [{ channel: text(item.channel), target: text(item.target), state: text(item.state), error: text(item.lastError) }]
  })
}

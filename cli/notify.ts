/** Who is told what, and whether it would reach them. */
import type { Config } from '../shared/config-model.ts'
import { plural } from '../shared/format.ts'
import type { NotifyRule } from '../shared/notify.ts'
import { EXIT } from '../shared/reasons.ts'
import { unwrap } from './api-answer.ts'
import { type Command, type Context, flagOption, type Outcome } from './command.ts'
import type { Connection } from './connection.ts'
import { connect } from './installation.ts'

export const notifyCommand: Command = {
  usage: 'notify',
  summary: 'who is told what of which job; with --test, whether it reaches them',
  options: [{ flags: '--test', text: 'send a message marked as a test to every target and wait for how it went' }],
  examples: ['tidemill notify --test'],
  async run(context, input) {
    const connection = await connect(context)
    return flagOption(input, 'test') ? sendTest(context, connection) : listRules(await connection.config())
  },
}

function listRules({ jobs }: Config): Outcome {
  const lines = Object.entries(jobs).flatMap(([name, job]) => [
    `${name}${job.notify.length ? '' : '   nobody is told'}`,
    ...job.notify.map(rule => `  ${placeOf(rule)}   ${rule.on.join(', ')}${conditionsOf(rule)}`),
  ])
  const document = { jobs: Object.fromEntries(Object.entries(jobs).map(([name, job]) => [name, job.notify])) }
  return { document, lines: [...lines, '', 'See whether it reaches them:  tidemill notify --test'] }
}

const placeOf = ({ channel, target }: { channel: string; target: string }) => (target ? `${channel} ${target}` : channel)

function conditionsOf({ match, repeat, quiet, urgent }: NotifyRule): string {
  const time = (minutes: number) =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
  const parts = [
    match === 'unmatched' ? 'nodes that nobody else is told of' : match ? `nodes of ${JSON.stringify(match)}` : '',
    repeat === undefined ? '' : `again ${typeof repeat === 'number' ? `every ${repeat / 60} min` : repeat}`,
    quiet ? `quiet ${time(quiet.from)} to ${time(quiet.to)} ${quiet.timezone}${urgent ? ' but for errors' : ''}` : '',
  ].filter(Boolean)
  return parts.length ? `   (${parts.join('; ')})` : ''
}

/** How one message went. */
interface Arrival {
  channel: string
  target: string
  state: string
  error: string
}

/** Longer than the tries of a receiver that does not answer. */
const WAIT_MILLISECONDS = 110_000

async function sendTest({ effects, say }: Context, connection: Connection): Promise<Outcome> {
  const { messages = [], message } = unwrap(await connection.api({ operation: 'notify' }))
  say(message)
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
        : 'All took it. Look whether it is there: an address must have confirmed its subscription first.',
    ],
    exitCode: lost.length ? EXIT.infrastructure : EXIT.ok,
  }
}

const isOpen = ({ state, error }: Arrival) => state === 'sending' || (state === 'pending' && !error)

function wordsOf({ state, error }: Arrival): string {
  if (state === 'sent') return ''
  return `   ${error || 'no answer yet'}${state === 'pending' && error ? ' (it is tried again every 5 minutes)' : ''}`
}

async function read(connection: Connection, keys: string[]): Promise<Arrival[]> {
  const items = (await connection.table.getMany(keys)).map(item => Object(item) as Record<string, unknown>)
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return keys.flatMap(key => {
    const item = items.find(({ pk }) => pk === key)
    if (!item) return []
    return [{ channel: text(item.channel), target: text(item.target), state: text(item.state), error: text(item.lastError) }]
  })
}

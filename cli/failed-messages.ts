/** Messages that were given up: nobody has been told. They are listed, and sent again when what was broken is mended. */
import { MESSAGES_PER_REQUEST } from '../shared/api.ts'
import { FAILED_MESSAGES_KEY } from '../shared/contract.ts'
import { fieldsOf } from '../shared/fields.ts'
import { formatDay, oneLine, plural } from '../shared/format.ts'
import { unwrap } from './api-answer.ts'
import { type Context, type Input, type Outcome, textOption } from './command.ts'
import type { Connection, Table } from './connection.ts'
import { awaitArrivals, placeOf } from './message-arrivals.ts'
import { parseSince } from './option-values.ts'
import { formatTable } from './table.ts'

export interface FailedMessage {
  key: string
  run: string
  kind: string
  channel: string
  target: string
  failedAt: string
  error: string
}

/** Over a week-end. Older news is of no use to those who did not get it. */
export const FAILED_SINCE = '3d'
/** One batch of reads of the table. */
const MOST = 100

/** Newest first, at most a hundred. */
export async function readFailed(table: Table, since: Date): Promise<FailedMessage[]> {
  const keys = await table.query('job', FAILED_MESSAGES_KEY, { limit: MOST })
  const items = keys.length ? await table.getMany(keys) : []
  return items
    .flatMap(item => parseFailed(item) ?? [])
    .filter(each => each.failedAt >= since.toISOString())
    .sort((a, b) => (a.failedAt < b.failedAt ? 1 : -1))
}

/** Undefined also for one that was sent again since the index was read. */
function parseFailed(item: unknown): FailedMessage | undefined {
  const { pk, runId, kind, channel, target, state, failedAt, lastError } = fieldsOf(item)
  if (typeof pk !== 'string' || typeof failedAt !== 'string' || state !== 'failed') return undefined
  const text = (value: unknown) => (typeof value === 'string' ? value : '')
  return {
    key: pk,
    run: text(runId),
    kind: text(kind),
    channel: text(channel),
    target: text(target),
    failedAt,
    error: text(lastError),
  }
}

export async function handleFailed(context: Context, connection: Connection, input: Input, resend: boolean): Promise<Outcome> {
  const since = textOption(input, 'since') ?? FAILED_SINCE
  const failed = await readFailed(connection.table, parseSince(since, context.effects.clock.now()))
  if (failed.length === 0) return { document: { messages: [] }, lines: [`No message was given up since ${since}.`] }
  if (!resend)
    return {
      document: { messages: failed },
      lines: [
        ...failedTable(context, failed),
        '',
        'Why, and what to do: runbook, "failed-messages". When it is mended:',
        '  tidemill notify --test     whether it is',
        `  tidemill notify --resend${since === FAILED_SINCE ? '' : ` --since ${since}`}   ${plural(failed.length, 'message')} again`,
      ],
    }
  const sent: string[] = []
  // Oldest first, as they would have come.
  const keys = failed.map(each => each.key).reverse()
  for (let from = 0; from < keys.length; from += MESSAGES_PER_REQUEST) {
    const request = { operation: 'notify', messages: keys.slice(from, from + MESSAGES_PER_REQUEST) } as const
    const { messages = [], message } = unwrap(await connection.api(request))
    context.say(message)
    sent.push(...messages)
  }
  return awaitArrivals(context, connection, sent, 'All took it.')
}

function failedTable({ effects, style }: Context, failed: FailedMessage[]): string[] {
  const now = effects.clock.now()
  const rows = failed.map(each => [
    { text: '✗', paint: style.red },
    { text: formatDay(new Date(each.failedAt), now, effects.zone) },
    { text: oneLine(each.kind, 20) },
    { text: oneLine(placeOf(each), 60) },
    { text: oneLine(each.run, 40) },
    { text: oneLine(each.error, 300) },
  ])
  const columns = [
    { title: '' },
    { title: `GIVEN UP (${effects.zone})` },
    { title: 'KIND' },
    { title: 'TO', shrinkTo: 12 },
    { title: 'RUN' },
    { title: 'ANSWER', shrinkTo: 20 },
  ]
  return formatTable(columns, rows, effects.stdout.columns)
}

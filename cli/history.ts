/** What there is of the history, and having it written anew. */
import { PK, SCHEMA_VERSION } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { fieldsOf } from '../shared/fields.ts'
import { formatBytes, formatCount, plural } from '../shared/format.ts'
import { HISTORY_KEY } from '../shared/history-index.ts'
import { EXIT } from '../shared/reasons.ts'
import { unwrap } from './api-answer.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import type { Connection } from './connection.ts'
import { connect } from './installation.ts'
import { parseSince } from './option-values.ts'
import { makeStages } from './progress.ts'
import { NO_RUNS, readIndex, type SqlIndex } from './sql-files.ts'

export const historyCommand: Command = {
  usage: 'history',
  summary: 'what there is of the history: days, months, files, and what is not compacted yet',
  options: [],
  examples: ['tidemill history', 'tidemill history rebuild'],
  run: showHistory,
}

export const historyRebuildCommand: Command = {
  usage: 'history rebuild',
  summary: 'write the history anew, from the records of the runs and what they left in the bucket',
  options: [
    { flags: '--since <when>', text: 'from this day (UTC) on, e.g. 30d or 2026-11-01 (default: all that is kept)' },
    { flags: '--no-wait', text: 'do not watch it' },
  ],
  examples: ['tidemill history rebuild', 'tidemill history rebuild --since 7d'],
  run: rebuildHistory,
}

async function showHistory(context: Context): Promise<Outcome> {
  const { table, bucket, bucketName } = await connect(context)
  const there = await readIndex(bucket)
  const index: SqlIndex = there ?? { schemaVersion: SCHEMA_VERSION, at: '', days: [], months: [] }
  const objects = await bucket.list(HISTORY_KEY.root)
  const bytes = objects.reduce((sum, object) => sum + object.bytes, 0)
  const compacted = index.days.filter(day => day.generation !== undefined).length
  const tail = index.days.reduce((sum, day) => sum + day.tail.length, 0)
  const runs = index.days.reduce((sum, day) => sum + day.runs, 0)
  const [newest, oldest] = [index.days[0]?.date, index.days.at(-1)?.date]
  const left = notesOf(await table.get(PK.compactLease))
  const found = { days: index.days.length, compactedDays: compacted, monthFiles: index.months.length, runs, tail }
  const shown = [
    newest === undefined
      ? `All runs have left it, being older than they are kept; index of ${index.at.slice(0, 16)}Z`
      : `${plural(runs, 'run')} from ${oldest} to ${newest}; index of ${index.at.slice(0, 16)}Z`,
    `${plural(index.days.length, 'day')}, ${formatCount(compacted)} of them in a file of their own, ${plural(index.months.length, 'file')} of months`,
    `${plural(tail, 'run')} not compacted yet`,
    `${plural(objects.length, 'file')}, ${formatBytes(bytes)}, in s3://${bucketName}/${HISTORY_KEY.root}`,
  ]
  return {
    document: { ...found, files: objects.length, bytes, at: index.at, newest, oldest, left },
    lines: [
      ...(there ? shown : NO_RUNS),
      ...(left.length ? [`The compactor has work left: ${left.slice(0, 5).join(', ')}${left.length > 5 ? ' …' : ''}`] : []),
    ],
  }
}

async function rebuildHistory(context: Context, input: Input): Promise<Outcome> {
  const { effects } = context
  const since = textOption(input, 'since')
  const from = since === undefined ? undefined : parseSince(since, effects.clock.now()).toISOString().slice(0, 10)
  const connection = await connect(context)
  const answer = unwrap(await connection.api({ operation: 'rebuild', ...(from !== undefined && { from }) }))
  const wait = input.options.wait !== false && !flagOption(input, 'noWait')
  if (!wait || !answer.span)
    return { document: { ...answer.span }, lines: [answer.message, 'See how far it is:  tidemill history'] }
  await watch(context, connection, answer.span)
  return showHistory(context)
}

const POLL = 2000
/** Calls of functions are asynchronous: it may take a moment until there is a note. */
const LOOKS_BEFORE = 15

async function watch(
  { effects, globals, style }: Context,
  { table }: Connection,
  span: { from: string; to: string },
): Promise<void> {
  const stages = makeStages(globals.json ? effects.stderr : effects.stdout, effects.clock, style)
  stages.start('history', `${span.from} to ${span.to}`)
  let begun = false
  try {
    for (let looks = 0; !effects.interrupt.aborted; looks++) {
      const left = notesOf(await table.get(PK.compactLease))
      const next = left.map(note => /^rebuild\/([\d-]+)\/([\d-]+)/.exec(note)).find(Boolean)
      if (next) stages.note(`${next[1]} of ${span.from} to ${span.to}`)
      begun ||= next !== undefined
      if (left.length === 0 && (begun || looks > LOOKS_BEFORE)) return stages.end('success', `${span.from} to ${span.to}`)
      await effects.clock.sleep(POLL, effects.interrupt)
    }
    stages.end('cancelled', 'it goes on without you')
    throw new UserError('Interrupted; the compactor goes on.', {
      hint: 'See how far it is: tidemill history',
      exitCode: EXIT.infrastructure,
    })
  } finally {
    stages.stop()
  }
}

/** What is noted for the compactor and not done. */
function notesOf(item: unknown): string[] {
  const { again, doing } = fieldsOf(item)
  return [again, doing].flatMap(notes => (notes instanceof Set ? [...notes].map(String) : []))
}

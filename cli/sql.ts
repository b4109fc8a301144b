import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Json } from '@duckdb/node-api'
import { UserError } from '../shared/errors.ts'
import { formatBytes, oneLine, plural, stripControls } from '../shared/format.ts'
import { type Command, type Context, flagOption, type Input, type Outcome, textOption } from './command.ts'
import { connect, findConfigFile } from './installation.ts'
import { cacheFolder } from './places.ts'
import { type Answered, answer } from './sql-answer.ts'
import { NO_RUNS } from './sql-files.ts'
import { MOST_CHARACTERS } from './sql-rows.ts'
import { formatTable } from './table.ts'

export const sqlCommand: Command = {
  usage: 'sql [question]',
  summary: 'ask the history of all runs in SQL (DuckDB): tables runs, steps, nodes, tests, sources, costs',
  options: [
    { flags: '-f, --file <path>', text: 'the question is in this file (or on stdin)' },
    { flags: '--csv', text: 'the answer as CSV' },
    { flags: '--any-size', text: 'fetch also more than 1 GB' },
    { flags: '-n, --count <number>', text: 'at most so many rows (default: 100 in a table, a million as JSON or CSV)' },
  ],
  examples: [
    "tidemill sql 'select job, status, count(*) from runs where day >= current_date - 7 group by all'",
    "tidemill sql 'describe nodes'",
    'tidemill sql --csv --file question.sql > answer.csv',
  ],
  run: ask,
}

const TABLE_ROWS = 100
const FILE_ROWS = 1_000_000

async function ask(context: Context, input: Input): Promise<Outcome> {
  const { effects, globals } = context
  const csv = flagOption(input, 'csv')
  if (csv && globals.json) throw new UserError('Either --csv or --json.')
  const sql = (await readQuestion(context, input)).trim().replace(/;\s*$/, '')
  const limit = parseLimit(textOption(input, 'count')) ?? (csv || globals.json ? FILE_ROWS : TABLE_ROWS)
  const answered = await answer(
    { sql, limit, anySize: flagOption(input, 'anySize') },
    {
      folder: join(cacheFolder(effects), 'sql'),
      interrupt: effects.interrupt,
      now: effects.clock.now(),
      tell: text => effects.stderr.isTTY && effects.stderr.write(`${text}\n`),
      connect: async () => {
        const { bucket, bucketName, region, local } = await connect(context)
        // Every local cloud has the same names.
        return { bucket, name: `${local ? findConfigFile(context) : region} ${bucketName}` }
      },
    },
  )
  const these = plural(answered.rows.length, 'row')
  const more =
    answered.cut === 'size'
      ? `There are more than these ${these} of ${formatBytes(MOST_CHARACTERS)} in all: ask for fewer columns, or in parts.`
      : `There are more than these ${these}; --count NUMBER gives more.`
  const notes = [...(answered.cut ? [more] : []), ...(answered.noRuns ? NO_RUNS : [])]
  if (csv || globals.json) for (const note of notes) effects.stderr.write(`${note}\n`)
  return {
    document: documentOf(answered),
    lines: csv ? csvLines(answered) : [...tableLines(context, answered), ...footLines(context, answered, notes)],
  }
}

async function readQuestion({ effects }: Context, input: Input): Promise<string> {
  const word = input.words.question
  const path = textOption(input, 'file')
  if (word !== undefined && word !== '-' && path !== undefined) throw new UserError('Either a question or --file.')
  if (path !== undefined && path !== '-') {
    try {
      return readFileSync(resolve(effects.cwd, path), 'utf8')
    } catch (cause) {
      throw new UserError(`No file ${resolve(effects.cwd, path)} that can be read.`, { cause })
    }
  }
  if (word !== undefined && word !== '-') return word
  if (effects.readInput) return effects.readInput()
  throw new UserError('There is no question.', {
    hint: "E.g.: tidemill sql 'select status, count(*) from runs group by all'. Tables and columns: docs/history.md, or: tidemill sql 'describe runs'",
  })
}

function parseLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (/^[1-9]\d{0,7}$/.test(text)) return Number(text)
  throw new UserError(`--count "${text}" is not a number from 1 to 99999999.`)
}

const documentOf = ({ columns, rows, cut }: Answered) => ({
  columns,
  rows: rows.map(row => Object.fromEntries(columns.map(({ name }, i) => [name, row[i] ?? null]))),
  cut: cut !== undefined,
})

const textOf = (value: Json | undefined) =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)

const NUMBER = /^(U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DOUBLE|FLOAT|DECIMAL)/

function tableLines({ effects }: Context, { columns, rows }: Answered): string[] {
  // A plan is a picture.
  if (columns[0]?.name === 'explain_key') return stripControls(rows.map(row => textOf(row[1])).join('\n')).split('\n')
  return formatTable(
    columns.map(({ name, type }) => ({
      title: oneLine(name, 60),
      ...(NUMBER.test(type) ? { align: 'right' as const } : { shrinkTo: 12 }),
    })),
    // Names and messages are of strangers. Times lose their fractions of a second.
    rows.map(row =>
      row.map(value => ({ text: oneLine(textOf(value), 300).replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z$/, '$1Z') })),
    ),
    effects.stdout.columns,
  )
}

function footLines({ style }: Context, { rows, requests, bytes }: Answered, notes: string[]): string[] {
  const fetched = requests > 0 ? `, ${formatBytes(bytes)} fetched` : ''
  return notes.length ? notes : [style.dim(`${plural(rows.length, 'row')}${fetched}`)]
}

function csvLines({ columns, rows }: Answered): string[] {
  const field = (text: string) => (/[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  const line = (values: string[]) => values.map(field).join(',')
  return [line(columns.map(({ name }) => name)), ...rows.map(row => line(row.map(textOf)))]
}

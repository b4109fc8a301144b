/** The files of a day or of some days of a month become one file per table, or several where they would be large. */
import { createHash } from 'node:crypto'
import { dayOfRun } from '../../shared/contract.ts'
import {
  HISTORY_KEY,
  HISTORY_TABLES,
  type HistoryIndex,
  type HistoryTable,
  type IndexDay,
  type IndexMonth,
  type IndexRun,
} from '../../shared/history-index.ts'
import { HISTORY_VERSION } from '../../shared/history-tables.ts'
import type { Bucket } from '../common/bucket.ts'
import type { Log } from '../common/log.ts'
import { PARQUET } from '../common/parquet.ts'
import { readRows } from './book.ts'
import { mergeFiles, type Part } from './merge.ts'

export interface PackDeps {
  bucket: Pick<Bucket, 'read' | 'write'>
  /** Writes the files of a run anew, from table and bucket. False: nothing is left of it to write. */
  restore(run: IndexRun): Promise<boolean>
  log: Log
  /** Results of nodes in one file, by their weight. */
  rowsOfFile: number
}

/** Days that become one thing, and the compacted files that hold them now. */
export interface Group {
  days: IndexDay[]
  sources: Source[]
  /** Their month is closed: the file is one of the month. */
  month: boolean
  /** Files of the month that it replaces. */
  files?: IndexMonth[]
}
type Source = (table: HistoryTable) => string

/** 500,000 results of nodes that are good make 0.55 GB of memory while they are sorted (`npm run bench:site -- --only compactor`). */
export const ROWS_OF_FILE = 500_000
/** One with a message of 2,000 characters takes as much as so many without. */
const WEIGHT_OF_MESSAGE = 5
/** Bytes of one compacted file. */
const MAX_BYTES = 1024 * 1024 * 1024
const AT_ONCE = 16

export const sourceOfDay =
  ({ date, generation = '' }: IndexDay): Source =>
  table =>
    HISTORY_KEY.day(table, date, generation)
export const sourceOfMonth =
  ({ month, generation }: IndexMonth): Source =>
  table =>
    HISTORY_KEY.month(table, month, generation)

/** The index with the group in new files, which are written; the index is not. */
export async function packGroup(deps: PackDeps, index: HistoryIndex, group: Group): Promise<HistoryIndex> {
  // A file that is replaced says which days it holds, also those of which no run is left.
  const { from = group.days[0]?.date ?? '', to = group.days.at(-1)?.date ?? '' } = group.files?.[0] ?? {}
  const pages = await Promise.all(group.days.map(day => readRows(deps.bucket, day.page)))
  const rows = pages.flat().sort((a, b) => (a.id < b.id ? -1 : 1))
  const tail = new Set(group.days.flatMap(day => day.tail))
  const chunks = chunksOf(rows, deps.rowsOfFile)
  // A day that is too large for one file has several, as a month has.
  const inDay = !group.month && chunks.length === 1
  const files = []
  for (const chunk of chunks) files.push(await writeChunk(deps, chunk, { ...group, month: !inDay }, tail))
  const ofDay = inDay ? files[0] : undefined
  const months = ofDay ? [] : files.map(file => ({ month: from.slice(0, 7), ...file, from, to }))
  const replaced = new Set(group.files?.map(file => file.generation))
  const dates = new Set(group.days.map(day => day.date))
  return {
    ...index,
    days: index.days.map(day => {
      if (!dates.has(day.date)) return day
      const { generation: _, packed: __, ...rest } = day
      return { ...rest, tail: [], ...ofDay }
    }),
    months: [...index.months.filter(each => !replaced.has(each.generation)), ...months].sort((a, b) =>
      a.to < b.to ? 1 : a.to > b.to ? -1 : 0,
    ),
  }
}

/** Runs in order, so many that their results fit into one file; a run is never in two. */
function chunksOf(rows: readonly IndexRun[], most: number): IndexRun[][] {
  const chunks: IndexRun[][] = []
  let left = 0
  for (const row of rows) {
    const weight = weightOf(row)
    if (left < weight || chunks.length === 0) {
      chunks.push([])
      left = most
    }
    chunks.at(-1)?.push(row)
    left -= weight
  }
  return chunks
}

/** Rows that a run has in its largest tables together, about, and in memory. */
export function weightOf({
  counts: { success = 0, skipped = 0, 'no-op': noop = 0, error = 0, fail = 0, warn = 0 } = {},
}: IndexRun): number {
  return 1 + success + skipped + noop + WEIGHT_OF_MESSAGE * (error + fail + warn)
}

async function writeChunk(deps: PackDeps, rows: readonly IndexRun[], group: Group, tail: ReadonlySet<string>) {
  const ids = rows.map(row => row.id)
  const hasFile = group.sources.length > 0
  const own = new Set(ids.filter(id => !hasFile || tail.has(id)))
  const generation = generationOf(rows, own, group)
  const key = (table: HistoryTable) =>
    group.month
      ? HISTORY_KEY.month(table, dayOfRun(ids[0] ?? '').slice(0, 7), generation)
      : HISTORY_KEY.day(table, group.days[0]?.date ?? '', generation)
  const merged = (table: HistoryTable) => mergeFiles(table, partsOf(deps.bucket, table, group, ids, own))
  // Of every run there is one row here: who has none has lost its files, and gets them again.
  const { runs } = await merged('runs')
  for (const row of rows.filter(each => !runs.has(each.id))) {
    if (await deps.restore(row)) own.add(row.id)
    else deps.log('nothing is left of a run but its row in the index', { runId: row.id })
  }
  for (const table of HISTORY_TABLES) {
    const { body, rows: count } = await merged(table)
    await deps.bucket.write(key(table), body, { type: PARQUET, immutable: true })
    deps.log('compacted', { key: key(table), runs: ids.length, rows: count, bytes: body.byteLength })
  }
  return { generation, packed: ids.length }
}

/** Made of the same gives the same name: who does it again after a crash writes the same file, and nobody another one under its name. */
function generationOf(rows: readonly IndexRun[], own: ReadonlySet<string>, { sources }: Group): string {
  const ends = rows.map(row => [row.id, row.endedAt, own.has(row.id)])
  const text = JSON.stringify([HISTORY_VERSION, ends, sources.map(source => source('runs'))])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

async function* partsOf(
  bucket: PackDeps['bucket'],
  table: HistoryTable,
  group: Group,
  ids: readonly string[],
  own: ReadonlySet<string>,
): AsyncGenerator<Part> {
  const runs = new Set(ids.filter(id => !own.has(id)))
  for (const source of runs.size ? group.sources : []) {
    const object = await bucket.read(source(table), MAX_BYTES)
    if (!object) throw new Error(`${source(table)} is named by ${HISTORY_KEY.index} and not there: tidemill history rebuild`)
    yield { body: object.body, runs }
  }
  const keys = ids.filter(id => own.has(id)).map(id => HISTORY_KEY.run(table, dayOfRun(id), id))
  for (let from = 0; from < keys.length; from += AT_ONCE)
    for (const object of await Promise.all(keys.slice(from, from + AT_ONCE).map(key => bucket.read(key, MAX_BYTES))))
      if (object) yield { body: object.body }
}

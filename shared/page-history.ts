/**
 * Rows of the history for the pages: out of the Parquet files that the index names, by byte ranges, the newest first. What one
 * question may read is bounded in files, rows and time; an answer that was cut off says how far back it goes.
 */
import { type AsyncBuffer, type ParquetQueryFilter, parquetReadObjects } from 'hyparquet'
import { dayOfRun } from './contract.ts'
import { HISTORY_KEY, type HistoryIndex, type HistoryTable, type IndexDay } from './history-index.ts'
import type { PageReads } from './page-reads.ts'

export type HistoryReads = Pick<PageReads, 'bytes'>

export type Row = Record<string, unknown>
export interface Found {
  /** In no order. */
  rows: Row[]
  /** YYYY-MM-DD: rows of this day and of those before were left out. */
  leftOut?: string
}

interface Question {
  index: HistoryIndex
  table: HistoryTable
  /** YYYY-MM-DD, included. */
  since: string
  /** Runs of the tail of a day that can have what is looked for. */
  tailOf(day: IndexDay): Promise<string[]>
  columns: string[]
  filter?: ParquetQueryFilter
  /** Rows that are enough. */
  most: number
  /** Whether there is no time left for another file. */
  isOver(): boolean
}

/** Files of one question: those of a long tail, and compacted ones of more than ten years. */
const MOST_FILES = 3000
/** Files of runs are small. Of a compacted file up to 20,000 rows are in memory while they are looked through. */
const AT_ONCE = { tail: 24, packed: 6 } as const

interface TableFile {
  key: string
  /** The newest day in it. */
  day: string
  /** Of many runs: those in the tail count by their own files. */
  packed: boolean
}

export async function readRows(reads: HistoryReads, question: Question): Promise<Found> {
  const { index, since, columns, filter, most, isOver } = question
  const files = await filesOf(question)
  const tail = new Set(index.days.flatMap(day => day.tail))
  const left = new Set(files)
  const rows: Row[] = []
  const wants = (run: string, packed: boolean) => (!packed || !tail.has(run)) && dayOfRun(run) >= since
  const work = async (queue: Iterator<TableFile>) => {
    for (let next = queue.next(); !next.done; next = queue.next()) {
      const { key, packed } = next.value
      if (rows.length >= most || isOver()) return
      const file = await openFile(reads, key)
      const found = file ? await parquetReadObjects({ file, columns: ['run_id', ...columns], ...(filter && { filter }) }) : []
      for (const row of found) if (wants(String(row.run_id), packed)) rows.push(row)
      left.delete(next.value)
    }
  }
  for (const packed of [false, true]) {
    const queue = files
      .slice(0, MOST_FILES)
      .filter(file => file.packed === packed)
      .values()
    await Promise.all(Array.from({ length: AT_ONCE[packed ? 'packed' : 'tail'] }, () => work(queue)))
  }
  const leftOut = [...left]
    .map(file => file.day)
    .sort()
    .at(-1)
  return { rows, ...(leftOut !== undefined && { leftOut }) }
}

/** Newest first. */
async function filesOf({ index, table, since, tailOf }: Question): Promise<TableFile[]> {
  const days = await Promise.all(
    index.days
      .filter(({ date }) => date >= since)
      .map(async (day): Promise<TableFile[]> => {
        const { date, generation, tail } = day
        const wanted = new Set(tail.length ? await tailOf(day) : [])
        const runs = tail
          .filter(run => wanted.has(run))
          .sort()
          .reverse()
        return [
          ...runs.map(run => ({ key: HISTORY_KEY.run(table, dayOfRun(run), run), day: date, packed: false })),
          ...(generation ? [{ key: HISTORY_KEY.day(table, date, generation), day: date, packed: true }] : []),
        ]
      }),
  )
  const months = index.months
    .filter(({ to }) => to >= since)
    .map(({ month, generation, to }) => ({ key: HISTORY_KEY.month(table, month, generation), day: to, packed: true }))
  return [...days.flat(), ...months].sort((a, b) => (a.day < b.day ? 1 : a.day > b.day ? -1 : 0))
}

/** Enough for the whole file of a run, and for the end of a larger one, where its parts are listed. */
const FIRST_BYTES = 128 * 1024

/** Undefined: the run left no rows of this kind. What has been replaced since the index was read is removed an hour later. */
async function openFile(reads: HistoryReads, key: string): Promise<AsyncBuffer | undefined> {
  const end = await reads.bytes(key, { last: FIRST_BYTES })
  if (!end) return undefined
  const from = end.size - end.bytes.length
  return {
    byteLength: end.size,
    async slice(start, stop = end.size) {
      if (start >= from) return bufferOf(end.bytes.subarray(start - from, stop - from))
      const part = await reads.bytes(key, { start, end: stop - 1 })
      if (!part) throw new Error(`${key} was removed while it was read`)
      return bufferOf(part.bytes)
    },
  }
}

/** A copy: the bytes may be a piece of a larger buffer. */
const bufferOf = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer

export const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)
export const numberOf = (value: unknown) =>
  typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : undefined
/** ISO 8601. */
export const timeOf = (value: unknown) =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined
/** The property, where it has a value. */
export const given = <K extends string, V>(key: K, value: V | undefined) =>
  (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }

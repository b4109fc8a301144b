/** Rows of the history out of Parquet files. hyparquet is a part of its own, which only pages that need it load. */
import type { AsyncBuffer, ParquetQueryFilter } from 'hyparquet'
import { dayOfRun } from '../shared/contract.ts'
import { HISTORY_KEY, type HistoryIndex, type HistoryTable } from '../shared/history-index.ts'
import { faultOf } from './fault.ts'
import { askData } from './server.ts'

export interface TableFile {
  key: string
  /** Of many runs: those in the tail count by their own files. */
  packed: boolean
}

/** `since`: YYYY-MM-DD. `wants`: whether a run of the tail can have what is looked for. Pure. */
export function filesOf(index: HistoryIndex, table: HistoryTable, since: string, wants: (run: string) => boolean): TableFile[] {
  const days = index.days
    .filter(day => day.date >= since)
    .flatMap((day): TableFile[] => [
      ...day.tail.filter(wants).map(run => ({ key: HISTORY_KEY.run(table, dayOfRun(run), run), packed: false })),
      ...(day.generation ? [{ key: HISTORY_KEY.day(table, day.date, day.generation), packed: true }] : []),
    ])
  const months = index.months
    .filter(month => month.to >= since)
    .map(({ month, generation }) => ({ key: HISTORY_KEY.month(table, month, generation), packed: true }))
  return [...days, ...months]
}

export interface Question {
  index: HistoryIndex
  table: HistoryTable
  since: string
  wants: (run: string) => boolean
  columns: string[]
  filter?: ParquetQueryFilter
}
export type Row = Record<string, unknown>
/** Files that are read at once. */
const AT_ONCE = 6

/** All rows, in no order. `told`: files read, of so many. */
export async function readRows(
  question: Question,
  told: (done: number, of: number) => void,
  signal: AbortSignal,
): Promise<Row[]> {
  const { index, table, since, wants, columns, filter } = question
  const { parquetReadObjects } = await import('hyparquet')
  const files = filesOf(index, table, since, wants)
  const tail = new Set(index.days.flatMap(day => day.tail))
  const rows: Row[] = []
  let done = 0
  const queue = files.values()
  const work = async () => {
    for (const { key, packed } of queue) {
      const file = await openFile(key, signal)
      if (file) {
        const found = await parquetReadObjects({ file, columns: ['run_id', ...columns], ...(filter && { filter }) })
        rows.push(...found.filter(row => !packed || !tail.has(String(row.run_id))))
      }
      told(++done, files.length)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return rows
}

/** Enough for the whole file of a run, and for the end of a larger one, where its parts are listed. */
const FIRST_BYTES = 128 * 1024

/** Undefined: the run left no rows of this kind, or its file has been replaced by that of its day since the index was read. */
async function openFile(key: string, signal: AbortSignal): Promise<AsyncBuffer | undefined> {
  const ask = (range: string) => askData(key, { headers: { range: `bytes=${range}` }, signal })
  try {
    const response = await ask(`-${FIRST_BYTES}`)
    const end = await response.arrayBuffer()
    const byteLength = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? end.byteLength)
    const from = byteLength - end.byteLength
    return {
      byteLength,
      slice: async (start, stop = byteLength) =>
        start >= from ? end.slice(start - from, stop - from) : (await ask(`${start}-${stop - 1}`)).arrayBuffer(),
    }
  } catch (error) {
    if (faultOf(error).status === 404) return undefined
    throw error
  }
}

export const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)
export const numberOf = (value: unknown) =>
  typeof value === 'number' ? value : typeof value === 'bigint' ? Number(value) : undefined
/** ISO 8601. */
export const timeOf = (value: unknown) =>
  value instanceof Date && !Number.isNaN(value.getTime()) ? value.toISOString() : undefined

/** YYYY-MM-DD, so many days ago. */
export const daysAgo = (days: number, now = Date.now()) => new Date(now - days * 86_400_000).toISOString().slice(0, 10)

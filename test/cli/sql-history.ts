/** A bucket with a history of known content: files of single runs, days and months. */
import { ByteWriter, parquetWrite } from 'hyparquet-writer'
import { fileOf, stored } from '../../lambda/common/parquet.ts'
import type { Column } from '../../shared/history-columns.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryTable } from '../../shared/history-index.ts'
import { TABLES } from '../../shared/history-tables.ts'

/** A row: what it does not name is NULL. */
export type Row = Record<string, unknown> & { run_id: string; claimed_at: string }
export type Rows = Partial<Record<HistoryTable, Row[]>>

export interface Layout {
  /** Months in one file each. */
  months?: string[]
  /** Days with a file of their own. */
  days?: string[]
}

const dayOf = (row: Row) => row.claimed_at.slice(0, 10)

/** What is in no month and no day is in files of single runs. */
export function makeHistory(rows: Rows, { months = [], days = [] }: Layout = {}): Record<string, Uint8Array> {
  const objects: Record<string, Uint8Array> = {}
  const put = (key: string, table: HistoryTable, some: Row[]) => {
    objects[key] = fileFor(table, some)
  }
  const all = HISTORY_TABLES.flatMap(table => (rows[table] ?? []).map(row => ({ table, row })))
  const dates = [...new Set(all.map(({ row }) => dayOf(row)))].sort().reverse()
  const open = dates.filter(date => !days.includes(date) && !months.includes(date.slice(0, 7)))
  for (const table of HISTORY_TABLES) {
    const of = (wanted: (row: Row) => boolean) => (rows[table] ?? []).filter(wanted)
    for (const month of months)
      put(
        HISTORY_KEY.month(table, month, 'g1'),
        table,
        of(row => dayOf(row).startsWith(month)),
      )
    for (const day of days)
      put(
        HISTORY_KEY.day(table, day, 'g1'),
        table,
        of(row => dayOf(row) === day),
      )
    for (const date of open)
      for (const run of new Set(all.filter(({ row }) => dayOf(row) === date).map(({ row }) => row.run_id)))
        put(
          HISTORY_KEY.run(table, date, run),
          table,
          of(row => row.run_id === run),
        )
  }
  const runsOf = (date: string) => [...new Set(all.filter(({ row }) => dayOf(row) === date).map(({ row }) => row.run_id))]
  objects[HISTORY_KEY.index] = Buffer.from(
    JSON.stringify({
      schemaVersion: 1,
      at: '2026-11-22T12:00:00Z',
      days: dates.map(date => ({
        date,
        page: HISTORY_KEY.dayPage(date, 'x'),
        runs: runsOf(date).length,
        failed: 0,
        usd: 0,
        ...(days.includes(date) && { generation: 'g1' }),
        tail: open.includes(date) ? runsOf(date) : [],
      })),
      months: months.map(month => {
        const within = dates.filter(date => date.startsWith(month))
        return { month, generation: 'g1', from: within.at(-1) ?? '', to: within[0] ?? '' }
      }),
      jobs: [],
      newest: [],
    }),
  )
  return objects
}

/** As the finisher writes it, in smaller groups. */
export function fileFor(table: HistoryTable, rows: readonly Row[]): Uint8Array {
  const writer = new ByteWriter()
  const columns: readonly Column[] = TABLES[table].columns
  const columnData = columns.map(column => ({
    name: column.name,
    data: rows.map(row => stored(column.type, cellOf(column, row[column.name]))),
    offsetIndex: false,
  }))
  parquetWrite({ writer, ...fileOf(table), columnData, rowGroupSize: 2048 })
  return writer.getBytes()
}

const NOTHING: Record<string, unknown> = { TIMESTAMP: new Date(0), BOOLEAN: false, VARCHAR: '', 'VARCHAR[]': [] }

function cellOf({ type, nullable }: Column, value: unknown): unknown {
  if (value === undefined || value === null) return nullable ? null : (NOTHING[type] ?? 0)
  return type === 'TIMESTAMP' ? new Date(String(value)) : value
}

let made = 0
/** A row of a run; `at`: ISO 8601 of its claim. */
export function runRow(at: string, fields: Record<string, unknown> = {}): Row {
  const claimed = new Date(at)
  const id = `${claimed.toISOString().slice(0, 19).replace(/[-:]/g, '')}-${String(++made).padStart(12, '0')}`
  const times = { claimed_at: claimed.toISOString(), started_at: claimed.toISOString(), ended_at: claimed.toISOString() }
  return { run_id: id, project: 'shop', environment: 'prod', job: 'nightly', status: 'success', ...times, ...fields }
}

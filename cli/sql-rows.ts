/** The answer: a bounded number of rows, as JSON values. */
import type { DuckDBType, Json } from '@duckdb/node-api'
import type { Database } from './sql-database.ts'

export interface Answer {
  columns: { name: string; type: string }[]
  rows: Json[][]
  /** There were more: than were asked for, or than {@link MOST_CHARACTERS} hold. */
  cut?: 'rows' | 'size'
}

/** Of all values together: an answer is one text in the end, and a text has at most 512 MB. */
export const MOST_CHARACTERS = 128 * 1024 ** 2

/** Streamed, so that little beyond the limits is made. */
export async function readAnswer({ connection }: Database, sql: string, limit: number): Promise<Answer> {
  const result = await connection.stream(sql)
  const types = result.columnTypes()
  const rows: Json[][] = []
  let cut: Answer['cut']
  let characters = 0
  reading: for await (const part of result.yieldRowsJson()) {
    for (const row of part) {
      characters += sizeOf(row)
      cut = rows.length === limit ? 'rows' : characters > MOST_CHARACTERS ? 'size' : undefined
      if (cut) break reading
      rows.push(row.map((value, i) => plainValue(value, types[i])))
    }
  }
  const names = result.deduplicatedColumnNames()
  return {
    columns: names.map((name, i) => ({ name, type: String(types[i] ?? '') })),
    rows,
    ...(cut && { cut }),
  }
}

/** About, and at least what a number takes. */
const sizeOf = (row: readonly Json[]): number =>
  row.reduce<number>(
    (sum, value) => sum + (typeof value === 'string' ? value.length : Array.isArray(value) ? sizeOf(value) : 8),
    0,
  )

const WHOLE = /^(BIGINT|UBIGINT|HUGEINT|UHUGEINT|DECIMAL.*)$/
const TIME = /^TIMESTAMP/

/** Numbers as numbers as far as JSON can hold them; times as ISO 8601. The driver gives both as text. */
function plainValue(value: Json, type: DuckDBType | undefined): Json {
  if (typeof value !== 'string') return value
  const name = String(type)
  if (WHOLE.test(name)) return Number.isSafeInteger(Math.trunc(Number(value))) ? Number(value) : value
  if (TIME.test(name)) return value.replace(/^(\d{4}-\d{2}-\d{2}) ([\d:.]+)(\+00)?$/, '$1T$2Z')
  return value
}

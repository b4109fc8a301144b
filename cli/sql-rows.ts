/** The answer: a bounded number of rows, as JSON values. */
import type { DuckDBType, Json } from '@duckdb/node-api'
import type { Database } from './sql-database.ts'

export interface Answer {
  columns: { name: string; type: string }[]
  rows: Json[][]
  /** There were more. */
  cut: boolean
}

/** Streamed, so that nothing beyond the limit is made. */
export async function readAnswer({ connection }: Database, sql: string, limit: number): Promise<Answer> {
  const result = await connection.stream(sql)
  const types = result.columnTypes()
  const rows: Json[][] = []
  for await (const part of result.yieldRowsJson()) {
    for (const row of part) rows.push(row.map((value, i) => plainValue(value, types[i])))
    if (rows.length > limit) break
  }
  const names = result.deduplicatedColumnNames()
  return {
    columns: names.map((name, i) => ({ name, type: String(types[i] ?? '') })),
    rows: rows.slice(0, limit),
    cut: rows.length > limit,
  }
}

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

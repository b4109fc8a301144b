/** The tables of a question: views over the files that were fetched. */
import { join } from 'node:path'
import { HISTORY_TABLES, type HistoryTable } from '../shared/history-index.ts'
import { TABLES } from '../shared/history-tables.ts'
import { type Database, quoteName, quoteText, shutIn } from './sql-database.ts'

/** Where a table reads. */
export interface TableFiles {
  compacted: string[]
  single: string[]
  /** Runs whose rows in compacted files do not count. */
  superseded: string[]
  /** Days (YYYY-MM-DD) that are wanted; absent: all of them. */
  days?: { first: string; last: string }
}

/** Makes the views, then shuts the database in. `byName`: what a file lacks is NULL, and not an error. */
export async function openViews(
  database: Database,
  tables: Partial<Record<HistoryTable, TableFiles>>,
  byName: boolean,
): Promise<void> {
  const all: string[] = []
  for (const table of HISTORY_TABLES) {
    const files = tables[table]
    // Files may lack columns, and there may be none: the one without rows has all columns.
    const empty = await writeEmpty(database, table)
    all.push(empty, ...(files?.compacted ?? []), ...(files?.single ?? []))
    await database.connection.run(`CREATE VIEW ${table} AS ${selectFrom(table, empty, files, byName)}`)
  }
  await shutIn(database, all)
}

function selectFrom(table: HistoryTable, empty: string, files: TableFiles | undefined, byName: boolean): string {
  const { compacted = [], single = [], superseded = [], days } = files ?? {}
  const within = days ? [`claimed_at >= ${midnight(days.first)}`, `claimed_at < ${midnight(days.last)} + INTERVAL 1 DAY`] : []
  if (superseded.length === 0) return select(table, [empty, ...compacted, ...single], within, byName)
  const current = `run_id NOT IN (${superseded.map(quoteText).join(', ')})`
  const [before, after] = [
    select(table, [empty, ...compacted], [...within, current], byName),
    select(table, [empty, ...single], within, byName),
  ]
  return `${before} UNION ALL ${after}`
}

function select(table: HistoryTable, paths: readonly string[], conditions: readonly string[], byName: boolean): string {
  const columns = TABLES[table].columns.map(({ name, type }) =>
    type === 'TIMESTAMP' ? `${withoutZone(quoteName(name))} AS ${quoteName(name)}` : quoteName(name),
  )
  const files = `read_parquet([${paths.map(quoteText).join(', ')}], union_by_name = ${byName}, hive_partitioning = false)`
  const where = conditions.length ? ` WHERE ${conditions.join(' AND ')}` : ''
  return `SELECT CAST(${withoutZone('claimed_at')} AS DATE) AS day, ${columns.join(', ')} FROM ${files}${where}`
}

// The files say of their times that they are UTC, which DuckDB reads as a type with a zone: slow, and odd beside dates.
const withoutZone = (column: string) => `make_timestamp(epoch_us(${column}))`
const midnight = (day: string) => `TIMESTAMPTZ '${day} 00:00:00+00'`

async function writeEmpty({ connection, folder }: Database, table: HistoryTable): Promise<string> {
  const path = join(folder, `${table}.parquet`)
  const columns = TABLES[table].columns
    .map(({ name, type }) => `NULL::${type === 'TIMESTAMP' ? 'TIMESTAMPTZ' : type} AS ${quoteName(name)}`)
    .join(', ')
  await connection.run(`COPY (SELECT ${columns} LIMIT 0) TO ${quoteText(path)} (FORMAT parquet)`)
  return path
}

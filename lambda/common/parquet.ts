/** Writes rows of the history as Parquet. */
import type { SchemaElement } from 'hyparquet'
import { ByteWriter, parquetWrite } from 'hyparquet-writer'
import type { Column, SqlType } from '../../shared/history-columns.ts'
import type { HistoryTable } from '../../shared/history-index.ts'
import { HISTORY_VERSION, type HistoryRow, METADATA, TABLES } from '../../shared/history-tables.ts'

export const PARQUET = 'application/vnd.apache.parquet'

/** A run is one group; of a file of many runs a reader takes those groups alone that can have what it looks for. */
const ROWS_OF_GROUP = 50_000

/** The file of a table. Texts that repeat become dictionaries, pages are compressed with Snappy: every reader knows it. */
export function writeTable<T extends HistoryTable>(table: T, rows: readonly HistoryRow<T>[]): Uint8Array {
  const writer = new ByteWriter()
  const columns: readonly Column[] = TABLES[table].columns
  const values = rows as readonly Record<string, unknown>[]
  parquetWrite({
    writer,
    ...fileOf(table),
    columnData: columns.map(({ name, type }) => ({ name, data: values.map(row => stored(type, row[name])), offsetIndex: false })),
    rowGroupSize: ROWS_OF_GROUP,
  })
  return writer.getBytes()
}

/** What is the same in every file of a table. */
export const fileOf = (table: HistoryTable) => ({
  schema: schemaOf(TABLES[table].columns),
  kvMetadata: [
    { key: METADATA.version, value: String(HISTORY_VERSION) },
    { key: METADATA.table, value: table },
  ],
  createdBy: 'tidemill',
  // Ids of nodes begin alike: what a group holds is told by what comes behind.
  statisticsTruncateLength: 100,
})

/** A value of a row as the writer takes it. */
export function stored(type: SqlType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (type === 'TIMESTAMP') return BigInt((value as Date).getTime()) * 1000n
  return type === 'BIGINT' ? BigInt(value as number) : value
}

const schemaOf = (columns: readonly Column[]): SchemaElement[] => [
  { name: 'history', num_children: columns.length },
  ...columns.flatMap(({ name, type, nullable }) => elementsOf(name, type, nullable ? 'OPTIONAL' : 'REQUIRED')),
]

const TEXT = { type: 'BYTE_ARRAY', converted_type: 'UTF8', logical_type: { type: 'STRING' } } as const

function elementsOf(name: string, type: SqlType, repetition_type: 'OPTIONAL' | 'REQUIRED'): SchemaElement[] {
  const own = { name, repetition_type }
  switch (type) {
    case 'VARCHAR':
      return [{ ...own, ...TEXT }]
    case 'VARCHAR[]':
      return [
        { ...own, num_children: 1, converted_type: 'LIST', logical_type: { type: 'LIST' } },
        { name: 'list', num_children: 1, repetition_type: 'REPEATED' },
        { name: 'element', repetition_type: 'REQUIRED', ...TEXT },
      ]
    case 'INTEGER':
      return [{ ...own, type: 'INT32' }]
    case 'BIGINT':
      return [{ ...own, type: 'INT64' }]
    case 'TIMESTAMP':
      // Both: readers from before logical types know the other one.
      return [
        {
          ...own,
          type: 'INT64',
          converted_type: 'TIMESTAMP_MICROS',
          logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MICROS' },
        },
      ]
    default:
      return [{ ...own, type }]
  }
}

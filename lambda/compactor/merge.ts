/** Several Parquet files of a table become one, sorted so that a reader finds what he looks for in few groups of rows. */
import { parquetMetadata, parquetRead } from 'hyparquet'
import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { HistoryTable } from '../../shared/history-index.ts'
import { TABLES } from '../../shared/history-tables.ts'
import { fileOf } from '../common/parquet.ts'

export interface Part {
  body: Uint8Array
  /** Runs whose rows are taken; absent: all. */
  runs?: ReadonlySet<string>
}

export interface Merged {
  body: Uint8Array
  rows: number
  /** Runs that have rows in it. */
  runs: Set<string>
}

/** Rows by column, in the order of the file. Times stay numbers of microseconds. */
interface Batch {
  columns: Record<string, unknown[]>
  rows: number
}

/** Small enough to leave most of a file out, large enough that its footer stays small. */
const ROWS_OF_GROUP = 20_000
/** Bytes of the least and the greatest text that a group names: the beginning of an id is the same for a whole project. */
const STATISTICS_BYTES = 256

export async function mergeFiles(table: HistoryTable, parts: AsyncIterable<Part>): Promise<Merged> {
  const names = TABLES[table].columns.map(column => column.name)
  const all: Record<string, unknown[]> = Object.fromEntries(names.map(name => [name, []]))
  let rows = 0
  for await (const part of parts) {
    const batch = await readPart(part, names)
    const wanted = wantedRows(batch, part.runs)
    for (const name of names) {
      const [from, to] = [batch.columns[name], all[name] ?? []]
      for (const row of wanted) to.push(from?.[row] ?? null)
    }
    rows += wanted.length
  }
  return { body: writeSorted(table, all, rows), rows, runs: new Set(all.run_id as string[]) }
}

/** The compacted file of these columns, each with so many rows; values as `stored` (parquet.ts) makes them. */
export function writeSorted(table: HistoryTable, columns: Record<string, unknown[]>, rows: number): Uint8Array {
  const order = orderOf(columns, rows)
  const writer = new ByteWriter()
  const file = new ParquetWriter({ writer, ...fileOf(table), statisticsTruncateLength: STATISTICS_BYTES })
  for (let from = 0; from < order.length; from += ROWS_OF_GROUP) {
    const group = order.subarray(from, from + ROWS_OF_GROUP)
    file.write({
      columnData: TABLES[table].columns.map(({ name }) => ({
        name,
        data: Array.from(group, row => columns[name]?.[row]),
        offsetIndex: false,
      })),
      rowGroupSize: ROWS_OF_GROUP,
    })
  }
  file.finish()
  return writer.getBytes()
}

async function readPart({ body }: Part, names: readonly string[]): Promise<Batch> {
  const buffer = body.buffer.slice(body.byteOffset, body.byteOffset + body.byteLength) as ArrayBuffer
  const metadata = parquetMetadata(buffer)
  const rows = Number(metadata.num_rows)
  const known = new Set(metadata.schema.map(element => element.name))
  const columns = Object.fromEntries(names.filter(name => known.has(name)).map(name => [name, new Array<unknown>(rows)]))
  await parquetRead({
    file: buffer,
    metadata,
    columns: Object.keys(columns),
    parsers: { timestampFromMicroseconds: (value: bigint) => value },
    onChunk({ columnName, columnData, rowStart }) {
      const column = columns[columnName]
      if (column) for (let row = 0; row < columnData.length; row++) column[rowStart + row] = columnData[row]
    },
  })
  return { columns, rows }
}

function wantedRows({ columns, rows }: Batch, runs: ReadonlySet<string> | undefined): number[] {
  const wanted: number[] = []
  for (let row = 0; row < rows; row++) if (!runs || runs.has(String(columns.run_id?.[row]))) wanted.push(row)
  return wanted
}

/** By node, where the table has them, then by run, which is by time; rows of one run stay as they were. */
function orderOf(columns: Record<string, unknown[]>, rows: number): Uint32Array {
  const runs = ranks(columns.run_id ?? [])
  const nodes = columns.unique_id && ranks(columns.unique_id)
  const keys = new Float64Array(rows)
  for (let row = 0; row < rows; row++) keys[row] = (nodes?.at[row] ?? 0) * runs.distinct + (runs.at[row] ?? 0)
  const order = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) order[row] = row
  return order.sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0) || a - b)
}

/** The place of each text among the distinct ones in order. */
function ranks(texts: readonly unknown[]): { at: Uint32Array; distinct: number } {
  const sorted = [...new Set(texts as string[])].sort()
  const rank = new Map(sorted.map((text, at) => [text, at]))
  return { at: Uint32Array.from(texts as string[], text => rank.get(text) ?? 0), distinct: sorted.length }
}

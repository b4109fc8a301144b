/** DuckDB in memory, for one question. Loaded only by `tidemill sql`: it is 60 MB of native code that few commands need. */
import { randomUUID } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { DuckDBConnection, Json } from '@duckdb/node-api'
import { UserError } from '../shared/errors.ts'
import type { HistoryTable } from '../shared/history-index.ts'
import { TABLES } from '../shared/history-tables.ts'
import { EXIT } from '../shared/reasons.ts'

export interface Database {
  connection: DuckDBConnection
  /** Its own, gone when it is closed: files without rows, and what does not fit into its memory. */
  folder: string
  close(): Promise<void>
}

/** Version that package.json names. */
const DUCKDB = '@duckdb/node-api@1.5.5-r.5'
const MEMORY = '2GB'
const MOST_THREADS = 8
const SPILL_BYTES = '8GB'

/** `parent`: where its folder is made. */
export async function openDatabase(parent: string): Promise<Database> {
  const { DuckDBInstance } = await loadDuckDb()
  const folder = join(parent, `work-${randomUUID()}`)
  await mkdir(folder)
  const instance = await DuckDBInstance.create(':memory:', {
    memory_limit: MEMORY,
    threads: String(Math.min(MOST_THREADS, availableParallelism())),
    temp_directory: folder,
    max_temp_directory_size: SPILL_BYTES,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    allow_community_extensions: 'false',
  })
  const connection = await instance.connect()
  // Days and times of the history are UTC, so `current_date` has to be too.
  await connection.run("SET TimeZone = 'UTC'")
  return {
    connection,
    folder,
    async close() {
      connection.closeSync()
      instance.closeSync()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function loadDuckDb(): Promise<typeof import('@duckdb/node-api')> {
  try {
    return await import('@duckdb/node-api')
  } catch (cause) {
    throw new UserError('tidemill sql needs DuckDB, which is not installed here or does not run on this machine.', {
      hint: `Install it beside tidemill:  npm install ${DUCKDB}   (prebuilt for Linux with glibc, macOS and Windows)`,
      exitCode: EXIT.infrastructure,
      cause,
    })
  }
}

export interface SqlColumn {
  name: string
  type: string
}

/** Columns of a table as a question sees them: its day first. */
export const columnsOf = (table: HistoryTable): SqlColumn[] => [
  { name: 'day', type: 'DATE' },
  ...TABLES[table].columns.map(({ name, type }) => ({ name, type })),
]

export const definitionOf = (table: HistoryTable) =>
  columnsOf(table)
    .map(({ name, type }) => `${quoteName(name)} ${type}`)
    .join(', ')

export const quoteName = (name: string) => `"${name.replaceAll('"', '""')}"`
export const quoteText = (text: string) => `'${text.replaceAll("'", "''")}'`

/** Rows of a query of our own. */
export async function rowsOf({ connection }: Database, sql: string): Promise<Record<string, Json>[]> {
  return (await connection.runAndReadAll(sql)).getRowObjectsJson()
}

/** From now on it reads these files and no others, writes and loads nothing, and its settings stay. */
export async function shutIn({ connection }: Database, files: readonly string[]): Promise<void> {
  await connection.run(`SET allowed_paths = [${files.map(quoteText).join(', ')}]`)
  await connection.run('SET enable_external_access = false')
  await connection.run('SET lock_configuration = true')
}

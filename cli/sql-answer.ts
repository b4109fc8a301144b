/** From a question to rows: what it needs, which files hold that, fetching them, DuckDB. */
import { UserError } from '../shared/errors.ts'
import type { HistoryTable } from '../shared/history-index.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Bucket } from './connection.ts'
import { makeCacheFolder, trimCache } from './sql-cache.ts'
import { type Database, openDatabase } from './sql-database.ts'
import { explainSqlError } from './sql-errors.ts'
import { type Fetched, fetchFiles } from './sql-fetch.ts'
import { filesOf, readIndex, type SqlIndex, type WantedFile } from './sql-files.ts'
import { allColumns, type Needs, planQuestion, wantedDays } from './sql-plan.ts'
import { type Answer, readAnswer } from './sql-rows.ts'
import { openViews, type TableFiles } from './sql-views.ts'

export interface Question {
  sql: string
  /** Rows of the answer at most; there is a mark when there are more. */
  limit: number
  /** Fetch also more than {@link MOST_BYTES}. */
  anySize: boolean
}

export interface Place {
  /** Asked only once DuckDB has found nothing wrong with the question. */
  connect(): Promise<{ bucket: Bucket; name: string }>
  /** Of the cache. */
  folder: string
  interrupt: AbortSignal
  now: Date
  /** A word for people who wait. */
  tell(text: string): void
}

/** Room for the cache: the questions of docs/questions.md over 100,000 runs of 1,000 nodes fetch 0.14 GB. */
const CACHE_BYTES = 2 * 1024 ** 3
/** What is fetched of a table without being asked for: a minute or two at home. All of it may be more than a disk holds. */
const MOST_BYTES = 1024 ** 3

export interface Answered extends Answer {
  requests: number
  bytes: number
  /** No run has ended yet. */
  noRuns: boolean
}

export async function answer(question: Question, place: Place): Promise<Answered> {
  await makeCacheFolder(place.folder)
  const planner = await openDatabase(place.folder)
  try {
    const needs = await planQuestion(planner, question.sql)
    const most = question.anySize ? Number.POSITIVE_INFINITY : MOST_BYTES
    const work = { ...place, ...(await place.connect()), planner, needs, most, spent: { requests: 0, bytes: 0, noRuns: false } }
    const found = await answerInSomeWay(question, work, { whole: false, byName: false })
    if (work.spent.bytes > 0) await trimCache(place.folder, CACHE_BYTES, place.now)
    return { ...found, ...work.spent }
  } catch (error) {
    throw explainSqlError(error, question.sql)
  } finally {
    await planner.close()
  }
}

interface Way {
  /** Files are fetched whole. */
  whole: boolean
  /** Files differ in columns, which DuckDB finds out by reading all of their footers twice. */
  byName: boolean
}

const INTERRUPT_MS = 50

/** In the quickest way; in another one where DuckDB says that it does not do. */
async function answerInSomeWay(question: Question, work: Work, way: Way): Promise<Answer> {
  try {
    return await answerWith(question, work, way)
  } catch (error) {
    if (!way.byName && isMismatch(error)) return answerInSomeWay(question, work, { ...way, byName: true })
    if (!way.whole && isDamage(error)) return answerInSomeWay(question, work, { ...way, whole: true })
    throw error
  }
}

async function answerWith(question: Question, work: Work, { whole, byName }: Way): Promise<Answer> {
  const database = await openDatabase(work.folder)
  // Again and again: DuckDB forgets one that comes while it does nothing.
  const timer = setInterval(() => work.interrupt.aborted && database.connection.interrupt(), INTERRUPT_MS)
  try {
    await openViews(database, await fetchTables({ ...work, database }, whole), byName)
    return await readAnswer(database, question.sql, question.limit)
  } finally {
    clearInterval(timer)
    await database.close()
  }
}

/** A file is older than a column of the question. */
const isMismatch = (error: unknown) => error instanceof Error && /schema mismatch/.test(error.message)

/** What DuckDB says of a file with a hole where it reads, that is cut, or that was taken away meanwhile. */
const isDamage = (error: unknown) =>
  error instanceof Error &&
  /TProtocolException|^IO Error|Parquet|Snappy|ZSTD|decompress/i.test(error.message.split('\n')[0] ?? '')

interface Work extends Omit<Place, 'connect'> {
  bucket: Bucket
  name: string
  planner: Database
  needs: Needs
  most: number
  spent: Omit<Answered, keyof Answer>
}
type Tables = Partial<Record<HistoryTable, TableFiles>>

async function fetchTables(work: Work & { database: Database }, whole: boolean): Promise<Tables> {
  const { bucket, needs, spent } = work
  if (needs.size === 0) return {}
  const first = await readIndex(bucket)
  spent.noRuns = first === undefined
  if (first === undefined) return {}
  for (let index = first, again = true; ; again = false) {
    const found = await Promise.all([...needs.keys()].map(table => fetchTable(work, index, table, whole)))
    const fetched = found.flatMap(table => table.fetched)
    for (const { requests, bytes } of fetched) {
      spent.requests += requests
      spent.bytes += bytes
    }
    const missing = fetched.flatMap(each => each.missing)
    if (missing.length > 0 && again) {
      // Compacted meanwhile: the index tells where its rows are now.
      const newer = await readIndex(bucket)
      if (newer && newer.at !== index.at) {
        index = newer
        continue
      }
    }
    if (missing[0] !== undefined)
      throw new UserError(`${missing[0]} is in the index of the history and not in the bucket.`, {
        hint: 'Make the history anew: tidemill history rebuild',
        exitCode: EXIT.infrastructure,
      })
    return Object.fromEntries(found.map(({ table, files }) => [table, files]))
  }
}

async function fetchTable(work: Work & { database: Database }, index: SqlIndex, table: HistoryTable, whole: boolean) {
  const need = work.needs.get(table)
  if (!need) throw new Error(`${table} is not needed`)
  const all = index.days.map(day => day.date).sort()
  const wanted = await wantedDays(work.planner, need, all)
  const chosen = all.filter(day => wanted.has(day))
  const [first = '', last = ''] = [chosen[0], chosen.at(-1)]
  const some = chosen.length > 0 && chosen.length < all.length
  const { compacted, single, superseded } = await filesOf(work.bucket, index, table, wanted)
  const columns = new Set(whole ? allColumns(table) : need.columns)
  if (some) columns.add('claimed_at')
  if (superseded.length > 0) columns.add('run_id')
  const wish = { columns, days: { first, last }, whole, most: work.most }
  const fetch = (files: readonly WantedFile[]): Promise<Fetched> => fetchFiles({ ...work, place: work.name }, files, wish)
  const [many, one] = await Promise.all([fetch(compacted), fetch(single)])
  const days = some ? { days: { first, last } } : {}
  const files: TableFiles = { compacted: many.paths, single: one.paths, superseded, ...days }
  return { table, files, fetched: [many, one] }
}

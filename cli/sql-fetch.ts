/** Brings what a question needs of its files into the cache: small ones whole, of large ones the column chunks it reads. */
import { readdir } from 'node:fs/promises'
import { UserError } from '../shared/errors.ts'
import { formatBytes } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Bucket } from './connection.ts'
import { addSpan, beginSparse, type Cached, cacheId, findCached, forget, storeWhole } from './sql-cache.ts'
import { type Database, quoteText, rowsOf } from './sql-database.ts'
import type { WantedFile } from './sql-files.ts'
import { cutSpans, joinSpans, missingSpans, type Span } from './sql-spans.ts'

/** The end of a file that is asked for first: its footer, which of a month takes some 100 KB, or all of a small file. */
const LAST_BYTES = 256 * 1024
/** Nearer ranges are one request: this much comes in the time of a request (30 ms at 10 MB/s). */
const GAP_BYTES = 256 * 1024
/** Larger ranges are several requests beside each other: one connection to S3 gives some 50 MB/s. */
const MOST_BYTES = 8 * 1024 * 1024
const REQUESTS_AT_ONCE = 96
const TOLD_BYTES = 20 * 1024 * 1024

export interface Fetcher {
  bucket: Bucket
  database: Database
  /** Of the cache. */
  folder: string
  /** What tells this bucket from all others. */
  place: string
  interrupt: AbortSignal
  /** A word for people who wait. */
  tell(text: string): void
}

export interface Fetched {
  /** Files with what the question needs of them. */
  paths: string[]
  /** Objects that are not there (any more). */
  missing: string[]
  /** Requests and bytes that it took. */
  requests: number
  bytes: number
}

export interface Wish {
  columns: ReadonlySet<string>
  days: { first: string; last: string }
  /** Fetch all of every file. */
  whole: boolean
  /** Refuse to fetch more bytes of a table than this. */
  most: number
}

interface Entry {
  file: WantedFile
  id: string
  cached: Cached | undefined
}

export async function fetchFiles(fetcher: Fetcher, files: readonly WantedFile[], wish: Wish): Promise<Fetched> {
  const { folder, place } = fetcher
  const spent = { requests: 0, bytes: 0 }
  // Most of what is new is not in the cache: one look at the folder tells.
  const kept = new Set((await readdir(folder)).map(name => name.split('.')[0]))
  const entries = files.map((file): Entry => ({ file, id: cacheId(place, file.key, file.etag ?? ''), cached: undefined }))
  await each(fetcher, entries, async entry => {
    // What the cache has of it may be why it is fetched whole.
    if (wish.whole) await forget(folder, entry.id)
    entry.cached =
      (kept.has(entry.id) ? await findCached(folder, entry.id) : undefined) ?? (await fetchEnd(fetcher, entry, wish.whole, spent))
  })
  const there = entries.filter(entry => entry.cached !== undefined)
  const pieces = await missingPieces(fetcher, there, wish)
  const wanted = pieces.reduce((sum, { span }) => sum + span.end - span.start, 0)
  if (wanted > wish.most)
    throw new UserError(`The question reads ${formatBytes(wanted)} that would have to be fetched.`, {
      hint: 'Ask for fewer days (where day >= current_date - 30) or name the columns instead of *. If it is meant: --any-size',
    })
  if (wanted > TOLD_BYTES) fetcher.tell(`Fetching ${formatBytes(wanted)} …`)
  await each(fetcher, pieces, async ({ entry, span }) => {
    if (entry.cached && !(await fetchSpan(fetcher, entry, span, spent))) entry.cached = undefined
  })
  return {
    paths: there.flatMap(({ cached }) => (cached ? [cached.path] : [])),
    missing: entries.filter(({ cached }) => cached === undefined).map(({ file }) => file.key),
    ...spent,
  }
}

type Spent = Pick<Fetched, 'requests' | 'bytes'>

/** All of a small object, or the end of a large one with the whole of its footer. */
async function fetchEnd({ bucket, folder }: Fetcher, entry: Entry, whole: boolean, spent: Spent): Promise<Cached | undefined> {
  const { file, id } = entry
  const small = file.bytes !== undefined && file.bytes <= LAST_BYTES
  const part = await bucket.read(file.key, whole || small ? 'all' : { last: LAST_BYTES }, file.etag || undefined)
  spent.requests += 1
  if (!part) return undefined
  spent.bytes += part.bytes.length
  if (part.bytes.length === part.size) return storeWhole(folder, id, part.bytes)
  const cached = await beginSparse(folder, id, part)
  await addSpan(folder, id, cached, part.start, part.bytes)
  const footer = Buffer.from(part.bytes.buffer, part.bytes.byteOffset + part.bytes.length - 8, 8).readUInt32LE() + 8
  const missing = missingSpans([{ start: part.size - footer, end: part.size }], cached.have)
  for (const span of missing) if (!(await fetchSpan({ bucket, folder }, { ...entry, cached }, span, spent))) return undefined
  return cached
}

/** False: the object is no longer there, or another one. */
async function fetchSpan(
  { bucket, folder }: Pick<Fetcher, 'bucket' | 'folder'>,
  { file, id, cached }: Entry,
  { start, end }: Span,
  spent: Spent,
): Promise<boolean> {
  if (!cached) return false
  const part = await bucket.read(file.key, { start, end: end - 1 }, cached.etag || undefined)
  spent.requests += 1
  if (!part || part.bytes.length !== end - start) {
    await forget(folder, id)
    return false
  }
  spent.bytes += part.bytes.length
  await addSpan(folder, id, cached, start, part.bytes)
  return true
}

/** By the footers: where the columns are, of the row groups with a day that is wanted. */
async function missingPieces({ database }: Fetcher, entries: readonly Entry[], wish: Wish) {
  const sparse = new Map(entries.flatMap(entry => (entry.cached?.path.endsWith('.sparse') ? [[entry.cached.path, entry]] : [])))
  if (sparse.size === 0) return []
  const spans = wish.whole
    ? new Map([...sparse].map(([path, { cached }]) => [path, [{ start: 0, end: cached?.size ?? 0 }]]))
    : await chunksOf(database, [...sparse.keys()], wish)
  return [...spans].flatMap(([path, wanted]) => {
    const entry = sparse.get(path)
    if (!entry?.cached) return []
    const missing = joinSpans(missingSpans(wanted, entry.cached.have), GAP_BYTES)
    return cutSpans(missing, MOST_BYTES).map(span => ({ entry, span }))
  })
}

async function chunksOf(database: Database, paths: readonly string[], { columns, days }: Wish): Promise<Map<string, Span[]>> {
  const files = paths.map(quoteText).join(', ')
  const names = [...columns].map(quoteText).join(', ') || "''"
  const rows = await rowsOf(
    database,
    `WITH chunks AS (FROM parquet_metadata([${files}])),
    unwanted AS (
      SELECT file_name, row_group_id FROM chunks
      WHERE path_in_schema = 'claimed_at'
      AND (left(stats_max_value, 10) < ${quoteText(days.first)} OR left(stats_min_value, 10) > ${quoteText(days.last)}))
    SELECT file_name AS path,
      least(coalesce(nullif(dictionary_page_offset, 0), data_page_offset), data_page_offset)::DOUBLE AS begins,
      total_compressed_size::DOUBLE AS bytes, bloom_filter_offset::DOUBLE AS bloom, bloom_filter_length::DOUBLE AS bloom_bytes
    FROM chunks ANTI JOIN unwanted USING (file_name, row_group_id)
    WHERE split_part(path_in_schema, ', ', 1) IN (${names})`,
  )
  const spans = new Map<string, Span[]>()
  for (const { path, begins, bytes, bloom, bloom_bytes: bloomBytes } of rows) {
    const list = spans.get(String(path)) ?? []
    list.push({ start: Number(begins), end: Number(begins) + Number(bytes) })
    if (bloom !== null && bloomBytes !== null) list.push({ start: Number(bloom), end: Number(bloom) + Number(bloomBytes) })
    spans.set(String(path), list)
  }
  return spans
}

/** Many at once; the first error ends it. */
async function each<T>({ interrupt }: Fetcher, items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const work = async () => {
    for (const item of queue) {
      if (interrupt.aborted) throw new UserError('Interrupted.', { exitCode: EXIT.interrupted })
      await act(item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(REQUESTS_AT_ONCE, items.length) }, work))
}

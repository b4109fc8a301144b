/** The index as it is stored: `current.json` and the pages that it names. */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { isReadable, SCHEMA_VERSION } from '../../shared/contract.ts'
import { type DayPage, HISTORY_KEY, type HistoryIndex, type IndexRun, type JobPage } from '../../shared/history-index.ts'
import { type Bucket, textOf } from '../common/bucket.ts'

/** What is read must be what we wrote; 100,000 runs of one day are 35 MB. */
const MAX_BYTES = 256 * 1024 * 1024

interface Book {
  index: HistoryIndex
  /** Of `current.json`; null: there is none yet. */
  etag: string | null
}

/** `broken`: what cannot be read counts as empty, as it is made anew. */
export async function readBook(bucket: Pick<Bucket, 'read'>, broken: 'refuse' | 'replace' = 'refuse'): Promise<Book> {
  const object = await bucket.read(HISTORY_KEY.index, MAX_BYTES)
  const empty: HistoryIndex = { schemaVersion: SCHEMA_VERSION, at: '', days: [], months: [], jobs: [], newest: [] }
  if (!object) return { index: empty, etag: null }
  let index: HistoryIndex
  try {
    index = parse(object.body, HISTORY_KEY.index) as HistoryIndex
  } catch (error) {
    if (broken === 'refuse') throw error
    return { index: empty, etag: object.etag }
  }
  if (!isReadable(index.schemaVersion))
    throw new Error(`${HISTORY_KEY.index} is of version ${index.schemaVersion}; this code writes ${SCHEMA_VERSION}`)
  return { index, etag: object.etag }
}

/**
 * Makes the next index of the one that is there, and writes it as the last step: until then readers see the state before. Answers
 * what was written; undefined: `make` gave the same object, there is nothing to write. Throws when somebody else wrote meanwhile.
 */
export async function changeBook(
  { bucket, now }: { bucket: Pick<Bucket, 'read' | 'replace'>; now(): Date },
  make: (index: HistoryIndex) => Promise<HistoryIndex>,
  broken?: 'refuse' | 'replace',
): Promise<HistoryIndex | undefined> {
  const { index, etag } = await readBook(bucket, broken)
  const next = await make(index)
  if (next === index) return undefined
  const written = { ...next, at: now().toISOString() }
  const done = await bucket.replace(HISTORY_KEY.index, gzipSync(JSON.stringify(written)), etag, 'gzip')
  if (!done) throw new Error(`${HISTORY_KEY.index} was changed by another meanwhile; it is done again`)
  return written
}

/** Rows of a page of a day or job, newest first. */
export async function readRows(
  bucket: Pick<Bucket, 'read'>,
  key: string | undefined,
  broken: 'refuse' | 'replace' = 'refuse',
): Promise<IndexRun[]> {
  if (key === undefined) return []
  const object = await bucket.read(key, MAX_BYTES)
  if (!object && broken === 'replace') return []
  if (!object) throw new Error(`${key} is named by ${HISTORY_KEY.index} and not there: tidemill history rebuild`)
  return (parse(object.body, key) as DayPage | JobPage).runs
}

/** Writes the page unless it is there already, and answers its key. */
export async function writePage(
  bucket: Pick<Bucket, 'write'>,
  page: DayPage | JobPage,
  before: string | undefined,
): Promise<string> {
  const text = JSON.stringify(page)
  const sha256 = createHash('sha256').update(text).digest('hex')
  const key = 'job' in page ? HISTORY_KEY.jobPage(page.job, sha256) : HISTORY_KEY.dayPage(page.date, sha256)
  if (key !== before) await bucket.write(key, gzipSync(text), { type: 'application/json', encoding: 'gzip', immutable: true })
  return key
}

function parse(body: Uint8Array, key: string): unknown {
  const text = textOf(body, MAX_BYTES)
  if (text === undefined) throw new Error(`${key} cannot be unpacked: tidemill history rebuild`)
  return JSON.parse(text)
}

/**
 * Removes what the index no longer names: files that were compacted, pages that were written anew. A reader may hold the index of
 * before, so that a key goes only when it was without use an hour ago already, and still is.
 */
import { gzipSync } from 'node:zlib'
import { dayOfRun, RUN_ID_PATTERN, SCHEMA_VERSION } from '../../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryIndex } from '../../shared/history-index.ts'
import { type Bucket, textOf } from '../common/bucket.ts'
import { readRows } from './book.ts'
import { sourceOfDay, sourceOfMonth } from './pack.ts'

export interface GarbageDeps {
  bucket: Pick<Bucket, 'read' | 'write' | 'list' | 'remove'>
  now(): Date
}

const GRACE_MS = 60 * 60_000
/** Objects looked at: with files of thousands of runs a day far more than there are. */
const MAX_KEYS = 2_000_000
const MAX_BYTES = 256 * 1024 * 1024

/** What was without use at the last look, and since when. */
interface Unused {
  schemaVersion: number
  since: Record<string, string>
}

/** Answers how many are removed. `isKept`: a day whose runs may still come into the index. */
export async function removeGarbage(deps: GarbageDeps, index: HistoryIndex, isKept: (date: string) => boolean): Promise<number> {
  const { bucket } = deps
  const now = deps.now()
  const named = namedKeys(index)
  const candidates = (await bucket.list(HISTORY_KEY.root, MAX_KEYS)).filter(key => !named.has(key))
  const packed = await packedRuns(deps, index, candidates)
  const unused = candidates.filter(key => {
    const run = runOfKey(key)
    // A file that the index does not know yet is not one that it no longer needs.
    return run === undefined || packed.has(run) || !isKept(dayOfRun(run))
  })
  const before = await readUnused(bucket)
  const due = unused.filter(key => Date.parse(before[key] ?? now.toISOString()) <= now.getTime() - GRACE_MS)
  // Who reads without the index (Athena) takes a run's own file before compacted ones: no older one may outlive it.
  const isOwn = (key: string) => runOfKey(key) !== undefined
  if (due.length) await bucket.remove([...due.filter(key => !isOwn(key)), ...due.filter(isOwn)])
  const gone = new Set(due)
  const since = Object.fromEntries(unused.filter(key => !gone.has(key)).map(key => [key, before[key] ?? now.toISOString()]))
  if (unused.length || Object.keys(before).length) {
    const text = JSON.stringify({ schemaVersion: SCHEMA_VERSION, since } satisfies Unused)
    await bucket.write(HISTORY_KEY.unused, gzipSync(text), { type: 'application/json', encoding: 'gzip' })
  }
  return due.length
}

function namedKeys(index: HistoryIndex): Set<string> {
  const sources = [
    ...index.days.filter(day => day.generation !== undefined).map(sourceOfDay),
    ...index.months.map(sourceOfMonth),
    ...index.days.flatMap(day =>
      day.tail.map(id => (table: (typeof HISTORY_TABLES)[number]) => HISTORY_KEY.run(table, dayOfRun(id), id)),
    ),
  ]
  return new Set([
    HISTORY_KEY.index,
    HISTORY_KEY.unused,
    HISTORY_KEY.environments,
    ...index.days.map(day => day.page),
    ...index.jobs.map(job => job.page),
    ...sources.flatMap(source => HISTORY_TABLES.map(source)),
  ])
}

const runOfKey = (key: string) => {
  const run = /\/run=([^/]+)\.parquet$/.exec(key)?.[1]
  return run !== undefined && RUN_ID_PATTERN.test(run) ? run : undefined
}

/** Of the runs with such a file those that a compacted file has, by the pages of their days. */
async function packedRuns({ bucket }: GarbageDeps, index: HistoryIndex, keys: readonly string[]): Promise<Set<string>> {
  const dates = new Set(keys.flatMap(key => runOfKey(key) ?? []).map(dayOfRun))
  const packed = new Set<string>()
  for (const day of index.days.filter(each => dates.has(each.date))) {
    const tail = new Set(day.tail)
    for (const { id } of await readRows(bucket, day.page)) if (!tail.has(id)) packed.add(id)
  }
  return packed
}

async function readUnused(bucket: GarbageDeps['bucket']): Promise<Unused['since']> {
  const object = await bucket.read(HISTORY_KEY.unused, MAX_BYTES)
  const text = object && textOf(object.body, MAX_BYTES)
  try {
    return text === undefined ? {} : ((JSON.parse(text) as Unused).since ?? {})
  } catch {
    // Then everything without use waits from now on.
    return {}
  }
}

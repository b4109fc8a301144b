/** An installation as the servers of the pages read it. */
import type { Config } from './config-model.ts'
import { isReadable } from './contract.ts'
import { type DayPage, HISTORY_KEY, type HistoryIndex, type IndexRun } from './history-index.ts'
import { unpackText } from './unpack.ts'

/** Bytes from `start` to `end`, both of them included; the last so many; or all. */
export type Part = { start: number; end: number } | { last: number } | 'all'

export interface PageReads {
  item(pk: string): Promise<unknown>
  items(pks: string[]): Promise<unknown[]>
  /** All of a partition of the open index. */
  open(partition: string): Promise<{ pk: string; sort: string }[]>
  /** The first `limit` keys below the prefix that are behind `after`. */
  keys(prefix: string, after: string, limit: number): Promise<string[]>
  /** Bytes of an object as they are stored, and the size of all of it. Undefined: there is no such object. */
  bytes(key: string, part: Part): Promise<{ bytes: Uint8Array; size: number } | undefined>
  /** Key of the configuration in force. */
  configKey(): Promise<string>
  config(key: string): Promise<Config>
  /** Primary keys of the newest deployments. */
  deployments(limit: number): Promise<string[]>
}

type Bytes = Pick<PageReads, 'bytes'>

/** JSON of the index and its pages; undefined: there is no such object. */
export async function readPage<T extends { schemaVersion: number }>(reads: Bytes, key: string): Promise<T | undefined> {
  const found = await reads.bytes(key, 'all')
  if (!found) return undefined
  const value = JSON.parse(await unpackText(new Uint8Array(found.bytes))) as T
  if (isReadable(value.schemaVersion)) return value
  throw new Error(`${key} is of version ${value.schemaVersion}, which this version does not read`)
}

/** Undefined: no run has ended yet. */
export const readIndex = (reads: Bytes) => readPage<HistoryIndex>(reads, HISTORY_KEY.index)

/** Runs of the days from one to another, both YYYY-MM-DD and included: at most a month, so that all pages are read at once. */
export async function readDays(reads: Bytes, index: HistoryIndex | undefined, from: string, to: string): Promise<IndexRun[]> {
  const days = index?.days.filter(({ date }) => date >= from && date <= to) ?? []
  return (await Promise.all(days.map(day => readPage<DayPage>(reads, day.page)))).flatMap(page => page?.runs ?? [])
}

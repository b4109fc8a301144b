/**
 * Objects of the history that were fetched before, below the user's cache folder. Two forms: `<id>.parquet`, the whole object,
 * put in place by a rename; and `<id>.sparse`, a file of the object's size in which only some ranges are written, with
 * `<id>.have`, which says which. Ranges are added to it after their bytes are in the file, so several commands may fill the
 * same file at once: they write the same bytes.
 */
import { createHash, randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { appendFile, mkdir, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Span } from './sql-spans.ts'

export interface Cached {
  path: string
  size: number
  etag: string
  /** What of it is there, in order. */
  have: Span[]
}

/** What was used within this time is not taken away: another command may be reading it. */
const IN_USE_MS = 3_600_000
/** A working folder older than that is of a command that was killed. */
const WORK_MS = 24 * 3_600_000

/** `parts`: what the object is, e.g. region, bucket, key, tag. */
export const cacheId = (...parts: string[]) => createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 40)

const wholePath = (folder: string, id: string) => join(folder, `${id}.parquet`)
const sparsePath = (folder: string, id: string) => join(folder, `${id}.sparse`)
const havePath = (folder: string, id: string) => join(folder, `${id}.have`)

export async function findCached(folder: string, id: string): Promise<Cached | undefined> {
  const path = wholePath(folder, id)
  const whole = await stat(path).catch(() => undefined)
  if (whole) {
    await touch(path)
    return { path, size: whole.size, etag: '', have: [{ start: 0, end: whole.size }] }
  }
  const text = await readFile(havePath(folder, id), 'utf8').catch(() => undefined)
  const sparse = sparsePath(folder, id)
  if (text === undefined || !(await stat(sparse).catch(() => undefined))) return undefined
  const [head = '', ...lines] = text.split('\n')
  const [, size, etag] = /^(\d+) (.*)$/.exec(head) ?? []
  if (size === undefined || etag === undefined) return undefined
  await touch(havePath(folder, id))
  // The last line may be of a command that was killed while writing it.
  const spans = lines.slice(0, -1).flatMap(line => {
    const [, start, end] = /^(\d+) (\d+)$/.exec(line) ?? []
    return start !== undefined && end !== undefined ? [{ start: Number(start), end: Number(end) }] : []
  })
  return { path: sparse, size: Number(size), etag, have: spans.sort((a, b) => a.start - b.start) }
}

export async function storeWhole(folder: string, id: string, bytes: Uint8Array): Promise<Cached> {
  const path = wholePath(folder, id)
  const temporary = join(folder, `${id}.${randomUUID()}.part`)
  await writeFile(temporary, bytes)
  await rename(temporary, path)
  return { path, size: bytes.length, etag: '', have: [{ start: 0, end: bytes.length }] }
}

/** Makes the file, or takes the one that another command has just made. */
export async function beginSparse(folder: string, id: string, { size, etag }: { size: number; etag: string }): Promise<Cached> {
  const path = sparsePath(folder, id)
  const file = await open(path, constants.O_RDWR | constants.O_CREAT)
  await file.truncate(size).finally(() => file.close())
  await writeFile(havePath(folder, id), `${size} ${etag}\n`, { flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  return { path, size, etag, have: [] }
}

export async function addSpan(folder: string, id: string, cached: Cached, start: number, bytes: Uint8Array): Promise<void> {
  const file = await open(cached.path, 'r+')
  await file.write(bytes, 0, bytes.length, start).finally(() => file.close())
  const span = { start, end: start + bytes.length }
  await appendFile(havePath(folder, id), `${span.start} ${span.end}\n`)
  cached.have = [...cached.have, span].sort((a, b) => a.start - b.start)
}

export async function forget(folder: string, id: string): Promise<void> {
  for (const path of [havePath(folder, id), sparsePath(folder, id), wholePath(folder, id)]) await rm(path, { force: true })
}

const touch = async (path: string) => {
  const now = new Date()
  await utimes(path, now, now).catch(() => undefined)
}

/** Takes away what was not used for longest, until at most `bytes` are left; and what killed commands left. */
export async function trimCache(folder: string, bytes: number, now: Date): Promise<void> {
  const entries = new Map<string, { id: string; bytes: number; used: number }>()
  for (const name of await readdir(folder).catch(() => [])) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (!found) continue
    const age = now.getTime() - found.mtimeMs
    if (found.isDirectory() || name.endsWith('.part')) {
      if (age > WORK_MS) await rm(join(folder, name), { recursive: true, force: true })
      continue
    }
    const id = name.split('.')[0] ?? name
    const entry = entries.get(id) ?? { id, bytes: 0, used: 0 }
    // Holes of a sparse file take no room.
    entries.set(id, { id, bytes: entry.bytes + found.blocks * 512, used: Math.max(entry.used, found.mtimeMs) })
  }
  let total = [...entries.values()].reduce((sum, entry) => sum + entry.bytes, 0)
  for (const entry of [...entries.values()].sort((a, b) => a.used - b.used)) {
    if (total <= bytes || now.getTime() - entry.used < IN_USE_MS) return
    await forget(folder, entry.id)
    total -= entry.bytes
  }
}

export const makeCacheFolder = (folder: string) => mkdir(folder, { recursive: true, mode: 0o700 })

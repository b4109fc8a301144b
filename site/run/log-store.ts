/**
 * The log of a run as a list of chunks, one for each part, of which only those near the reader are in memory. The number of lines of
 * a chunk is a guess until it has been read: a log of any size opens at once, at its end or at a moment.
 */
import type { RunRecord } from '../../shared/run.ts'
import { listAllParts, numberOfPart, readPart } from './parts.ts'

export interface Line {
  at: string
  step: number
  text: string
}
export interface Chunk {
  key: string
  attempt: number
  /** Lines, or the guess. */
  count: number
  state: 'unread' | 'reading' | 'read' | 'failed'
  lines?: Line[]
  /** Of the first line; known once it was read. */
  from?: string
}
/** Where a line is. */
export interface Place {
  chunk: number
  line: number
}

/** A part holds a megabyte at most, and lines of dbt have a hundred characters. */
const FIRST_GUESS = 200
/** Chunks whose lines are kept: about as many megabytes. */
const MOST_KEPT = 48

export interface LogStore {
  chunks: Chunk[]
  /** Called when something has come. */
  changed: () => void
}

export const makeLog = (): LogStore => ({ chunks: [], changed: () => {} })

/** Looks for parts behind the last known. Whether there were any. */
export async function extendLog(log: LogStore, record: RunRecord, signal: AbortSignal): Promise<boolean> {
  const before = log.chunks.length
  for (let attempt = Math.max(1, log.chunks.at(-1)?.attempt ?? 1); attempt <= record.attempts.length; attempt++) {
    const own = log.chunks.filter(chunk => chunk.attempt === attempt)
    const last = Math.max(0, ...own.map(chunk => numberOfPart(chunk.key)))
    const known = new Set(own.map(chunk => chunk.key))
    const keys = (await listAllParts(record.id, attempt, last, signal)).filter(key => !known.has(key))
    const guess = guessOf(log)
    log.chunks.push(...keys.map((key): Chunk => ({ key, attempt, count: guess, state: 'unread' })))
  }
  return log.chunks.length > before
}

const guessOf = ({ chunks }: LogStore) => {
  const read = chunks.filter(chunk => chunk.from !== undefined || chunk.state === 'read')
  return read.length ? Math.ceil(read.reduce((sum, chunk) => sum + chunk.count, 0) / read.length) : FIRST_GUESS
}

/** Newest use last. */
const used = new WeakMap<Chunk, number>()
let uses = 0

/** Reads a chunk unless it is there. */
export async function readChunk(log: LogStore, index: number): Promise<Chunk | undefined> {
  const chunk = log.chunks[index]
  if (!chunk) return undefined
  used.set(chunk, ++uses)
  if (chunk.state === 'read' || chunk.state === 'reading') return chunk
  chunk.state = 'reading'
  try {
    const { log: lines } = await readPart(chunk.key)
    const head: Line[] =
      isFirst(log, index) && chunk.attempt > 1 ? [{ at: lines[0]?.at ?? '', step: -1, text: `— attempt ${chunk.attempt} —` }] : []
    const first = chunk.from === undefined
    Object.assign(chunk, { state: 'read', lines: [...head, ...lines], count: head.length + lines.length })
    if (lines[0]) chunk.from = lines[0].at
    // A better guess for those that nobody has looked at.
    if (first)
      for (const other of log.chunks) if (other.state === 'unread' && other.from === undefined) other.count = guessOf(log)
  } catch {
    Object.assign(chunk, {
      state: 'failed',
      count: 1,
      lines: [{ at: '', step: -1, text: '(this part of the log cannot be read)' }],
    })
  }
  forget(log)
  log.changed()
  return chunk
}

const isFirst = ({ chunks }: LogStore, index: number) => chunks[index - 1]?.attempt !== chunks[index]?.attempt

function forget({ chunks }: LogStore): void {
  const kept = chunks.filter(chunk => chunk.lines && chunk.state === 'read')
  if (kept.length <= MOST_KEPT) return
  kept.sort((a, b) => (used.get(a) ?? 0) - (used.get(b) ?? 0))
  for (const chunk of kept.slice(0, kept.length - MOST_KEPT)) {
    chunk.state = 'unread'
    delete chunk.lines
  }
}

/** Lines before a chunk. */
export const offsetOf = ({ chunks }: LogStore, index: number) =>
  chunks.slice(0, index).reduce((sum, chunk) => sum + chunk.count, 0)
export const countLines = ({ chunks }: LogStore) => chunks.reduce((sum, chunk) => sum + chunk.count, 0)

/** The line with a number; the last one for a number behind the end. */
export function placeOf({ chunks }: LogStore, line: number): Place {
  let left = Math.max(0, line)
  for (const [chunk, { count }] of chunks.entries()) {
    if (left < count) return { chunk, line: left }
    left -= count
  }
  return { chunk: Math.max(0, chunks.length - 1), line: Math.max(0, (chunks.at(-1)?.count ?? 1) - 1) }
}

/** The first line at a moment or after it: some parts are read to find it. Of the newest attempt that had begun by then. */
export async function findMoment(log: LogStore, at: string): Promise<Place | undefined> {
  if (Number.isNaN(Date.parse(at))) return undefined
  let [low, high] = [0, log.chunks.length - 1]
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const from = log.chunks[middle]?.from ?? (await readChunk(log, middle))?.from
    if (from === undefined || from > at) high = middle - 1
    else low = middle
  }
  const chunk = await readChunk(log, low)
  if (!chunk?.lines) return undefined
  const line = chunk.lines.findIndex(each => each.at >= at)
  if (line >= 0) return { chunk: low, line }
  return low + 1 < log.chunks.length ? { chunk: low + 1, line: 0 } : { chunk: low, line: chunk.lines.length - 1 }
}

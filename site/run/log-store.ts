/**
 * The log of a run as a list of chunks, one for each part, of which only those near the reader are in memory. How many lines of a
 * chunk are shown, and how many rows they take on the screen, is a guess until it has been read: a log of any size opens at once,
 * at its end or at a moment, filtered and wrapped or not.
 */
import type { RunRecord } from '../../shared/run.ts'
import { type LogFilter, levelOf, rowsOf, showsOf } from './log-text.ts'
import { listAllParts, numberOfPart, readPart } from './parts.ts'

export interface Line {
  at: string
  step: number
  text: string
}
export interface Chunk {
  key: string
  attempt: number
  /** Lines that the filter leaves, and the rows they take; or the guess. */
  count: number
  rows: number
  state: 'unread' | 'reading' | 'read' | 'failed'
  lines?: Line[]
  /** Of each line its first row in the chunk. */
  starts?: number[]
  /** Characters of the lines. */
  size: number
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
/** Characters of lines that are kept. */
const MOST_KEPT = 48 * 1024 * 1024

export interface LogStore {
  chunks: Chunk[]
  filter: LogFilter
  /** Characters of a row; 0: a line is one row. */
  columns: number
  /** Called when something has come. */
  changed: () => void
}

export const makeLog = (filter: LogFilter): LogStore => ({ chunks: [], filter, columns: 0, changed: () => {} })

/** Looks for parts behind the last known. Whether there were any. */
export async function extendLog(log: LogStore, record: RunRecord, signal: AbortSignal): Promise<boolean> {
  const before = log.chunks.length
  for (let attempt = Math.max(1, log.chunks.at(-1)?.attempt ?? 1); attempt <= record.attempts.length; attempt++) {
    if (log.filter.attempt && attempt !== log.filter.attempt) continue
    const own = log.chunks.filter(chunk => chunk.attempt === attempt)
    const last = Math.max(0, ...own.map(chunk => numberOfPart(chunk.key)))
    const known = new Set(own.map(chunk => chunk.key))
    const keys = (await listAllParts(record.id, attempt, last, signal)).filter(key => !known.has(key))
    log.chunks.push(...keys.map((key): Chunk => ({ key, attempt, state: 'unread', size: 0, ...guessOf(log) })))
  }
  return log.chunks.length > before
}

function guessOf({ chunks }: LogStore): Pick<Chunk, 'count' | 'rows'> {
  const read = chunks.filter(chunk => chunk.from !== undefined)
  const guess = (of: 'count' | 'rows') =>
    read.length ? Math.ceil(read.reduce((sum, chunk) => sum + chunk[of], 0) / read.length) : FIRST_GUESS
  return { count: guess('count'), rows: guess('rows') }
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
  const first = chunk.from === undefined
  try {
    const all = await readPart(chunk.key)
    const head: Line[] =
      isFirst(log, index) && chunk.attempt > 1 ? [{ at: all[0]?.at ?? '', step: -1, text: `— attempt ${chunk.attempt} —` }] : []
    take(log, chunk, [...head, ...all.filter(showsOf(log.filter))])
    chunk.state = 'read'
    chunk.from = all[0]?.at ?? ''
  } catch {
    take(log, chunk, [{ at: '', step: -1, text: '(this part of the log cannot be read)' }])
    chunk.state = 'failed'
  }
  if (first) guessAgain(log)
  forget(log)
  log.changed()
  return chunk
}

function take({ columns }: LogStore, chunk: Chunk, lines: Line[]): void {
  chunk.rows = 0
  chunk.starts = lines.map(({ text }) => {
    const start = chunk.rows
    chunk.rows += rowsOf(text, columns)
    return start
  })
  chunk.size = lines.reduce((sum, { text }) => sum + text.length, 0)
  chunk.lines = lines
  chunk.count = lines.length
}

/** A better guess for those that nobody has looked at. */
const guessAgain = (log: LogStore) => {
  const guess = guessOf(log)
  for (const chunk of log.chunks) if (!chunk.lines && chunk.from === undefined) Object.assign(chunk, guess)
}

/** The room has changed, or whether lines are wrapped. */
export function wrapLog(log: LogStore, columns: number): void {
  log.columns = columns
  for (const chunk of log.chunks)
    if (chunk.lines) take(log, chunk, chunk.lines)
    else chunk.rows = chunk.count
}

const isFirst = ({ chunks }: LogStore, index: number) => chunks[index - 1]?.attempt !== chunks[index]?.attempt

function forget({ chunks }: LogStore): void {
  const kept = chunks.filter(chunk => chunk.lines && chunk.state === 'read')
  let size = kept.reduce((sum, chunk) => sum + chunk.size, 0)
  kept.sort((a, b) => (used.get(a) ?? 0) - (used.get(b) ?? 0))
  for (const chunk of kept) {
    if (size <= MOST_KEPT) return
    size -= chunk.size
    chunk.state = 'unread'
    delete chunk.lines
    delete chunk.starts
  }
}

/** Rows before a line. */
export const rowOf = ({ chunks }: LogStore, { chunk, line }: Place) =>
  chunks.slice(0, chunk).reduce((sum, { rows }) => sum + rows, 0) +
  Math.min(chunks[chunk]?.starts?.[line] ?? line, chunks[chunk]?.rows ?? 0)
export const sumOf = ({ chunks }: LogStore, of: 'count' | 'rows') => chunks.reduce((sum, chunk) => sum + chunk[of], 0)

/** The line that has a row; the last one for a row behind the end. */
export function placeOf({ chunks }: LogStore, row: number): Place {
  let left = Math.max(0, Math.floor(row))
  for (const [chunk, { rows, starts }] of chunks.entries()) {
    if (left < rows) return { chunk, line: starts ? starts.findLastIndex(start => start <= left) : left }
    left -= rows
  }
  return { chunk: Math.max(0, chunks.length - 1), line: Math.max(0, (chunks.at(-1)?.count ?? 1) - 1) }
}

/** dbt writes what became of a node a little after its end, and other threads write in between. */
const SOON = 30

/**
 * The first line at a moment or after it: some parts are read to find it. Of the newest attempt that had begun by then. `failed`: the
 * first one that says so, if it comes soon.
 */
export async function findMoment(log: LogStore, at: string, failed = false): Promise<Place | undefined> {
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
  if (line >= 0) {
    const error = failed ? chunk.lines.slice(line, line + SOON).findIndex(({ text }) => levelOf(text) === 'error') : 0
    return { chunk: low, line: line + Math.max(0, error) }
  }
  return low + 1 < log.chunks.length ? { chunk: low + 1, line: 0 } : { chunk: low, line: chunk.lines.length - 1 }
}

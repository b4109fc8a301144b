/** The awslogs driver: lines of a container's stdout and stderr to CloudWatch Logs, in order, with bounded memory. */
import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { setTimeout as sleep } from 'node:timers/promises'
import { AwsError, callAws, type Emulator } from '../aws-json.ts'

/** Limits of PutLogEvents; an event counts 26 bytes more than its text. */
const EVENT_BYTES = 256 * 1024 - 26
/** Characters of a piece: four bytes is the most that one takes. */
const PIECE = Math.floor(EVENT_BYTES / 4)
const BATCH_BYTES = 1024 * 1024
const BATCH_EVENTS = 10_000
const FLUSH_MILLISECONDS = 200

export interface LogDriver {
  attach(stream: Readable): void
  /** Sends what is left, for at most so long; true: all of it is stored. */
  close(seconds: number): Promise<boolean>
}

export interface LogOptions {
  group: string
  stream: string
  /** `non-blocking` loses lines when the buffer is full; `blocking` stops reading. */
  mode: 'blocking' | 'non-blocking'
  bufferBytes: number
  /** `awslogs-create-group`: a group that is not there is made. */
  createGroup?: boolean
}

/** Options of a container definition's logConfiguration; undefined without the awslogs driver. */
export function parseLogOptions(
  configuration: { logDriver: string; options: Record<string, string> } | undefined,
  container: string,
  taskId: string,
): LogOptions | undefined {
  if (configuration?.logDriver !== 'awslogs') return undefined
  const { options } = configuration
  const prefix = options['awslogs-stream-prefix']
  return {
    group: options['awslogs-group'] ?? '',
    stream: prefix ? `${prefix}/${container}/${taskId}` : taskId,
    mode: options.mode === 'blocking' ? 'blocking' : 'non-blocking',
    bufferBytes: parseSize(options['max-buffer-size'] ?? '10m'),
    ...(options['awslogs-create-group'] === 'true' && { createGroup: true }),
  }
}

const UNITS: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }
function parseSize(text: string): number {
  const [, number = '10', unit = 'm'] = /^(\d+)([kmg]?)b?$/i.exec(text) ?? []
  return Number(number) * (UNITS[unit.toLowerCase()] ?? 1)
}

/** Makes the stream. Throws AwsError when there is no such group, and none is to be made: ECS then does not start the task. */
export async function openLog(emulator: Emulator, options: LogOptions): Promise<LogDriver> {
  const { group, stream, mode, bufferBytes } = options
  const make = (operation: string, input: object) =>
    callAws(emulator, 'logs', operation, input).catch(error => {
      if (!(error instanceof AwsError && error.code === 'ResourceAlreadyExistsException')) throw error
    })
  if (options.createGroup) await make('CreateLogGroup', { logGroupName: group })
  await make('CreateLogStream', { logGroupName: group, logStreamName: stream })
  const waiting: { timestamp: number; message: string; bytes: number }[] = []
  const sources: Readable[] = []
  let bytes = 0
  let dropped = 0
  let closing = false
  const open = new Set<Readable>()

  const add = (message: string) => {
    const size = Buffer.byteLength(message) + 26
    if (mode === 'non-blocking' && bytes + size > bufferBytes) {
      dropped += 1
      return
    }
    waiting.push({ timestamp: Date.now(), message, bytes: size })
    bytes += size
    if (mode === 'blocking' && bytes > bufferBytes) for (const source of sources) source.pause()
  }

  const sendAll = async () => {
    while (waiting.length > 0) {
      const batch = nextBatch(waiting)
      await callAws(emulator, 'logs', 'PutLogEvents', {
        logGroupName: group,
        logStreamName: stream,
        logEvents: batch.map(({ timestamp, message }) => ({ timestamp, message })),
      })
      waiting.splice(0, batch.length)
      bytes -= batch.reduce((sum, event) => sum + event.bytes, 0)
      if (bytes < bufferBytes) for (const source of sources) source.resume()
    }
  }

  const pump = (async () => {
    while (!closing || open.size > 0 || waiting.length > 0) {
      await sleep(FLUSH_MILLISECONDS / (closing ? 10 : 1))
      await sendAll().catch(error => console.error(JSON.stringify({ message: 'log not sent', error: String(error) })))
    }
  })()

  return {
    attach(source) {
      sources.push(source)
      open.add(source)
      splitLines(source, add, () => open.delete(source))
    },
    async close(seconds) {
      closing = true
      const done = await Promise.race([pump.then(() => true), sleep(seconds * 1000, false, { ref: false })])
      // A process that was forked away may hold the pipe: what is still to come is nobody's.
      if (!done) {
        for (const source of open) source.destroy()
        open.clear()
        waiting.length = 0
      }
      if (dropped > 0) console.error(JSON.stringify({ message: 'log lines lost', stream, dropped }))
      return done && dropped === 0
    },
  }
}

function nextBatch<T extends { bytes: number }>(waiting: readonly T[]): T[] {
  let bytes = 0
  let count = 0
  for (const event of waiting) {
    bytes += event.bytes
    if (count > 0 && (bytes > BATCH_BYTES || count === BATCH_EVENTS)) break
    count += 1
  }
  return waiting.slice(0, count)
}

/** Calls `line` for each line and `done` at the end; a line longer than an event may be comes in pieces. */
export function splitLines(source: Readable, line: (text: string) => void, done: () => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string) => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const full of lines) emit(full.endsWith('\r') ? full.slice(0, -1) : full)
    while (rest.length > PIECE) {
      line(rest.slice(0, PIECE))
      rest = rest.slice(PIECE)
    }
  }
  const emit = (text: string) => {
    // CloudWatch refuses an empty message.
    if (text === '') line(' ')
    for (let at = 0; at < text.length; at += PIECE) line(text.slice(at, at + PIECE))
  }
  source.on('data', (chunk: Buffer) => take(decoder.write(chunk)))
  source.once('close', () => {
    take(decoder.end())
    if (rest !== '') emit(rest)
    done()
  })
}

/** One line of log goes three ways: stdout (CloudWatch's copy), the parts in the bucket, and the log of the step. */
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { Output } from './output.ts'
import type { Parts } from './parts.ts'
import type { Redactor } from './redact.ts'

export interface Log {
  /** Text for people, masked here; several lines become several. */
  info(step: number, text: string): void
  /** For the step's own log alone. */
  debug(text: string): void
  /** Starts the log of a step in a file (gzip). */
  openStep(file: string): void
  closeStep(): Promise<void>
  /** Waits until the writers have caught up. */
  ready(): Promise<void>
}

export function createLog(deps: { output: Output; parts: Parts; redact: Redactor; now(): Date }): Log {
  let file: GzipFile | undefined
  const mask = (text: string) => deps.redact.text(text).split(/\r?\n/)
  return {
    info(step, text) {
      const at = deps.now().toISOString()
      for (const line of mask(text)) {
        deps.output.write(`${at} ${line}`)
        deps.parts.add({ type: 'log', at, step, text: line })
        file?.write(`${at} ${line}\n`)
      }
    },
    debug(text) {
      if (!file) return
      const at = deps.now().toISOString()
      for (const line of mask(text)) file.write(`${at} ${line}\n`)
    },
    openStep(path) {
      file = openGzip(path)
    },
    async closeStep() {
      const closing = file
      file = undefined
      await closing?.end()
    },
    async ready() {
      await file?.ready()
      await deps.parts.ready()
    },
  }
}

interface GzipFile {
  write(text: string): void
  ready(): Promise<void>
  end(): Promise<void>
}

/** Each write to a compressor is a trip to another thread; single lines would make a chatty step ten times slower. */
const CHUNK = 64 * 1024

function openGzip(path: string): GzipFile {
  const gzip = createGzip()
  // A full disk must not end the runner: dbt meets it as well, and the parts still carry the log.
  const done = pipeline(gzip, createWriteStream(path)).catch(() => {})
  let held = ''
  let writing = Promise.resolve()
  const flush = () => {
    const text = held
    held = ''
    writing = new Promise(resolve => {
      if (gzip.destroyed) resolve()
      else gzip.write(text, () => resolve())
    })
  }
  return {
    write(text) {
      held += text
      if (held.length >= CHUNK) flush()
    },
    ready: () => writing,
    async end() {
      flush()
      await writing
      gzip.end()
      await done
    },
  }
}

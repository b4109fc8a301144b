/** One line of log goes three ways: stdout (CloudWatch's copy), the parts in the bucket, and the log of the step. */
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGzip, type Gzip } from 'node:zlib'
import type { Output } from './output.ts'
import type { Parts } from './parts.ts'
import type { Redactor } from './redact.ts'

export interface Log {
  /** Text for people, masked here; several lines become several. */
  info(step: number, text: string): void
  /** For the step's own log alone. */
  debug(step: number, text: string): void
  /** Starts the log of a step in a file (gzip). */
  openStep(file: string): void
  closeStep(): Promise<void>
  /** Waits until the writers have caught up. */
  ready(): Promise<void>
}

export function createLog(deps: { output: Output; parts: Parts; redact: Redactor; now(): Date }): Log {
  let file: { gzip: Gzip; done: Promise<void> } | undefined

  const keep = (line: string) => {
    if (file && !file.gzip.destroyed) file.gzip.write(line)
  }
  const mask = (text: string) => deps.redact.text(text).split(/\r?\n/)
  return {
    info(step, text) {
      const at = deps.now().toISOString()
      for (const line of mask(text)) {
        deps.output.write(`${at} ${line}`)
        deps.parts.add({ type: 'log', at, step, text: line })
        keep(`${at} ${line}\n`)
      }
    },
    debug(_step, text) {
      if (!file) return
      const at = deps.now().toISOString()
      for (const line of mask(text)) keep(`${at} ${line}\n`)
    },
    openStep(path) {
      const gzip = createGzip()
      // A full disk must not end the runner: dbt meets it as well, and the parts tell the reason.
      const done = pipeline(gzip, createWriteStream(path)).catch(() => {})
      file = { gzip, done }
    },
    async closeStep() {
      const closing = file
      file = undefined
      closing?.gzip.end()
      await closing?.done
    },
    async ready() {
      if (file?.gzip.writableNeedDrain && !file.gzip.destroyed) await Promise.race([once(file.gzip, 'drain'), file.done])
      await deps.parts.ready()
    },
  }
}

/** The runner's own stdout, which CloudWatch reads: a copy for the last seconds, never a reason to wait or to grow. */
import type { Writable } from 'node:stream'

export interface Output {
  write(line: string): void
  /** Waits until what is queued is written, at most so long. */
  drain(milliseconds: number): Promise<void>
}

/** A write to a pipe that nobody reads is queued without limit, so beyond `limitBytes` lines are dropped and counted. */
export function createOutput(stream: Writable, limitBytes: number): Output {
  let dropped = 0
  // The reader went away: the log in the bucket goes on.
  stream.on('error', () => {})
  return {
    write(line) {
      if (stream.destroyed || stream.writableLength + line.length > limitBytes) {
        dropped++
        return
      }
      if (dropped > 0) {
        stream.write(`… ${dropped} lines are missing here because nobody read this output; the log in the bucket has them\n`)
        dropped = 0
      }
      stream.write(`${line}\n`)
    },
    async drain(milliseconds) {
      if (stream.writableLength === 0 || stream.destroyed) return
      await Promise.race([
        new Promise(resolve => stream.write('', resolve)),
        new Promise(resolve => setTimeout(resolve, milliseconds).unref()),
      ])
    },
  }
}

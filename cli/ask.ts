/** Questions on a terminal. One reader for all of them: what is pasted ahead answers the questions that follow. */
import { createInterface, type Interface } from 'node:readline'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'

export function makeAsk(
  input: NodeJS.ReadableStream,
  write: (text: string) => void,
  interrupt: AbortSignal,
): (question: string) => Promise<string> {
  const typed: string[] = []
  let reader: Interface | undefined
  let ended = false
  let wake: (() => void) | undefined

  function open(): Interface {
    // Without a line editor of its own: the terminal's is used, Ctrl-C stays a signal, and nothing is left in raw mode.
    const lines = createInterface({ input, terminal: false })
    lines.on('line', line => {
      typed.push(line)
      wake?.()
    })
    // Ctrl-D.
    lines.on('close', () => {
      ended = true
      wake?.()
    })
    return lines
  }

  return async question => {
    reader ??= open()
    write(question)
    if (!ended) reader.resume()
    while (typed.length === 0 && !ended && !interrupt.aborted)
      await new Promise<void>(resolve => {
        wake = resolve
        interrupt.addEventListener('abort', () => resolve(), { once: true })
      })
    // A reader that is not paused keeps the process alive.
    if (!ended) reader.pause()
    const line = interrupt.aborted ? undefined : typed.shift()
    if (line !== undefined) return line
    throw new UserError('Interrupted; nothing was changed.', { exitCode: EXIT.interrupted })
  }
}

/** Why the run has to stop before its end: somebody told the task to, or its time is over. */

export type StopCause = { kind: 'signal'; signal: 'SIGTERM' | 'SIGINT' } | { kind: 'timeout'; seconds: number }

export const stopCause = (signal: AbortSignal): StopCause | undefined =>
  signal.aborted ? (signal.reason as StopCause) : undefined

export interface StopWatch {
  signal: AbortSignal
  /** Starts the clock of the run. */
  limit(seconds: number): void
  clear(): void
}

/** One signal for the whole attempt: the first cause stays. */
export function watchStop(on: (signal: 'SIGTERM' | 'SIGINT', handler: () => void) => void): StopWatch {
  const controller = new AbortController()
  const stop = (cause: StopCause) => {
    if (!controller.signal.aborted) controller.abort(cause)
  }
  on('SIGTERM', () => stop({ kind: 'signal', signal: 'SIGTERM' }))
  on('SIGINT', () => stop({ kind: 'signal', signal: 'SIGINT' }))
  let timer: NodeJS.Timeout | undefined
  return {
    signal: controller.signal,
    limit(seconds) {
      // setTimeout holds at most 24.8 days; the longest time limit is 7.
      timer = setTimeout(() => stop({ kind: 'timeout', seconds }), seconds * 1000)
    },
    clear: () => clearTimeout(timer),
  }
}

/** Waits, or less if the signal comes first. Never rejects. */
export function wait(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done, { once: true })
  })
}

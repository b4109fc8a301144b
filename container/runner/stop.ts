/** Why the run has to stop before its end: somebody told the task to, or its time is over. */

export type StopCause =
  | { kind: 'signal'; signal: 'SIGTERM' | 'SIGINT' }
  /** `attempt`: a later one has what is left of the run's time. */
  | { kind: 'timeout'; seconds: number; attempt: number }

/** `the time limit of 2 h`. */
export function timeWords({ seconds, attempt }: Extract<StopCause, { kind: 'timeout' }>): string {
  const time =
    seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 360) / 10} h`
  return attempt === 1 ? `the time limit of ${time}` : `the ${time} that attempt ${attempt} had of the run's time limit`
}

export const stopCause = (signal: AbortSignal): StopCause | undefined =>
  signal.aborted ? (signal.reason as StopCause) : undefined

export interface StopWatch {
  signal: AbortSignal
  /** Starts the clock of the run. */
  limit(seconds: number, attempt: number): void
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
    limit(seconds, attempt) {
      // setTimeout holds at most 24.8 days; the longest time limit is 7.
      timer = setTimeout(() => stop({ kind: 'timeout', seconds, attempt }), seconds * 1000)
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

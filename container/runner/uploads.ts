/** Uploads with patience: a bucket that refuses for a while delays nothing but the uploads. */
import { rm } from 'node:fs/promises'
import type { Store, Upload } from './store.ts'

export interface Uploads {
  /** Queues an upload; a file is removed once it is stored. Resolves to whether it was. Never rejects. */
  add(lane: Lane, upload: Upload): Promise<boolean>
  /** Waits for the queues, at most so long, and then gives up what is left. Returns whether all of the run was stored. */
  finish(milliseconds: number): Promise<boolean>
}

/** Log parts go past artifacts, each kind in its order. */
export type Lane = 'parts' | 'artifacts'

/** Between tries, seconds; the last one repeats. An outage is ridden out until the end of the run. */
const BACK_OFF = [1, 2, 4, 8, 15]

export function createUploads(deps: {
  store: Pick<Store, 'put'>
  wait(milliseconds: number, signal: AbortSignal): Promise<void>
  failed(upload: Upload, error: unknown, tries: number): void
}): Uploads {
  const givenUp = new AbortController()
  const lanes: Record<Lane, Promise<unknown>> = { parts: Promise.resolve(), artifacts: Promise.resolve() }
  let complete = true

  async function send(upload: Upload): Promise<boolean> {
    for (let tries = 1; !givenUp.signal.aborted; tries++) {
      try {
        await deps.store.put(upload)
        if ('file' in upload.body) await rm(upload.body.file, { force: true })
        return true
      } catch (error) {
        // The file could not be written (full disk): waiting brings nothing.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
        deps.failed(upload, error, tries)
        const seconds = BACK_OFF[Math.min(tries, BACK_OFF.length) - 1] ?? 1
        await deps.wait(seconds * 1000, givenUp.signal)
      }
    }
    return false
  }

  return {
    add(lane, upload) {
      const stored = lanes[lane]
        .then(() => send(upload))
        .then(done => {
          complete &&= done
          return done
        })
      lanes[lane] = stored
      return stored
    },
    async finish(milliseconds) {
      const all = Promise.all(Object.values(lanes)).then(() => true)
      const inTime = await Promise.race([all, deps.wait(milliseconds, givenUp.signal).then(() => false)])
      // What hangs in the network is left behind; the process ends soon.
      givenUp.abort()
      return inTime && complete
    },
  }
}

/**
 * Files that make the next run faster or keep it going: packages, the last commit, parse results. Kept below the environment's
 * cache prefix of the bucket. A cache may be empty, slow or broken at any time: that costs a line in the log, never the run.
 */
import { createHash } from 'node:crypto'
import { rm, stat } from 'node:fs/promises'
import type { Store } from './store.ts'

export interface Cache {
  /** Brings what is kept under a name into a file; false if nothing (usable) is there. Never rejects. */
  get(name: string, file: string): Promise<boolean>
  /** Keeps a file under a name; the file is read at once and may be removed afterwards. Whether it worked. Never rejects. */
  put(name: string, file: string): Promise<boolean>
  /** Puts in the background; the file must stay until {@link settle}. */
  later(name: string, file: string): void
  /** Waits for what was put in the background, at most so long. */
  settle(milliseconds: number): Promise<void>
}

/** Larger files are not worth their transfer: a run would wait longer for them than for what they save. */
const MOST_BYTES = 256 * 1024 * 1024
const GET_MILLISECONDS = 30_000
const PUT_MILLISECONDS = 60_000

const NAME = /^(git|packages|parse)\/[\w.-]+$/

export function createCache(deps: {
  store: Pick<Store, 'fetch' | 'put'>
  /** `plan.prefixes.cache`. */
  prefix: string
  say(text: string): void
}): Cache {
  const pending: Promise<unknown>[] = []
  const keyOf = (name: string) => {
    if (!NAME.test(name)) throw new Error(`"${name}" cannot name a cached file`)
    return deps.prefix + name
  }

  async function put(name: string, file: string): Promise<boolean> {
    const key = keyOf(name)
    try {
      const { size } = await stat(file)
      if (size > MOST_BYTES) {
        deps.say(`cache: ${name} has ${megabytes(size)}, more than is kept (${megabytes(MOST_BYTES)})`)
        return false
      }
      await within(PUT_MILLISECONDS, deps.store.put({ key, body: { file }, contentType: 'application/octet-stream' }))
      return true
    } catch (error) {
      deps.say(`cache: ${name} could not be kept: ${(error as Error).message}`)
      return false
    }
  }

  return {
    async get(name, file) {
      const key = keyOf(name)
      try {
        return await deps.store.fetch(key, file, { mostBytes: MOST_BYTES, milliseconds: GET_MILLISECONDS })
      } catch (error) {
        await rm(file, { force: true })
        deps.say(`cache: ${name} could not be read: ${(error as Error).message}`)
        return false
      }
    },
    put,
    later: (name, file) => void pending.push(put(name, file)),
    async settle(milliseconds) {
      if (pending.length > 0) await within(milliseconds, Promise.all(pending)).catch(() => {})
    },
  }
}

/** A name by content: the same parts, in their order, give the same name. */
export const hashOf = (...parts: readonly (string | Uint8Array)[]): string => {
  const hash = createHash('sha256')
  // The length keeps `a` `bc` and `ab` `c` apart.
  for (const part of parts) hash.update(`${Buffer.byteLength(part)} `).update(part)
  return hash.digest('hex').slice(0, 40)
}

const megabytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)} MB`

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end after ${milliseconds / 1000} s`)), milliseconds)
  })
  return Promise.race([work, late]).finally(() => clearTimeout(timer))
}

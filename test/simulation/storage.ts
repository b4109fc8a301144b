/** The bucket in memory. Its content is shared, each process reaches it through calls of its own. */
import type { Bucket } from '../../lambda/common/bucket.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

interface Stored {
  body: Uint8Array
  etag: string
}
export interface Storage {
  put(key: string, body: string | Uint8Array): void
  get(key: string): Stored | undefined
  /** As a process sees it. */
  bucketOf(process: Process): Bucket
}

export function makeStorage(world: World): Storage {
  const objects = new Map<string, Stored>()
  /** Only parts of a log are ever listed. */
  const parts: string[] = []
  let etags = 0
  const encoder = new TextEncoder()
  const put = (key: string, body: string | Uint8Array) => {
    if (key.includes('/parts/') && !objects.has(key)) parts.push(key)
    objects.set(key, { body: typeof body === 'string' ? encoder.encode(body) : body, etag: `etag-${++etags}` })
  }
  const get = (key: string) => objects.get(key)
  return {
    put,
    get,
    bucketOf(process) {
      const call = <T>(write: boolean, label: () => string, effect: () => T) =>
        process.call({
          write,
          label,
          effect: () => {
            if (world.faults.hit('bucket refuses')) {
              throw Object.assign(new Error('injected: Please reduce your request rate.'), { name: 'SlowDown' })
            }
            return effect()
          },
          repeats: true,
        })
      return {
        read: (key, maxBytes) =>
          call(
            false,
            () => `reads ${key}`,
            () => {
              const object = objects.get(key)
              return object && object.body.length <= maxBytes ? object : undefined
            },
          ),
        write: (key, body) =>
          call(
            true,
            () => `writes ${key}`,
            () => put(key, body),
          ),
        replace: (key, body, etag) =>
          call(
            true,
            () => `replaces ${key}`,
            () => {
              if ((objects.get(key)?.etag ?? null) !== etag) return false
              put(key, body)
              return true
            },
          ),
        remove: keys =>
          call(
            true,
            () => `removes ${keys.length} objects`,
            () => {
              for (const key of keys) objects.delete(key)
            },
          ),
        copy: (from, to) =>
          call(
            true,
            () => `copies ${from} to ${to}`,
            () => {
              const object = objects.get(from)
              if (object) put(to, object.body)
              return object !== undefined
            },
          ),
        list: (prefix, max) =>
          call(
            false,
            () => `lists ${prefix}`,
            () =>
              parts
                .filter(key => key.startsWith(prefix))
                .sort()
                .slice(-max),
          ),
        folders: () => Promise.reject(new Error('nobody asks for folders here')),
      }
    },
  }
}

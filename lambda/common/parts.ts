/** Reads the parts of an attempt (shared/plan.ts), which a container wrote. */
import { type Bucket, textOf } from './bucket.ts'

/** At a flush every 5 s, more than a day. */
const MAX_PARTS = 20_000
/** Bytes of a part as it is stored, and unpacked; the runner flushes long before. */
const MAX_STORED = 8 * 1024 * 1024
const MAX_TEXT = 16 * 1024 * 1024
/** A run of an hour has some 700; S3 answers within 20 to 50 ms. */
const AT_ONCE = 24

/** Every line in order. What cannot be read is left out. */
export async function readParts(
  bucket: Pick<Bucket, 'read' | 'list'>,
  attemptPrefix: string,
  take: (row: string) => void,
  without?: string,
): Promise<void> {
  const keys = (await bucket.list(`${attemptPrefix}parts/`, MAX_PARTS)).filter(key => key !== without)
  const ahead: ReturnType<Bucket['read']>[] = []
  for (let next = 0; next < keys.length || ahead.length > 0; ) {
    for (const key of keys.slice(next, next + AT_ONCE - ahead.length)) {
      const read = bucket.read(key, MAX_STORED)
      // One before it may fail first: then nobody waits for this one.
      read.catch(() => undefined)
      ahead.push(read)
      next++
    }
    const object = await ahead.shift()
    const text = object && textOf(object.body, MAX_TEXT)
    for (const row of text?.split('\n') ?? []) if (row) take(row)
  }
}

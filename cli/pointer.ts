import { type Pointer, parsePointer } from '../shared/pointer.ts'
import type { Bucket } from './connection.ts'

/** The run whose docs or state count now; undefined where there is none yet. */
export async function readPointer(bucket: Bucket, key: string): Promise<Pointer | undefined> {
  const bytes = await bucket.get(key)
  return bytes && parsePointer(Buffer.from(bytes).toString('utf8'))
}

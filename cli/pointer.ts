import { RUN_ID_PATTERN } from '../shared/contract.ts'
import type { Pointer } from '../shared/pointer.ts'
import type { Bucket } from './connection.ts'

/** The run whose docs or state count now; undefined where there is none yet. */
export async function readPointer(bucket: Bucket, key: string): Promise<Pointer | undefined> {
  const bytes = await bucket.get(key)
  if (!bytes) return undefined
  const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
  const run = typeof value === 'object' && value !== null ? Reflect.get(value, 'run') : undefined
  return typeof run === 'string' && RUN_ID_PATTERN.test(run) ? (value as Pointer) : undefined
}

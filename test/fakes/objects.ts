import type { Part } from '../../shared/page-reads.ts'

/** Bytes of an object as a bucket answers a range. */
export function pieceOf(object: Uint8Array, part: Part): { bytes: Uint8Array; start: number; size: number } {
  const size = object.length
  const [start, end] =
    part === 'all' ? [0, size] : 'last' in part ? [Math.max(0, size - part.last), size] : [part.start, part.end + 1]
  return { bytes: object.slice(start, end), start, size }
}

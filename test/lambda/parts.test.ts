import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Bucket } from '../../lambda/common/bucket.ts'
import { readParts } from '../../lambda/common/parts.ts'

const KEYS = Array.from({ length: 90 }, (_, i) => `run/parts/${String(i).padStart(3, '0')}`)

/** Parts of one line each, which come in any order. */
function bucketOf(read: (key: string) => Promise<void>) {
  let [open, most] = [0, 0]
  const bucket: Pick<Bucket, 'read' | 'list'> = {
    list: async () => KEYS,
    async read(key) {
      most = Math.max(most, ++open)
      await read(key).finally(() => open--)
      return { body: gzipSync(`${key}\n`), etag: '' }
    },
  }
  return { bucket, most: () => most }
}

test('parts come in order, many are read beside each other, and not all at once', { timeout: 10_000 }, async () => {
  const { bucket, most } = bucketOf(key => sleep((Number(key.slice(-3)) * 7) % 5))
  const rows: string[] = []
  await readParts(bucket, 'run/', row => void rows.push(row), KEYS[3])
  assert.deepEqual(
    rows,
    KEYS.filter((_, i) => i !== 3),
  )
  assert.ok(most() > 12 && most() <= 32, `${most()}`)
})

test('a slow part holds up none of those behind it but by its place', { timeout: 10_000 }, async () => {
  let asked = 0
  const { bucket } = bucketOf(async key => {
    asked++
    // Goes on when as many as may be are asked for behind it; groups of reads, one after the other, would end here for ever.
    while (key.endsWith('010') && asked < 30) await sleep(1)
  })
  await readParts(bucket, 'run/', () => undefined)
})

test('a bucket that refuses ends it with that error, and no other is left over', { timeout: 10_000 }, async () => {
  const { bucket } = bucketOf(async key => {
    await sleep(Number(key.slice(-3)))
    if (key > 'run/parts/004') throw new Error(`SlowDown ${key}`)
  })
  await assert.rejects(
    readParts(bucket, 'run/', () => undefined),
    /SlowDown run\/parts\/005/,
  )
  // What is left fails meanwhile.
  await sleep(60)
})

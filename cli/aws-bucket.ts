import { createWriteStream } from 'node:fs'
import { Readable, promises as streams } from 'node:stream'
import { createGunzip, gunzipSync } from 'node:zlib'
import { GetObjectCommand, ListObjectsV2Command, NoSuchKey, paginateListObjectsV2, S3Client } from '@aws-sdk/client-s3'
import { explained, type Where } from './aws-errors.ts'
import { openObject } from './aws-object.ts'
import { makeReader } from './aws-read.ts'
import type { Bucket } from './connection.ts'

export function makeBucket(name: string, where: Where): Bucket {
  // The emulator answers on one host name.
  const client = new S3Client({ forcePathStyle: where.localEndpoint !== undefined })
  const reader = makeReader(client, name)
  const call = <T>(act: () => Promise<T>) => explained(where, 'viewer', act)
  return {
    get: key =>
      call(async () => {
        try {
          const { Body, ContentEncoding } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }))
          const bytes = await Body?.transformToByteArray()
          return bytes && ContentEncoding === 'gzip' ? gunzipSync(bytes) : bytes
        } catch (error) {
          if (error instanceof NoSuchKey) return undefined
          throw error
        }
      }),
    read: (key, part, ifMatch) => call(() => reader(key, part, ifMatch)),
    open: (key, wanted) => call(() => openObject(client, name, key, wanted)),
    list: (prefix, from) =>
      call(async () => {
        if (from) {
          const start = { Bucket: name, Prefix: prefix, MaxKeys: from.limit, ...(from.after && { StartAfter: from.after }) }
          const { Contents = [] } = await client.send(new ListObjectsV2Command(start))
          return Contents.flatMap(({ Key, Size }) => (Key === undefined ? [] : [{ key: Key, bytes: Size ?? 0 }]))
        }
        const found: { key: string; bytes: number; etag?: string }[] = []
        for await (const page of paginateListObjectsV2({ client }, { Bucket: name, Prefix: prefix }))
          for (const { Key, Size, ETag } of page.Contents ?? [])
            if (Key !== undefined) found.push({ key: Key, bytes: Size ?? 0, ...(ETag !== undefined && { etag: ETag }) })
        return found
      }),
    download: (key, path) =>
      call(async () => {
        const { Body, ContentEncoding } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }))
        const source = Body instanceof Readable ? Body : Readable.from([])
        if (ContentEncoding === 'gzip') await streams.pipeline(source, createGunzip(), createWriteStream(path))
        else await streams.pipeline(source, createWriteStream(path))
      }),
  }
}

/** What the Lambdas do with the data bucket. Reads are bounded: much of it was written by containers. */
import { gunzipSync } from 'node:zlib'
import {
  CopyObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'

export interface Bucket {
  /** Undefined: no such object, or larger than the bound (bytes). */
  read(key: string, maxBytes: number): Promise<{ body: Uint8Array; etag: string } | undefined>
  /** `immutable`: nothing else is ever written under the key, so that readers may keep it. */
  write(key: string, body: string | Uint8Array, options: { type: string; encoding?: 'gzip'; immutable?: boolean }): Promise<void>
  /** Writes JSON only if the object still is what was read (`null`: does not exist). False: it is not. */
  replace(key: string, body: string | Uint8Array, etag: string | null, encoding?: 'gzip'): Promise<boolean>
  /** False: nothing to copy. */
  copy(from: string, to: string): Promise<boolean>
  /** Keys below a prefix, sorted, at most `max` of the last ones. */
  list(prefix: string, max: number): Promise<string[]>
  /** Names of the folders right below a prefix, without the slash. */
  folders(prefix: string): Promise<string[]>
  /** Also keys that are not there. */
  remove(keys: readonly string[]): Promise<void>
}

export function makeBucket(client: S3Client, bucket: string): Bucket {
  return {
    async read(key, maxBytes) {
      try {
        const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
        if (!answer.Body) return undefined
        if ((answer.ContentLength ?? 0) > maxBytes) {
          ;(answer.Body as { destroy?(): void }).destroy?.()
          return undefined
        }
        return { body: await answer.Body.transformToByteArray(), etag: answer.ETag ?? '' }
      } catch (error) {
        if (isMissing(error)) return undefined
        throw error
      }
    },
    async write(key, body, { type, encoding, immutable }) {
      const headers = {
        ContentType: type,
        ...(encoding && { ContentEncoding: encoding }),
        ...(immutable && { CacheControl: 'private, max-age=31536000, immutable' }),
      }
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...headers }))
    },
    async replace(key, body, etag, encoding) {
      const condition: Partial<PutObjectCommandInput> = etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag }
      const type = {
        ContentType: 'application/json',
        CacheControl: 'no-cache',
        ...(encoding && { ContentEncoding: encoding }),
      }
      try {
        await client.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body, ...type, ...condition }))
        return true
      } catch (error) {
        // 412: it has changed; 409: another conditional write was under way; 404: it was deleted.
        const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
        if (status === 412 || status === 409 || status === 404) return false
        throw error
      }
    },
    async copy(from, to) {
      try {
        await client.send(new CopyObjectCommand({ Bucket: bucket, Key: to, CopySource: `${bucket}/${encodeURI(from)}` }))
        return true
      } catch (error) {
        if (isMissing(error)) return false
        throw error
      }
    },
    async list(prefix, max) {
      let keys: string[] = []
      for (let token: string | undefined; ; ) {
        const page = { Bucket: bucket, Prefix: prefix, ...(token && { ContinuationToken: token }) }
        const answer = await client.send(new ListObjectsV2Command(page))
        for (const { Key } of answer.Contents ?? []) if (Key !== undefined) keys.push(Key)
        if (keys.length > 2 * max) keys = keys.slice(-max)
        token = answer.NextContinuationToken
        if (!token) return keys.slice(-max)
      }
    },
    async folders(prefix) {
      const folders: string[] = []
      for (let token: string | undefined; ; ) {
        const page = { Bucket: bucket, Prefix: prefix, Delimiter: '/', ...(token && { ContinuationToken: token }) }
        const answer = await client.send(new ListObjectsV2Command(page))
        for (const { Prefix = '' } of answer.CommonPrefixes ?? []) folders.push(Prefix.slice(prefix.length, -1))
        token = answer.NextContinuationToken
        if (!token) return folders
      }
    },
    async remove(keys) {
      for (let from = 0; from < keys.length; from += REMOVE_AT_ONCE) {
        const Objects = keys.slice(from, from + REMOVE_AT_ONCE).map(Key => ({ Key }))
        const { Errors = [] } = await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }))
        const [first] = Errors
        if (first) throw new Error(`${Errors.length} objects were not removed, ${first.Key}: ${first.Message ?? first.Code}`)
      }
    },
  }
}

/** S3's limit for one request. */
const REMOVE_AT_ONCE = 1000

/** Text of an object that may be gzip-compressed; undefined when it does not unpack within the bound. */
export function textOf(body: Uint8Array, maxBytes: number): string | undefined {
  try {
    const packed = body[0] === 0x1f && body[1] === 0x8b
    return new TextDecoder().decode(packed ? gunzipSync(body, { maxOutputLength: maxBytes }) : body)
  } catch {
    return undefined
  }
}

const isMissing = (error: unknown) =>
  error instanceof S3ServiceException && (error.name === 'NoSuchKey' || error.$metadata.httpStatusCode === 404)

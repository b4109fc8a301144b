/** The data bucket, as the runner uses it: the only file that knows the AWS client. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, rename, rm, stat } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'

export interface Upload {
  key: string
  body: { file: string } | { content: string | Uint8Array }
  contentType: string
  contentEncoding?: 'gzip'
}

export interface Store {
  get(key: string): Promise<Uint8Array>
  put(upload: Upload): Promise<void>
  /**
   * Brings an object into a file, which appears only once it is whole; false if there is no such object. On AWS a role that may
   * not list the bucket is told 403 for what is not there, elsewhere it is 404.
   */
  fetch(key: string, file: string, limits: { mostBytes: number; milliseconds: number }): Promise<boolean>
}

export interface AwsCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

/** Address, region and credentials come from the environment, as for every AWS client. */
export function createS3Store(bucket: string): Store & { credentials(): Promise<AwsCredentials> } {
  const client = new S3Client({
    // A retry above this one waits longer and outlasts an outage.
    maxAttempts: 2,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    // A socket on which nothing moves. `requestTimeout` would only warn, and count a long upload as well.
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 30_000 },
  })
  return {
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
      if (!Body) throw new Error(`s3://${bucket}/${key} has no content`)
      return Body.transformToByteArray()
    },
    async put({ key, body, contentType, contentEncoding }) {
      const content = 'content' in body ? { Body: body.content } : await readBody(body.file)
      await client.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: key,
          ContentType: contentType,
          ...(contentEncoding && { ContentEncoding: contentEncoding }),
          ...content,
        }),
      )
    },
    async fetch(key, file, { mostBytes, milliseconds }) {
      const abortSignal = AbortSignal.timeout(milliseconds)
      const part = `${file}.part`
      try {
        const { Body, ContentLength = 0 } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), { abortSignal })
        if (!Body) return false
        if (ContentLength > mostBytes) {
          ;(Body as Readable).destroy()
          throw new Error(`it has ${ContentLength} bytes, more than ${mostBytes}`)
        }
        await pipeline(Body as Readable, createWriteStream(part), { signal: abortSignal })
        await rename(part, file)
        return true
      } catch (error) {
        await rm(part, { force: true })
        const status = (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
        if (status === 403 || status === 404) return false
        throw error
      }
    },
    credentials: () => client.config.credentials(),
  }
}

/** The client repeats a request by itself only if it holds the content; larger files are streamed, to spare memory. */
const HELD_BYTES = 8 * 1024 * 1024
async function readBody(file: string) {
  const { size } = await stat(file)
  return size <= HELD_BYTES ? { Body: await readFile(file) } : { Body: createReadStream(file), ContentLength: size }
}

/** Objects of the bucket as answers, passed on while they come. */
import { pipeline, type Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { GetObjectCommand, HeadObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { accepts } from '../../shared/page-objects.ts'
import type { Reply, SiteRequest } from './http.ts'

/** Undefined: there is no such object. `headers`: in addition to those of the object. */
export type SendObject = (
  key: string,
  request: Pick<SiteRequest, 'method' | 'headers'>,
  headers: Record<string, string>,
) => Promise<Reply | undefined>

export const makeSendObject =
  (client: S3Client, bucket: string): SendObject =>
  async (key, { method, headers: asked }, headers) => {
    const plain = !accepts(asked['accept-encoding'], 'gzip')
    const range = asked['if-range'] === undefined && /^bytes=(\d+-\d*|-\d+)$/.test(asked.range ?? '') ? asked.range : undefined
    const known = asked['if-none-match']
    const wanted = { Bucket: bucket, Key: key, ...(known && /^"[^",]*"$/.test(known) && { IfNoneMatch: known }) }
    try {
      if (method === 'HEAD') {
        const found = await client.send(new HeadObjectCommand(wanted))
        return { status: 200, headers: { ...describe(found), ...headers } }
      }
      const found = await client.send(new GetObjectCommand({ ...wanted, ...(range && { Range: range }) }))
      const body = found.Body as Readable
      if (!plain || found.ContentEncoding !== 'gzip')
        return { status: found.ContentRange ? 206 : 200, headers: { ...describe(found), ...headers }, body }
      if (found.ContentRange) {
        // A range is one of the stored bytes, which this browser cannot read.
        body.destroy()
        const { range: _, ...rest } = asked
        return makeSendObject(client, bucket)(key, { method, headers: rest }, headers)
      }
      // Whichever ends early ends the other: S3's connection is free again when a reader goes away.
      const unpacked = pipeline(body, createGunzip(), () => {})
      return { status: 200, headers: { vary: 'accept-encoding', ...headers }, body: unpacked }
    } catch (error) {
      const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
      if (status === 304 || status === 416) return { status, headers: { ...(known && { etag: known }), ...headers } }
      if (status === 404) return undefined
      throw error
    }
  }

interface Found {
  ETag?: string | undefined
  ContentLength?: number | undefined
  ContentEncoding?: string | undefined
  ContentRange?: string | undefined
}

const describe = ({ ETag, ContentLength, ContentEncoding, ContentRange }: Found): Record<string, string> => ({
  vary: 'accept-encoding',
  'accept-ranges': 'bytes',
  ...(ETag && { etag: ETag }),
  ...(ContentLength !== undefined && { 'content-length': String(ContentLength) }),
  ...(ContentEncoding && { 'content-encoding': ContentEncoding }),
  ...(ContentRange && { 'content-range': ContentRange }),
})

import { Readable } from 'node:stream'
import { GetObjectCommand, HeadObjectCommand, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import type { Bucket, ObjectAnswer } from './connection.ts'

/** `open` of the bucket. */
export async function openObject(
  client: S3Client,
  bucket: string,
  key: string,
  { head, range, ifNoneMatch }: Parameters<Bucket['open']>[1],
): Promise<ObjectAnswer | undefined> {
  const wanted = { Bucket: bucket, Key: key, ...(ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }) }
  try {
    const found = head
      ? await client.send(new HeadObjectCommand(wanted))
      : await client.send(new GetObjectCommand({ ...wanted, ...(range !== undefined && { Range: range }) }))
    return {
      status: found.$metadata.httpStatusCode === 206 ? 206 : 200,
      etag: found.ETag ?? '',
      ...(found.ContentLength !== undefined && { bytes: found.ContentLength }),
      ...(found.ContentEncoding && { encoding: found.ContentEncoding }),
      ...('ContentRange' in found && found.ContentRange && { range: found.ContentRange }),
      ...('Body' in found && found.Body instanceof Readable && { body: found.Body }),
    }
  } catch (error) {
    const status = error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined
    if (status === 304) return { status, etag: ifNoneMatch ?? '' }
    if (status === 416) return { status, etag: '' }
    if (status === 404 && !(error instanceof Error && error.name === 'NoSuchBucket')) return undefined
    throw error
  }
}

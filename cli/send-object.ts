/** An object of the bucket as the answer to a browser: streamed, as it is stored where the browser can take that. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promises as streams } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { accepts } from '../shared/page-objects.ts'
import type { Bucket, ObjectAnswer } from './connection.ts'

/** Ending of the ETag of an object that was decompressed here: another representation has another one. */
const PLAIN = '-plain"'

/** False: there is no such object, and nothing has been answered. `headers`: in addition to those of the object. */
export async function sendObject(
  bucket: Pick<Bucket, 'open'>,
  key: string,
  request: Pick<IncomingMessage, 'method' | 'headers'>,
  response: ServerResponse,
  headers: Record<string, string>,
): Promise<boolean> {
  const { range, 'if-range': ifRange, 'if-none-match': known } = request.headers
  const head = request.method === 'HEAD'
  const found = await bucket.open(key, {
    head,
    ...(range !== undefined && ifRange === undefined && isOneRange(range) && { range }),
    ...(known !== undefined && /^(W\/)?"[^",]*"$/.test(known) && { ifNoneMatch: known.replace(PLAIN, '"') }),
  })
  if (!found) return false
  const plain = found.encoding === 'gzip' && !accepts(request.headers['accept-encoding']?.toString(), 'gzip')
  if (plain && found.status === 206) {
    // A range is one of the stored bytes, which this client cannot read.
    found.body?.destroy()
    const { range: _, ...rest } = request.headers
    return sendObject(bucket, key, { method: request.method, headers: rest }, response, headers)
  }
  response.writeHead(found.status, { ...describe(found, plain), ...headers })
  if (!found.body || head) {
    found.body?.destroy()
    response.end()
  } else if (plain) await streams.pipeline(found.body, createGunzip(), response)
  else await streams.pipeline(found.body, response)
  return true
}

function describe(found: ObjectAnswer, plain: boolean): Record<string, string> {
  const etag = plain ? found.etag.replace(/"$/, PLAIN) : found.etag
  return {
    vary: 'accept-encoding',
    ...(etag && { etag }),
    ...(!plain && found.status !== 304 && { 'accept-ranges': 'bytes' }),
    ...(!plain && found.bytes !== undefined && { 'content-length': String(found.bytes) }),
    ...(!plain && found.encoding && { 'content-encoding': found.encoding }),
    ...(found.range !== undefined && { 'content-range': found.range }),
  }
}

/** Several ranges in one request are answered with the whole, as HTTP allows. */
const isOneRange = (range: string) => /^bytes=(\d+-\d*|-\d+)$/.test(range.replaceAll(' ', ''))

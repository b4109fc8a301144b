/**
 * Reads of many objects. A GetObject through the SDK costs more than a millisecond of processor time, which for thousands of
 * small files is longer than the network takes. The SDK finds out where the bucket is, with what credentials, and does
 * whatever is not plainly answered: faults, retries, refusals.
 */
import { createHash, createHmac } from 'node:crypto'
import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { GetObjectCommand, NoSuchKey, type S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import type { Bucket, ObjectPart, Part } from './connection.ts'

/** Beside each other; S3 takes thousands. */
const CONNECTIONS = 96
/** Milliseconds without a byte; then the SDK tries. */
const TIMEOUT = 20_000

export function makeReader(client: S3Client, bucket: string): Bucket['read'] {
  const options = { keepAlive: true, maxSockets: CONNECTIONS }
  const agents = { 'http:': new HttpAgent(options), 'https:': new HttpsAgent(options) }
  let place: Promise<Place | undefined> | undefined
  return async (key, part, ifMatch) => {
    // The first read shows the way.
    if (!place) {
      const first = readFirst(client, bucket, key, part, ifMatch)
      place = first.then(({ place }) => place).catch(() => undefined)
      return (await first).object
    }
    const known = await place
    if (known) {
      const credentials = await client.config.credentials()
      const url = `${known.prefix}${key.split('/').map(encode).join('/')}`
      const headers = { ...(part !== 'all' && { range: rangeOf(part) }), ...(ifMatch !== undefined && { 'if-match': ifMatch }) }
      const signed = signGet({ host: known.host, path: url, region: known.region, credentials, at: new Date() })
      const agent = agents[known.protocol]
      const object = await getPlain(known, agent, url, { ...headers, ...signed }).catch(() => undefined)
      if (object) return object
    }
    return readPart(client, { Bucket: bucket, Key: key }, part, ifMatch)
  }
}

interface Place {
  protocol: 'http:' | 'https:'
  hostname: string
  port: number | undefined
  /** With the port, if it is not the usual one. */
  host: string
  /** Before the key. */
  prefix: string
  region: string
}

/** Reads with the SDK, and notes where it went. */
async function readFirst(client: S3Client, bucket: string, key: string, part: Part, ifMatch: string | undefined) {
  let place: Place | undefined
  const region = await client.config.region()
  client.middlewareStack.add(
    next => async args => {
      place ??= placeOf(args.request, key, region)
      return next(args)
    },
    { step: 'finalizeRequest', priority: 'low', name: 'placeOfBucket', override: true },
  )
  try {
    const object = await readPart(client, { Bucket: bucket, Key: key }, part, ifMatch)
    return { object, place }
  } finally {
    client.middlewareStack.remove('placeOfBucket')
  }
}

function placeOf(request: unknown, key: string, region: string): Place | undefined {
  const { protocol, hostname, port, path } = (request ?? {}) as Record<string, unknown>
  if ((protocol !== 'http:' && protocol !== 'https:') || typeof hostname !== 'string' || typeof path !== 'string')
    return undefined
  const encoded = key.split('/').map(encode).join('/')
  if (!path.endsWith(`/${encoded}`)) return undefined
  const own = typeof port === 'number' ? port : undefined
  const prefix = path.slice(0, -encoded.length)
  return { protocol, hostname, port: own, host: own === undefined ? hostname : `${hostname}:${own}`, prefix, region }
}

/** As signatures want it: all but letters, digits, `-`, `.`, `_` and `~`. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, char => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

const rangeOf = (part: Exclude<Part, 'all'>) => ('last' in part ? `bytes=-${part.last}` : `bytes=${part.start}-${part.end}`)

/** Undefined: anything but the object. */
function getPlain(place: Place, agent: HttpAgent | HttpsAgent, path: string, headers: Record<string, string>) {
  const { protocol, hostname, port } = place
  const send = protocol === 'https:' ? requestHttps : requestHttp
  return new Promise<ObjectPart | undefined>((resolve, reject) => {
    const call = send({ hostname, port, path, agent, headers, timeout: TIMEOUT }, response => {
      const { statusCode } = response
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const good = (statusCode === 200 || statusCode === 206) && response.complete
        resolve(good ? objectOf(response, Buffer.concat(chunks)) : undefined)
      })
    })
    call.on('timeout', () => call.destroy(new Error('no answer')))
    call.on('error', reject)
    call.end()
  })
}

function objectOf({ headers }: IncomingMessage, bytes: Buffer): ObjectPart | undefined {
  if (Number(headers['content-length'] ?? bytes.length) !== bytes.length) return undefined
  return { bytes, ...placeOfPart(headers['content-range'], bytes.length), etag: headers.etag ?? '' }
}

/** Without the header the whole object came: it is smaller than what was asked for. */
function placeOfPart(contentRange: string | undefined, length: number): { start: number; size: number } {
  const [, start = '0', size = String(length)] = /^bytes (\d+)-\d+\/(\d+)$/.exec(contentRange ?? '') ?? []
  return { start: Number(start), size: Number(size) }
}

export interface Get {
  /** Host header. */
  host: string
  /** Encoded. */
  path: string
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
  at: Date
}

const NO_BODY = createHash('sha256').digest('hex')
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest()

/** Headers of Signature Version 4 for a GET of S3 without a query. Other headers need not be signed. */
export function signGet({ host, path, region, credentials, at }: Get): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const time = at.toISOString().replace(/[-:]|\.\d{3}/g, '')
  const date = time.slice(0, 8)
  const headers: Record<string, string> = {
    host,
    'x-amz-content-sha256': NO_BODY,
    'x-amz-date': time,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  }
  const names = Object.keys(headers).sort()
  const lines = names.map(name => `${name}:${headers[name]}\n`).join('')
  const request = ['GET', path, '', lines, names.join(';'), NO_BODY].join('\n')
  const scope = `${date}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', time, scope, createHash('sha256').update(request).digest('hex')].join('\n')
  const key = [date, region, 's3', 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`)
  const signature = createHmac('sha256', key).update(text).digest('hex')
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
  return { ...headers, authorization }
}

async function readPart(
  client: S3Client,
  at: { Bucket: string; Key: string },
  part: Part,
  ifMatch: string | undefined,
): Promise<ObjectPart | undefined> {
  try {
    const range = part === 'all' ? {} : { Range: rangeOf(part) }
    const answer = await client.send(
      new GetObjectCommand({ ...at, ...range, ...(ifMatch !== undefined && { IfMatch: ifMatch }) }),
    )
    const bytes = (await answer.Body?.transformToByteArray()) ?? new Uint8Array()
    return { bytes, ...placeOfPart(answer.ContentRange, bytes.length), etag: answer.ETag ?? '' }
  } catch (error) {
    if (error instanceof NoSuchKey || (error instanceof S3ServiceException && error.name === 'PreconditionFailed'))
      return undefined
    // An empty object has no range.
    if (error instanceof S3ServiceException && error.name === 'InvalidRange')
      return { bytes: new Uint8Array(), start: 0, size: 0, etag: '' }
    throw error
  }
}

/**
 * CloudFront and the Function URL, as far as the function notices them: a request becomes an event (payload format 2.0) with the
 * name of the distribution in a header, and what comes back is passed on while it comes.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { SITE_HEADER } from '../../shared/resource-names.ts'
import type { LambdaFunction } from './function.ts'

export interface Front {
  port: number
  /** Where requests go: a function is started when the addresses are known that it is told. */
  serve(to: Pick<LambdaFunction, 'invoke'>): void
  close(): void
}

export async function openFront(kind: 'pages' | 'docs'): Promise<Front> {
  let target: Pick<LambdaFunction, 'invoke'> | undefined
  const server = createServer((request, response) => {
    if (!target) throw new Error('a request before the function was started')
    answer(target, kind, request, response).catch(() => {
      // As CloudFront: an error of its own while nothing was sent, a broken connection afterwards.
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    })
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    serve(to) {
      target = to
    },
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}

const READS = ['GET', 'HEAD']

async function answer(target: Pick<LambdaFunction, 'invoke'>, kind: string, request: IncomingMessage, response: ServerResponse) {
  const body = await buffer(request)
  const { method = '' } = request
  if (kind === 'docs' && !READS.includes(method)) return response.writeHead(403).end()
  // Origin access control signs the request, but takes the hash of a body from whoever sends it.
  const sha256 = createHash('sha256').update(body).digest('hex')
  if (body.length && request.headers['x-amz-content-sha256'] !== sha256) return response.writeHead(403).end('signature')
  const written = await target.invoke(eventOf(kind, request, body))
  if (response.destroyed) return written.destroy()
  response.once('close', () => written.destroy())
  const { statusCode, headers, cookies } = await readHead(written)
  response.writeHead(statusCode, { ...headers, ...(cookies.length && { 'set-cookie': cookies }) })
  await pipeline(written, response)
}

function eventOf(kind: string, request: IncomingMessage, body: Buffer) {
  const [rawPath = '', rawQueryString = ''] = (request.url ?? '').split(/\?(.*)/s)
  const { cookie, ...rest } = request.headers
  const headers = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, String(value)]))
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookie && { cookies: cookie.split('; ') }),
    headers: { ...headers, host: 'abc.lambda-url.eu-central-1.on.aws', [SITE_HEADER]: kind },
    requestContext: { http: { method: request.method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1' } },
    ...(body.length && { body: body.toString('base64') }),
    isBase64Encoded: body.length > 0,
  }
}

interface Head {
  statusCode: number
  headers: Record<string, string>
  cookies: string[]
}
const DELIMITER = Buffer.alloc(8)

/** Leaves the stream at the first byte of the body. */
async function readHead(written: IncomingMessage): Promise<Head> {
  if (written.headers['content-type'] !== 'application/vnd.awslambda.http-integration-response')
    throw new Error(`no HTTP answer: ${written.headers['content-type']}`)
  let seen = Buffer.alloc(0)
  for (;;) {
    const chunk: Buffer | null = written.read()
    if (chunk === null) {
      if (written.readableEnded || written.destroyed) throw new Error('the function wrote no head')
      await Promise.race([once(written, 'readable'), once(written, 'end'), once(written, 'close')])
      continue
    }
    seen = Buffer.concat([seen, chunk])
    const end = seen.indexOf(DELIMITER)
    if (end < 0) continue
    written.unshift(seen.subarray(end + DELIMITER.length))
    return JSON.parse(seen.subarray(0, end).toString('utf8')) as Head
  }
}

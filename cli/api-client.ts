/** One signed POST to the Function URL of the api (shared/api.ts). */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Sha256 } from '@aws-crypto/sha256-js'
import { SignatureV4 } from '@smithy/signature-v4'
import type { ApiRequest, ApiResponse } from '../shared/api.ts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'

interface Signing {
  region: string
  credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }
}

/** Milliseconds; the api answers within seconds, also when it is cold. */
const TIMEOUT = 30_000

export async function postSigned({ url, ...signing }: Signing & { url: string }, request: ApiRequest): Promise<ApiResponse> {
  const { status, text } = await sendSigned({ ...signing, service: 'lambda', method: 'POST', url, body: JSON.stringify(request) })
  const parsed = parseResponse(text)
  if (parsed) return parsed
  // Refusals of the Function URL itself come before our code: {"Message": "Forbidden"}.
  if (status === 403) throw Object.assign(new Error(`${status} ${text.slice(0, 200)}`), { name: 'AccessDenied' })
  throw new UserError(`The api of the installation answered ${status}: ${text.slice(0, 200)}`, {
    hint: 'Try again; if it stays, see the log of the api function (runbook: Api).',
    exitCode: EXIT.infrastructure,
  })
}

interface SignedRequest extends Signing {
  service: string
  method: string
  url: string
  body: string
}

/** Signature Version 4 over a plain HTTP request. */
async function sendSigned({ region, credentials, service, method, url, body }: SignedRequest) {
  const address = new URL(url)
  const signer = new SignatureV4({ service, region, credentials, sha256: Sha256 })
  const signed = await signer.sign({
    method,
    protocol: address.protocol,
    hostname: address.hostname,
    path: address.pathname,
    query: {},
    headers: { host: address.host, 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) },
    body,
  })
  return exchange(address, { method, path: address.pathname, headers: signed.headers }, body)
}

function exchange(to: URL, options: { method: string; path: string; headers: Record<string, string> }, body: string) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const send = to.protocol === 'https:' ? requestHttps : requestHttp
    const call = send({ ...options, hostname: to.hostname, port: to.port || undefined, timeout: TIMEOUT }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }))
    })
    call.on('timeout', () => call.destroy(Object.assign(new Error('no answer'), { name: 'TimeoutError' })))
    call.on('error', reject)
    call.end(body)
  })
}

function parseResponse(text: string): ApiResponse | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    const ok = typeof parsed === 'object' && parsed !== null ? Reflect.get(parsed, 'ok') : undefined
    return typeof ok === 'boolean' ? (parsed as ApiResponse) : undefined
  } catch {
    return undefined
  }
}

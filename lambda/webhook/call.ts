/** A call of the Function URL, and its answer. */
import { fieldsOf } from '../../shared/fields.ts'

/** Bytes. The largest pushes of git hosts stay below: they cut their lists of commits. */
export const MAX_BODY = 1024 * 1024

export interface Call {
  method: string
  /** Without the first slash. */
  path: string
  /** Names in lower case. */
  headers: Record<string, string>
  /** As it was signed. */
  body: Buffer
}

export interface Reply {
  status: 200 | 202 | 204 | 400 | 401 | 403 | 404 | 405 | 409 | 413
  body?: { message: string } & Record<string, unknown>
}

export const reply = (status: Reply['status'], message: string, more: Record<string, unknown> = {}): Reply => ({
  status,
  body: { message, ...more },
})

/** The same for everything that is not signed well: who does not know the secret learns nothing. */
export const UNSIGNED = reply(401, 'The call is not signed as it must be.')

/** Undefined: the body is larger than {@link MAX_BODY}. */
export function parseCall(event: unknown): Call | undefined {
  const { rawPath, headers, body, isBase64Encoded, requestContext } = fieldsOf(event)
  const { method } = fieldsOf(fieldsOf(requestContext).http)
  const text = typeof body === 'string' ? body : ''
  // Base64 is a third longer: nothing large is decoded only to be refused.
  if (text.length > MAX_BODY * 1.4) return undefined
  const bytes = Buffer.from(text, isBase64Encoded === true ? 'base64' : 'utf8')
  if (bytes.length > MAX_BODY) return undefined
  const named = Object.entries(fieldsOf(headers)).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name.toLowerCase(), value]] : [],
  )
  return {
    method: typeof method === 'string' ? method : '',
    path: typeof rawPath === 'string' ? rawPath.replace(/^\/+|\/+$/g, '') : '',
    headers: Object.fromEntries(named),
    body: bytes,
  }
}

/** Undefined: no JSON object. */
export function parseBody(body: Buffer): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

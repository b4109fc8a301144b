/** Requests as a Function URL brings them, and answers as it takes them back while they come. */
import type { Readable } from 'node:stream'
import { fieldsOf } from '../../shared/fields.ts'

export interface SiteRequest {
  method: string
  path: string
  query: URLSearchParams
  /** By lower-case name. */
  headers: Record<string, string>
  cookies: Map<string, string>
  body: string
}

export interface Reply {
  status: number
  headers: Record<string, string>
  cookies?: string[]
  body?: string | Uint8Array | Readable
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '')

export function parseEvent(event: unknown): SiteRequest {
  const { rawPath, rawQueryString, headers, cookies, body, isBase64Encoded, requestContext } = fieldsOf(event)
  const named = Object.entries(fieldsOf(headers)).map(([name, value]) => [name.toLowerCase(), textOf(value)] as const)
  const pairs = (Array.isArray(cookies) ? cookies : []).map(each => {
    const [name = '', ...value] = textOf(each).trim().split('=')
    return [name, value.join('=')] as const
  })
  return {
    method: textOf(fieldsOf(fieldsOf(requestContext).http).method),
    path: textOf(rawPath) || '/',
    query: new URLSearchParams(textOf(rawQueryString)),
    headers: Object.fromEntries(named),
    cookies: new Map(pairs),
    body: isBase64Encoded === true ? Buffer.from(textOf(body), 'base64').toString('utf8') : textOf(body),
  }
}

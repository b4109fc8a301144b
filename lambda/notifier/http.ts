/** One POST of a channel: what its answer means, without the address in any log or error. */
import type { Delivery } from './deliver.ts'

export interface Http {
  fetch: typeof fetch
  now(): Date
}

export interface Post {
  to: URL
  body: string
  headers?: Record<string, string>
}
export interface Answer {
  status: number
  body: string
  delivery: Delivery
}

/** Also what the dbt platform gives a receiver. */
const TIMEOUT_MILLISECONDS = 10_000
/** Of an answer; nobody's page of errors fills our memory. */
const ANSWER_CHARACTERS = 64 * 1024

export async function post({ fetch, now }: Http, { to, body, headers }: Post): Promise<Answer> {
  try {
    const response = await fetch(to, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'tidemill', ...headers },
      body,
      // A message about failures must not follow its receiver elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    })
    const text = await readText(response)
    const said = text.slice(0, 200).replace(/\s+/g, ' ').trim()
    const error = `${to.host} answered ${response.status}${said && ` "${said}"`}`
    return { status: response.status, body: text, delivery: judge(response, error, now()) }
  } catch (error) {
    return { status: 0, body: '', delivery: { outcome: 'later', error: `${to.host}: ${networkWords(error)}` } }
  }
}

async function readText(response: Response): Promise<string> {
  if (!response.body) return ''
  const decoder = new TextDecoder()
  let text = ''
  for await (const chunk of response.body) {
    text += decoder.decode(chunk as Uint8Array, { stream: true })
    if (text.length > ANSWER_CHARACTERS) break
  }
  return text.slice(0, ANSWER_CHARACTERS)
}

/** 429, 408 and 5xx pass; another refusal is final: the hook is gone, or what we send is not taken. */
function judge(response: Response, error: string, now: Date): Delivery {
  if (response.ok) return { outcome: 'sent' }
  const { status } = response
  if (status !== 429 && status !== 408 && status < 500) return { outcome: 'never', error }
  const afterSeconds = readRetryAfter(response.headers.get('retry-after'), now)
  return { outcome: 'later', error, ...(afterSeconds !== undefined && { afterSeconds }) }
}

/** Seconds of a Retry-After header, which holds seconds or a date; at most an hour. */
export function readRetryAfter(value: string | null, now: Date): number | undefined {
  if (!value?.trim()) return undefined
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : (Date.parse(value) - now.getTime()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(3600, Math.max(0, Math.ceil(seconds)))
}

/** Name or code only: the message of an error may hold the address. */
function networkWords(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MILLISECONDS / 1000} s`
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
  return typeof cause?.code === 'string' ? `not reachable (${cause.code})` : 'not reachable'
}

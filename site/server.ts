/** What the pages ask their server (shared/page-api.ts), with the viewer's token. */
import type { ApiRequest, ApiResponse } from '../shared/api.ts'
import { isReadable } from '../shared/contract.ts'
import {
  type JobAnswer,
  type Me,
  type MonthAnswer,
  type NextFirings,
  type NodeHistory,
  type OpenRuns,
  type PartList,
  type RunAnswer,
  type RunProgress,
  type SourceHistory,
  TOKEN_HEADER,
  type Week,
} from '../shared/page-api.ts'
import { faultError, isAbort, NO_ANSWER, refusalOf } from './fault.ts'
import { forgetToken, readToken } from './token.ts'

export async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { ...(init.headers as Record<string, string> | undefined), [TOKEN_HEADER]: (await readToken()) ?? '' }
  let response: Response
  try {
    response = await fetch(path, { ...init, headers, credentials: 'same-origin', redirect: 'error' })
  } catch (error) {
    if (isAbort(error)) throw error
    throw faultError(NO_ANSWER)
  }
  if (response.ok) return response
  const fault = refusalOf(response.status, await response.text().catch(() => ''), nameOf(path))
  if (fault.signIn && fault.status === 401) leaveToSignIn(fault.signIn)
  throw faultError(fault)
}

const LEFT = 'tidemill-sign-in'
/** Milliseconds: a sign-in that has just been done and did not help is not repeated for ever. */
const AGAIN = 30_000

/** Hosted: the sign-in is over. Who is still known there comes back at once, to the page that was left. */
function leaveToSignIn(path: string): void {
  if (Date.now() - Number(sessionStorage.getItem(LEFT)) < AGAIN) return
  sessionStorage.setItem(LEFT, String(Date.now()))
  location.assign(signInAddress(path))
}
/** The way back leads to the page that is open. */
export const signInAddress = (path: string) => `${path}?to=${encodeURIComponent(location.hash.slice(1) || '/runs')}`

export function signOut(path: string): void {
  forgetToken()
  sessionStorage.removeItem(LEFT)
  location.assign(path)
}

const nameOf = (path: string) => decodeURIComponent(path.replace(/^(data|api)\//, '').replace(/\?.*/, ''))

const json = async <T>(path: string, init?: RequestInit): Promise<T> => (await ask(path, init)).json()

/** An object of the bucket. Relative, so that the pages may lie below any path. */
export const dataPath = (key: string) => `data/${key.split('/').map(encodeURIComponent).join('/')}`
export const askData = (key: string, init?: RequestInit) => ask(dataPath(key), init)

/** Of what never changes under its name. */
const kept = new Map<string, Promise<unknown>>()
const MOST_KEPT = 400

/** JSON of the bucket in one of our schemas. `keep`: it never changes under its key. */
export function readData<T>(key: string, { keep = false, signal }: { keep?: boolean; signal?: AbortSignal } = {}): Promise<T> {
  const found = kept.get(key)
  if (found) return found as Promise<T>
  const read = json<T>(dataPath(key), { ...(signal && { signal }), cache: keep ? 'default' : 'no-cache' }).then(value => {
    const version: unknown = Reflect.get(Object(value), 'schemaVersion')
    if (isReadable(version)) return value
    throw faultError({
      status: 500,
      message: `${key} is of version ${String(version)}, which these pages do not read.`,
      hint: 'Use the version of Tidemill that is deployed.',
    })
  })
  if (keep) {
    if (kept.size >= MOST_KEPT) kept.delete([...kept.keys()][0] ?? '')
    kept.set(key, read)
    read.catch(() => kept.delete(key))
  }
  return read
}

export const readMe = () => json<Me>('api/me')
export const readOpen = (signal: AbortSignal) => json<OpenRuns>('api/open', { signal })
export const readRun = (id: string, signal?: AbortSignal) =>
  json<RunAnswer>(`api/runs/${encodeURIComponent(id)}`, signal ? { signal } : {})
export const readProgress = (id: string, attempt: number, after: number, signal: AbortSignal) =>
  json<RunProgress>(`api/progress/${encodeURIComponent(id)}/${attempt}?after=${after}`, { signal })
export const readNode = (project: string, environment: string, uniqueId: string, days: number, signal: AbortSignal) =>
  json<NodeHistory>(
    `api/nodes/${[project, environment].map(encodeURIComponent).join('/')}?id=${encodeURIComponent(uniqueId)}&days=${days}`,
    { signal },
  )
export const readWeek = (from: Date, until: Date, signal: AbortSignal) =>
  json<Week>(`api/week?from=${from.toISOString()}&until=${until.toISOString()}`, { signal })
export const readNext = (signal: AbortSignal) => json<NextFirings>('api/next', { signal })
export const readJob = (project: string, job: string, signal: AbortSignal) =>
  json<JobAnswer>(`api/jobs/${[project, job].map(encodeURIComponent).join('/')}`, { signal })
export const readMonth = (month: string, signal: AbortSignal) => json<MonthAnswer>(`api/cost?month=${month}`, { signal })
export const readSources = (signal: AbortSignal) => json<SourceHistory>('api/sources', { signal })
export const listParts = async (id: string, attempt: number, after: number, signal?: AbortSignal) =>
  (await json<PartList>(`api/parts/${encodeURIComponent(id)}/${attempt}?after=${after}`, signal ? { signal } : {})).keys

export async function act(request: ApiRequest): Promise<ApiResponse> {
  const body = JSON.stringify(request)
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(body))
  // CloudFront signs the request to the function, and leaves the hash of its body to who has the body.
  const sha256 = [...new Uint8Array(hash)].map(byte => byte.toString(16).padStart(2, '0')).join('')
  const headers = { 'content-type': 'application/json', 'x-amz-content-sha256': sha256 }
  return json<ApiResponse>('api/actions', { method: 'POST', headers, body })
}

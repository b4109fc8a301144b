/**
 * The pages for one viewer on this machine (shared/page-api.ts). Whoever may speak to the loopback interface is not yet allowed to
 * read or act: only the page that was opened with this start's token is.
 */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { UserError } from '../shared/errors.ts'
import type { PageAnswers, Viewer } from '../shared/page-answers.ts'
import { isPageKey, type PageError, TOKEN_HEADER } from '../shared/page-api.ts'
import { DATA_HEADERS } from '../shared/page-headers.ts'
import { cacheOfData, typeOfData } from '../shared/page-objects.ts'
import { kindOfAwsError } from './aws-errors.ts'
import type { Connection } from './connection.ts'
import { type Listening, type LoopbackServer, listen } from './loopback.ts'
import { sendObject } from './send-object.ts'
import { type PageFiles, sendPageFile } from './ui-files.ts'

export interface UiServerProps {
  files: PageFiles
  bucket: Connection['bucket']
  answers: PageAnswers
  viewer: Viewer
  /** Random, of this start. */
  token: string
  /** An error that is a fault of the program, for the terminal. */
  report(error: unknown): void
}

export const serveUi = (props: UiServerProps, port: Omit<Listening, 'host'>): Promise<LoopbackServer> =>
  listen({ host: '127.0.0.1', ...port }, async (request, response, origin) => {
    try {
      await answer(props, request, response, origin)
    } catch (error) {
      if (response.headersSent) throw error
      sendError(response, readError(error, props.report))
    }
  })

async function answer(props: UiServerProps, request: IncomingMessage, response: ServerResponse, origin: string) {
  const url = new URL(origin + request.url)
  const isData = url.pathname.startsWith('/data/')
  if (!isData && !url.pathname.startsWith('/api/')) return sendFile(props.files, url.pathname, request, response)
  const refusal = refuse(request, origin, props.token)
  if (refusal) return sendError(response, refusal)
  if (isData) return sendData(props, decodeKey(url.pathname.slice('/data/'.length)), request, response)
  const asked = { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, body: () => readBody(request) }
  const found = await props.answers.answer(asked, props.viewer)
  if ('status' in found) return sendError(response, found)
  sendJson(response, 200, found.value)
}

function sendFile(files: PageFiles, path: string, request: IncomingMessage, response: ServerResponse) {
  const file = files.get(path)
  if (!file) return sendError(response, { status: 404, message: `There is no page ${path.slice(0, 200)}.` })
  if (!reads(request)) return sendError(response, NOT_READ)
  sendPageFile(file, request, response)
}

async function sendData({ bucket }: UiServerProps, key: string, request: IncomingMessage, response: ServerResponse) {
  if (!reads(request)) return sendError(response, NOT_READ)
  // What has no page's prefix is answered as what does not exist.
  const headers = { ...DATA_HEADERS, 'content-type': typeOfData(key), 'cache-control': cacheOfData(key) }
  if (isPageKey(key) && (await sendObject(bucket, key, request, response, headers))) return
  sendError(response, { status: 404, message: `There is no ${key.slice(0, 300)}.` })
}

const NOT_READ: PageError = { status: 405, message: 'This is only read.' }
const reads = ({ method }: IncomingMessage) => method === 'GET' || method === 'HEAD'

/** Undefined: the page itself asks. */
export function refuse({ method, headers }: IncomingMessage, origin: string, token: string): PageError | undefined {
  const site = headers['sec-fetch-site']
  // Browsers name the origin of every request that may change something, and of every one from elsewhere.
  const foreign = headers.origin !== undefined && headers.origin !== origin
  if (foreign || (site !== undefined && site !== 'same-origin') || (method === 'POST' && headers.origin === undefined))
    return { status: 403, message: 'The request comes from another page.' }
  const given = headers[TOKEN_HEADER]
  if (typeof given === 'string' && isSame(given, token)) return undefined
  return {
    status: 401,
    message: 'This page was not opened by the program that serves it, or that has been started anew.',
    hint: 'Open the address that `tidemill ui` printed.',
  }
}

const isSame = (given: string, token: string) =>
  Buffer.byteLength(given) === Buffer.byteLength(token) && timingSafeEqual(Buffer.from(given), Buffer.from(token))

function decodeKey(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return ''
  }
}

/** Bytes; the api function takes no more either. */
const MAX_BODY = 32 * 1024

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += (chunk as Buffer).length
    if (bytes > MAX_BODY) throw new UserError(`The request is larger than ${MAX_BODY / 1024} KB.`)
    chunks.push(chunk as Buffer)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function readError(error: unknown, report: (error: unknown) => void): PageError {
  if (error instanceof UserError) {
    const kind = kindOfAwsError(error.cause)
    const status = kind === 'credentials' ? 401 : kind === 'denied' ? 403 : error.exitCode === 3 ? 502 : 400
    return { status, message: error.message, ...(error.hint !== undefined && { hint: error.hint }) }
  }
  report(error)
  return { status: 500, message: 'This is a fault in Tidemill itself.', hint: 'The terminal of `tidemill ui` shows more.' }
}

const sendError = (response: ServerResponse, error: PageError) => sendJson(response, error.status, error)

function sendJson(response: ServerResponse, status: number, value: unknown) {
  const body = Buffer.from(JSON.stringify(value))
  const headers = { 'content-type': 'application/json', 'content-length': body.length, 'cache-control': 'no-store' }
  response.writeHead(status, { ...DATA_HEADERS, ...headers }).end(body)
}

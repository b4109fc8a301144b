/** A server for the pages after shared/page-api.ts, over objects in memory: only what a test puts there exists. */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { type PageFiles, readPageFiles, sendPageFile } from '../../cli/ui-files.ts'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { PK } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { makePageAnswers } from '../../shared/page-answers.ts'
import { isPageKey, type Me, PARTS_PER_ANSWER, type PageError, type Pause, TOKEN_HEADER } from '../../shared/page-api.ts'
import { accepts, packedFor } from '../../shared/page-objects.ts'
import type { RunRecord } from '../../shared/run.ts'
import { itemOfRun } from '../../shared/run-item.ts'
import { pieceOf } from '../fakes/objects.ts'

export const SITE = join(import.meta.dirname, '../../dist/site')
export const TOKEN = 'made-token'

export interface Backend {
  me: Me
  object(key: string): Buffer | string | undefined
  /** Sorted. */
  keys(prefix: string): string[]
  record(id: string): RunRecord | undefined
  open(): RunRecord[]
  paused(): Pause[]
  /** Keys of the parts of an attempt. */
  parts(id: string, attempt: number): string[]
  act(request: ApiRequest): ApiResponse
  /** What is answered in its place; `wait`: nothing, ever. Undefined: the answer. */
  instead(path: string): PageError | 'wait' | undefined
}

export interface PageServer {
  /** With the token: `address('/runs')`. */
  address(route: string): string
  origin: string
  /** Requests so far, and the bytes that went out for them, headers left out. */
  asked: { path: string; bytes: number }[]
  close(): Promise<void>
}

export async function servePages(backend: Backend): Promise<PageServer> {
  const asked: PageServer['asked'] = []
  const files = readPageFiles(SITE)
  const server = createServer((request, response) => {
    answer(backend, files, request, response)
      .then(bytes => asked.push({ path: request.url ?? '', bytes }))
      .catch(error => response.destroy(error))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const origin = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}`
  return {
    origin,
    asked,
    address: route => `${origin}/#${route}${route.includes('?') ? '&' : '?'}token=${TOKEN}`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Bytes of the body. */
async function answer(backend: Backend, files: PageFiles, request: IncomingMessage, response: ServerResponse): Promise<number> {
  const url = new URL(request.url ?? '/', 'http://localhost')
  const accepted = request.headers['accept-encoding']?.toString()
  const send = (status: number, type: string, body: Buffer | string, range?: string) => {
    const zip = !range && accepts(accepted, 'gzip') && body.length > 200 && !/gzip|octet/.test(type)
    const bytes = zip ? gzipSync(body) : Buffer.from(body)
    response.writeHead(status, {
      'content-type': type,
      'content-length': bytes.length,
      'cache-control': 'no-cache',
      ...(zip && { 'content-encoding': 'gzip' }),
      ...(range && { 'content-range': range }),
    })
    response.end(bytes)
    return bytes.length
  }
  const refuse = (status: number, message: string) => send(status, 'application/json', JSON.stringify({ status, message }))
  const path = decodeURIComponent(url.pathname)
  if (!path.startsWith('/data/') && !path.startsWith('/api/')) {
    const file = files.get(path)
    if (!file) return refuse(404, 'no file')
    sendPageFile(file, request, response)
    return packedFor(accepted, file).body.length
  }
  if (request.headers[TOKEN_HEADER] !== TOKEN) return refuse(401, 'No valid token.')
  const instead = backend.instead(path)
  if (instead === 'wait') return 0
  if (instead) return send(instead.status, 'application/json', JSON.stringify(instead))
  if (path.startsWith('/data/')) {
    const key = path.slice('/data/'.length)
    const object = isPageKey(key) ? backend.object(key) : undefined
    if (object === undefined) return refuse(404, `There is no object ${key}.`)
    const bytes = Buffer.from(object)
    const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    if (from !== undefined && to !== undefined) {
      const start = from ? Number(from) : Math.max(0, bytes.length - Number(to))
      const end = from && to ? Math.min(Number(to), bytes.length - 1) : bytes.length - 1
      return send(206, 'application/octet-stream', bytes.subarray(start, end + 1), `bytes ${start}-${end}/${bytes.length}`)
    }
    return send(200, key.endsWith('.gz') || key.endsWith('.parquet') ? 'application/octet-stream' : 'application/json', bytes)
  }
  const json = (value: unknown) => send(200, 'application/json', JSON.stringify(value))
  const [, , what, id = '', attempt] = path.split('/')
  if (what === 'me') return json(backend.me)
  if (what === 'open') return json({ at: new Date().toISOString(), runs: backend.open(), paused: backend.paused() })
  if (what === 'parts') {
    const after = Number(url.searchParams.get('after') ?? 0)
    const numberOf = (key: string) => Number(/(\d+)\.ndjson\.gz$/.exec(key)?.[1] ?? Number.POSITIVE_INFINITY)
    return json({
      keys: backend
        .parts(id, Number(attempt))
        .filter(key => numberOf(key) > after)
        .slice(0, PARTS_PER_ANSWER),
    })
  }
  if (what === 'actions' && request.method === 'POST') return json(backend.act(JSON.parse(await text(request)) as ApiRequest))
  const asked = { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams, body: async () => '' }
  const found = await answersOver(backend)
    .answer(asked, { ...backend.me, act: fails })
    .catch((error: unknown): PageError => {
      if (error instanceof UserError) return { status: 400, message: error.message }
      throw error
    })
  return 'status' in found ? refuse(found.status, found.message) : json(found.value)
}

const fails = async () => {
  throw new Error('not expected')
}

/** Questions are answered as in earnest. */
function answersOver(backend: Backend) {
  const open = backend.open().map(itemOfRun)
  return makePageAnswers(
    {
      item: async pk => {
        const run = backend.record(pk.slice(PK.run('').length))
        return run && itemOfRun(run)
      },
      items: async pks => open.filter(item => pks.includes(String(item.pk))),
      open: async partition =>
        open.filter(item => item.openKey === partition).map(({ pk, openSort }) => ({ pk: String(pk), sort: String(openSort) })),
      keys: async (prefix, after, limit) =>
        backend
          .keys(prefix)
          .filter(key => key > after)
          .slice(0, limit),
      async bytes(key, part) {
        const object = backend.object(key)
        return object === undefined ? undefined : pieceOf(Buffer.from(object), part)
      },
      configKey: async () => backend.me.config,
      config: async key => JSON.parse(String(backend.object(key))),
      deployments: async () => [],
    },
    () => new Date(),
  )
}

/**
 * dbt's docs on an origin of their own: `/<project>/<environment>/<run>/…`. The pages are a stranger's (whoever writes the dbt
 * project writes them), so they get nothing but their own objects: there is no token here and nothing that acts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'
import { KEY, RUN_ID_PATTERN } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { DOCS_HEADERS } from '../shared/page-headers.ts'
import type { Connection } from './connection.ts'
import { type Listening, type LoopbackServer, listen } from './loopback.ts'
import { readPointer } from './pointer.ts'
import { sendObject } from './send-object.ts'

/** By the name: what a task said of an object's type is not relied on. */
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/vnd.microsoft.icon',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
  '.parquet': 'application/vnd.apache.parquet',
}

/** Path of the docs of an environment; without a run the current ones. */
export const docsPath = (project: string, environment: string, run = 'current') => `/${project}/${environment}/${run}/`

export const serveDocs = (connection: Pick<Connection, 'bucket'>, port: Omit<Listening, 'host'>): Promise<LoopbackServer> =>
  listen({ host: 'localhost', ...port }, (request, response) => answer(connection, request, response))

async function answer({ bucket }: Pick<Connection, 'bucket'>, request: IncomingMessage, response: ServerResponse) {
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Docs are only read.')
  const place = parsePath(request.url ?? '/')
  if (!place) return refuse(response, 404, 'Docs have addresses of the form /<project>/<environment>/current/.')
  const { project, environment, run, file } = place
  try {
    if (run === 'current' || file.length === 0) {
      // The page asks for the rest by relative addresses: from here on all of it comes from one run.
      const named = run === 'current' ? (await readPointer(bucket, KEY.docsPointer(project, environment)))?.run : run
      if (!named) return refuse(response, 404, `There are no docs of ${project}/${environment} yet.`, NO_DOCS_YET)
      const to = `${docsPath(project, environment, named)}${file.map(encodeURIComponent).join('/')}`
      response.writeHead(302, { ...DOCS_HEADERS, location: to, 'cache-control': 'no-store' }).end()
      return
    }
    const name = file.join('/') || 'index.html'
    const headers = {
      ...DOCS_HEADERS,
      'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
      'cache-control': file[0] === 'assets' ? IMMUTABLE : CHECKED,
    }
    if (await sendObject(bucket, KEY.docs(project, environment, run) + name, request, response, headers)) return
    refuse(response, 404, `The docs of run ${run} in ${project}/${environment} have no ${name}.`, GONE)
  } catch (error) {
    if (response.headersSent) throw error
    const known = error instanceof UserError
    refuse(response, 502, known ? error.message : 'The bucket did not answer.', known ? error.hint : undefined)
  }
}

/** The application of dbt 2.x has the hash of its content in its names. */
const IMMUTABLE = 'private, max-age=31536000, immutable'
/** A run that goes on after its end writes its docs again: the ETag says in one small answer whether it has. */
const CHECKED = 'private, no-cache'
const NO_DOCS_YET = 'They come with the first run of a job that has "docs: true".'
const GONE = 'Docs older than what the environment retains have been removed; the current ones are at …/current/.'

interface Place {
  project: string
  environment: string
  run: string
  file: string[]
}

/** Undefined for what can be no key of docs: empty or hidden parts, `..` in any writing. */
export function parsePath(url: string): Place | undefined {
  try {
    const path = decodeURIComponent(/^[^?#]*/.exec(url)?.[0] ?? '')
    const [, project = '', environment = '', run = 'current', ...file] = path.split('/')
    const parts = [project, environment, ...file.slice(0, -1)]
    const last = file.at(-1) ?? ''
    const plain = parts.every(part => isPlain(part)) && (last === '' || isPlain(last))
    if (!plain || (run !== 'current' && !RUN_ID_PATTERN.test(run) && run !== '')) return undefined
    return { project, environment, run: run === '' ? 'current' : run, file }
  } catch {
    return undefined
  }
}
const isPlain = (part: string) => /^[\w@-][\w.@-]*$/.test(part)

function refuse(response: ServerResponse, status: number, message: string, hint?: string) {
  const lines = [message, ...(hint ? [hint] : [])].map(line => `<p>${escapeHtml(line)}</p>`).join('\n')
  response.writeHead(status, { ...DOCS_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  response.end(`<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Tidemill</title>\n${lines}\n</html>\n`)
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, each => `&#${each.charCodeAt(0)};`)

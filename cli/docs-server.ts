/**
 * dbt's docs on an origin of their own: `/<project>/<environment>/<run>/…`. The pages are a stranger's (whoever writes the dbt
 * project writes them), so they get nothing but their own objects: there is no token here and nothing that acts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { KEY } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { DOCS_HEADERS } from '../shared/page-headers.ts'
import { cacheOfDocs, DOCS_GONE, docsNotice, docsPath, NO_DOCS_YET, parseDocsPath, typeOfFile } from '../shared/page-objects.ts'
import type { Connection } from './connection.ts'
import { type Listening, type LoopbackServer, listen } from './loopback.ts'
import { readPointer } from './pointer.ts'
import { sendObject } from './send-object.ts'

export const serveDocs = (connection: Pick<Connection, 'bucket'>, port: Omit<Listening, 'host'>): Promise<LoopbackServer> =>
  listen({ host: 'localhost', ...port }, (request, response) => answer(connection, request, response))

async function answer({ bucket }: Pick<Connection, 'bucket'>, request: IncomingMessage, response: ServerResponse) {
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(response, 405, 'Docs are only read.')
  const place = parseDocsPath(/^[^?#]*/.exec(request.url ?? '')?.[0] ?? '')
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
      'content-type': typeOfFile(name),
      'cache-control': cacheOfDocs(place),
    }
    if (await sendObject(bucket, KEY.docs(project, environment, run) + name, request, response, headers)) return
    refuse(response, 404, `The docs of run ${run} in ${project}/${environment} have no ${name}.`, DOCS_GONE)
  } catch (error) {
    if (response.headersSent) throw error
    const known = error instanceof UserError
    refuse(response, 502, known ? error.message : 'The bucket did not answer.', known ? error.hint : undefined)
  }
}

function refuse(response: ServerResponse, status: number, message: string, hint?: string) {
  response.writeHead(status, { ...DOCS_HEADERS, 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  response.end(docsNotice(message, hint))
}

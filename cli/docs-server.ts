/**
 * dbt's docs on an origin of their own (shared/docs-site.ts). The pages are a stranger's (whoever writes the dbt project writes
 * them), so they get nothing but their own objects: there is no token here and nothing that acts.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type DocsNotice, docsNotice, findDocs, NOTICE_HEADERS } from '../shared/docs-site.ts'
import { UserError } from '../shared/errors.ts'
import type { Connection } from './connection.ts'
import { type Listening, type LoopbackServer, listen } from './loopback.ts'
import { readPointer } from './pointer.ts'
import { sendObject } from './send-object.ts'

export const serveDocs = (connection: Pick<Connection, 'bucket'>, port: Omit<Listening, 'host'>): Promise<LoopbackServer> =>
  listen({ host: 'localhost', ...port }, (request, response, origin) => answer(connection, request, response, origin))

async function answer(
  { bucket }: Pick<Connection, 'bucket'>,
  request: IncomingMessage,
  response: ServerResponse,
  origin: string,
) {
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return refuse(response, { status: 405, message: 'Docs are only read.' })
  try {
    const path = /^[^?#]*/.exec(request.url ?? '')?.[0] ?? ''
    const found = await findDocs(path, origin, key => readPointer(bucket, key))
    if ('to' in found) response.writeHead(302, { ...NOTICE_HEADERS, location: found.to }).end()
    else if (!('key' in found)) refuse(response, found)
    else if (!(await sendObject(bucket, found.key, request, response, found.headers))) refuse(response, found.missing)
  } catch (error) {
    if (response.headersSent) throw error
    const known = error instanceof UserError
    refuse(response, {
      status: 502,
      message: known ? error.message : 'The bucket did not answer.',
      ...(known && error.hint && { hint: error.hint }),
    })
  }
}

function refuse(response: ServerResponse, notice: DocsNotice) {
  response.writeHead(notice.status, NOTICE_HEADERS).end(docsNotice(notice))
}

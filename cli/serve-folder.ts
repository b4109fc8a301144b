/** Files of one folder over HTTP on loopback. The pages are a stranger's (dbt docs of a project), so they get as little as they need. */
import { createReadStream, realpathSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.json': 'application/json',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
}

/** dbt's page is one file with its scripts inside, and compiles templates while it runs. It may speak to nobody but this server. */
const POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'"

export interface FolderServer {
  url: string
  close(): Promise<void>
}

/** Port 0: any free one. */
export async function serveFolder(folder: string, port: number): Promise<FolderServer> {
  const root = realpathSync(folder)
  const server = createServer((request, response) => answer(root, server.address(), request, response))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE' || error.code === 'EACCES'
          ? new UserError(`Port ${port} on 127.0.0.1 is ${error.code === 'EACCES' ? 'not allowed' : 'taken'}.`, {
              hint: 'Name another one (--port NUMBER), or none for any free port.',
              exitCode: EXIT.infrastructure,
            })
          : error,
      ),
    )
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${portOf(server.address())}/`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const portOf = (address: ReturnType<ReturnType<typeof createServer>['address']>) =>
  typeof address === 'object' && address !== null ? address.port : 0

function answer(root: string, address: Parameters<typeof portOf>[0], request: IncomingMessage, response: ServerResponse) {
  const refuse = (status: number) => response.writeHead(status, { 'content-type': 'text/plain' }).end(`${status}\n`)
  // A page elsewhere that points its own name at 127.0.0.1 sends its own name here.
  const hosts = [`127.0.0.1:${portOf(address)}`, `localhost:${portOf(address)}`]
  if (!hosts.includes(request.headers.host ?? '')) return refuse(403)
  if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(405)
  const file = findFile(root, request.url ?? '/')
  if (file === undefined) return refuse(404)
  response.writeHead(200, {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  })
  if (request.method === 'HEAD') return response.end()
  return createReadStream(file)
    .on('error', () => response.destroy())
    .pipe(response)
}

/** Undefined for what is not a file of the folder, also through a link. */
function findFile(root: string, url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url, 'http://localhost').pathname)
    const file = realpathSync(join(root, path.endsWith('/') ? `${path}index.html` : path))
    return file.startsWith(root + sep) && statSync(file).isFile() ? file : undefined
  } catch {
    return undefined
  }
}

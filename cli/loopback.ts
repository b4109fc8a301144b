/** A server on 127.0.0.1, for this machine's browser alone. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'

export interface LoopbackServer {
  /** Without a slash at the end. */
  origin: string
  close(): Promise<void>
}

export interface Listening {
  /** In the address: the one name that is answered to. Pages and docs have different ones, so that not even a cookie is shared. */
  host: '127.0.0.1' | 'localhost'
  /** Tried first; 0: any free one. */
  port: number
  /** Option that named the port; without it another one is taken where this is taken. */
  option?: string
}

/** Bytes. Cookies have no port: those of any other program on this machine come along, and must not be too much. */
const MAX_HEADERS = 1024 * 1024

/** Answers a request that came to the server's own name. */
export type Answer = (request: IncomingMessage, response: ServerResponse, origin: string) => Promise<void>

export async function listen({ host, port, option }: Listening, answer: Answer): Promise<LoopbackServer> {
  let origin = ''
  const server = createServer({ maxHeaderSize: MAX_HEADERS }, (request, response) => {
    // A page elsewhere that points its own name at 127.0.0.1 sends its own name here.
    if (`http://${request.headers.host}` !== origin) return refuseHost(response, origin)
    answer(request, response, origin).catch(() => response.destroy())
  })
  const listening = (wanted: number) =>
    new Promise<NodeJS.ErrnoException | undefined>(resolve => {
      server.once('error', resolve)
      server.listen(wanted, '127.0.0.1', () => {
        server.off('error', resolve)
        resolve(undefined)
      })
    })
  let error = await listening(port)
  if (error && option === undefined && port !== 0) error = await listening(0)
  if (error) throw explain(error, port, option)
  const address = server.address()
  origin = `http://${host}:${typeof address === 'object' && address ? address.port : port}`
  return {
    origin,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** The answer holds nothing that is worth stealing. */
function refuseHost(response: ServerResponse, origin: string) {
  response.writeHead(403, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' })
  response.end(`This server answers to one name only: ${origin}\n`)
}

function explain(error: NodeJS.ErrnoException, port: number, option = '--port') {
  if (error.code !== 'EADDRINUSE' && error.code !== 'EACCES') return error
  return new UserError(`Port ${port} on 127.0.0.1 is ${error.code === 'EACCES' ? 'not allowed' : 'taken'}.`, {
    hint: `Name another one (${option} NUMBER), or none for any free port.`,
    exitCode: EXIT.infrastructure,
  })
}

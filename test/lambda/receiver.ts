/** A receiver on loopback that answers by script, and what it received. */
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Received {
  method: string | undefined
  path: string | undefined
  headers: IncomingHttpHeaders
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape
  json: any
}

const servers: Server[] = []
export function closeReceivers(): void {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
}

/** Answers in turn, the last one for ever. */
export async function receiver(...answers: RequestListener[]) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', chunk => {
      text += chunk
    })
    request.on('end', () => {
      received.push({ method: request.method, path: request.url, headers: request.headers, text, json: JSON.parse(text) })
      const answer = answers[received.length - 1] ?? answers.at(-1)
      answer?.(request, response)
    })
  })
  servers.push(server)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { received, url: new URL(`http://127.0.0.1:${port}/services/not-for-logs`) }
}

export const answer =
  (status: number, body: string | object = '', headers: Record<string, string> = {}): RequestListener =>
  (_, response) =>
    response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body))

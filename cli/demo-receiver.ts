/** Plays the other end of an incoming webhook, on loopback: keeps what it is sent. */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'

export interface Receiver {
  /** Address of the hook; nobody else can guess it. */
  url: string
  /** Bodies received so far, in order. */
  messages: string[]
  close(): Promise<void>
}

const BODY_BYTES = 256 * 1024

export async function startReceiver(): Promise<Receiver> {
  const path = `/hook/${randomUUID()}`
  const messages: string[] = []
  const server = createServer(async (request, response) => {
    if (request.method !== 'POST' || request.url !== path) return response.writeHead(404).end()
    messages.push(await readBody(request))
    return response.writeHead(200, { 'content-type': 'text/plain' }).end('ok')
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `http://127.0.0.1:${port}${path}`,
    messages,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    if (bytes < BODY_BYTES) chunks.push(chunk)
    bytes += chunk.length
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, BODY_BYTES)
}

/** What a person would read of a message in Slack's form; other text as it is. */
export function messageText(body: string): string {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return body
  }
  const texts: string[] = []
  collectTexts(Reflect.get(Object(value), 'blocks'), texts)
  const fallback: unknown = Reflect.get(Object(value), 'text')
  if (texts.length === 0 && typeof fallback === 'string') texts.push(fallback)
  return texts.join('\n').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

function collectTexts(value: unknown, into: string[]) {
  if (Array.isArray(value)) for (const item of value) collectTexts(item, into)
  else if (typeof value === 'object' && value !== null)
    for (const [key, item] of Object.entries(value)) {
      if (key === 'text' && typeof item === 'string') into.push(item)
      else collectTexts(item, into)
    }
}

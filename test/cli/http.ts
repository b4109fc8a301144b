/** Requests as no browser would send them: with any path, host and header. */
import { request } from 'node:http'

export interface Got {
  status: number
  headers: Record<string, string>
  body: Buffer
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape
  json: any
}

export function get(
  origin: string,
  path: string,
  { method = 'GET', body = '', ...headers }: Record<string, string> = {},
): Promise<Got> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const address = {
      host: '127.0.0.1',
      port,
      path,
      method,
      headers: { host: `${hostname}:${port}`, ...headers },
      timeout: 20_000,
    }
    const call = request(address, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => void chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString('utf8')
        const isJson =
          /json/.test(response.headers['content-type'] ?? '') &&
          response.statusCode !== 206 &&
          bytes.length < 1_000_000 &&
          !response.headers['content-encoding'] &&
          text
        const sent = Object.entries(response.headers).map(([name, value]) => [name, String(value)])
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(sent),
          body: bytes,
          text,
          json: isJson ? parse(text) : undefined,
        })
      })
    })
    call.on('timeout', () => call.destroy(new Error(`no answer to ${path}`)))
    call.on('error', reject)
    call.end(body)
  })
}

/** What was cut short has no JSON: the test sees status and bytes. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

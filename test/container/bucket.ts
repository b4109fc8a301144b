/** An object store in memory that speaks as much of the S3 protocol as the runner uses, and can be told to fail. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'

export interface StoredObject {
  body: Buffer
  contentType: string | undefined
  contentEncoding: string | undefined
}

export interface Bucket {
  endpoint: string
  objects: Map<string, StoredObject>
  put(key: string, text: string): void
  /** Text of an object, unpacked; fails if it is not there. */
  text(key: string): string
  keys(prefix: string): string[]
  /** Requests for which it gives true are refused with 503. Counts how often. */
  refuse(when: (method: string, key: string) => boolean): void
  refused: number
  /** Requests for which it gives true are never answered. */
  hang(when: (method: string, key: string) => boolean): void
  close(): void
}

export async function startBucket(): Promise<Bucket> {
  const objects = new Map<string, StoredObject>()
  let refuses: (method: string, key: string) => boolean = () => false
  let hangs: typeof refuses = () => false
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const key = decodeURIComponent(new URL(request.url ?? '/', 'http://bucket').pathname.split('/').slice(2).join('/'))
      const { method = '' } = request
      if (hangs(method, key)) return
      if (refuses(method, key)) {
        bucket.refused++
        response.writeHead(503).end()
        return
      }
      const found = objects.get(key)
      if (method === 'PUT') {
        const { 'content-type': contentType, 'content-encoding': contentEncoding } = request.headers
        if (contentEncoding?.includes('aws-chunked')) throw new Error('chunked uploads are not expected')
        objects.set(key, { body: Buffer.concat(chunks), contentType, contentEncoding })
        response.writeHead(200, { etag: '"1"' }).end()
      } else if (method === 'GET' && found) response.writeHead(200).end(found.body)
      else response.writeHead(404).end()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const bucket: Bucket = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    objects,
    put: (key, text) => void objects.set(key, { body: Buffer.from(text), contentType: undefined, contentEncoding: undefined }),
    text(key) {
      const found = objects.get(key)
      if (!found) throw new Error(`no object ${key}; there are:\n${[...objects.keys()].join('\n')}`)
      return (found.body[0] === 0x1f ? gunzipSync(found.body) : found.body).toString('utf8')
    },
    keys: prefix => [...objects.keys()].filter(key => key.startsWith(prefix)).sort(),
    refuse(when) {
      refuses = when
    },
    refused: 0,
    hang(when) {
      hangs = when
    },
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
  return bucket
}

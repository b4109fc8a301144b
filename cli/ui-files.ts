/** The application of the pages, as built: a few small files, read once and kept compressed. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { UserError } from '../shared/errors.ts'
import { PAGE_HEADERS } from '../shared/page-headers.ts'
import { type PackedFile, packedFor, typeOfFile } from '../shared/page-objects.ts'
import { EXIT } from '../shared/reasons.ts'

/** As esbuild names them: `app-F7YWNGIF.js`. */
const NAMED_BY_CONTENT = /-[A-Z0-9]{8}\.\w+$/

interface PageFile extends PackedFile {
  type: string
  cache: string
  etag: string
}
/** By path, `/app.js`; `/` is index.html. */
export type PageFiles = Map<string, PageFile>

export function readPageFiles(folder: string): PageFiles {
  if (!existsSync(join(folder, 'index.html')))
    throw new UserError(`The built pages are missing in ${folder}.`, {
      hint: 'Build them: npm run build',
      exitCode: EXIT.infrastructure,
    })
  const files: PageFiles = new Map()
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.br')) continue
    const type = typeOfFile(entry.name)
    const plain = readFileSync(join(folder, entry.name))
    const etag = `"${createHash('sha256').update(plain).digest('hex').slice(0, 32)}"`
    const cache = NAMED_BY_CONTENT.test(entry.name) ? 'private, max-age=31536000, immutable' : 'no-cache'
    const path = `/${entry.name === 'index.html' ? '' : entry.name}`
    files.set(path, {
      type,
      cache,
      etag,
      plain,
      gzip: gzipSync(plain, { level: 9 }),
      br: readFileSync(join(folder, `${entry.name}.br`)),
    })
  }
  return files
}

export function sendPageFile(file: PageFile, request: IncomingMessage, response: ServerResponse): void {
  const { type, cache, etag } = file
  const headers = { ...PAGE_HEADERS, 'content-type': type, etag, vary: 'accept-encoding', 'cache-control': cache }
  if (request.headers['if-none-match'] === etag) return void response.writeHead(304, headers).end()
  const { body, encoding } = packedFor(request.headers['accept-encoding']?.toString(), file)
  response.writeHead(200, { ...headers, 'content-length': body.length, ...(encoding && { 'content-encoding': encoding }) })
  response.end(request.method === 'HEAD' ? undefined : body)
}

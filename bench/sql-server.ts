/**
 * A bucket over HTTP that adds 30 ms to every request: files of a folder in the words of S3, as far as the command line asks for
 * them, and the one call that says what the bucket is called. In a process of its own: `tsx bench/sql-server.ts FOLDER`.
 */
import { createReadStream, readdirSync, statSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { OUTPUT } from '../shared/resource-names.ts'

const DELAY_MS = 30
const BUCKET = 'history'
const folder = process.argv[2] ?? ''
let [requests, bytes] = [0, 0]

const server = createServer((request, response) => {
  if (request.url === '/count') {
    response.end(JSON.stringify({ requests, bytes }))
    ;[requests, bytes] = [0, 0]
    return
  }
  requests += 1
  setTimeout(() => answer(request, response), DELAY_MS)
})
// Longer than any pause of a client, so that no kept connection is cut under a request.
server.keepAliveTimeout = 60_000
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  console.log(typeof address === 'object' ? address?.port : undefined)
})
process.on('disconnect', () => process.exit())

function answer(request: IncomingMessage, response: ServerResponse) {
  const url = new URL(request.url ?? '/', 'http://localhost')
  if (request.method === 'POST') return send(response, describeStack())
  const key = decodeURIComponent(url.pathname).replace(`/${BUCKET}/`, '')
  if (url.searchParams.get('list-type') === '2') return send(response, listing(url.searchParams))
  object(key, request, response)
}

function object(key: string, { headers }: IncomingMessage, response: ServerResponse) {
  const path = join(folder, key)
  const found = statSync(path, { throwIfNoEntry: false })
  if (!found?.isFile()) {
    response.writeHead(404, { 'content-type': 'application/xml' })
    response.end('<Error><Code>NoSuchKey</Code><Message>There is no such object.</Message></Error>')
    return
  }
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? []
  const start = from === undefined ? 0 : from === '' ? Math.max(0, found.size - Number(to)) : Number(from)
  const end = from && to ? Math.min(Number(to), found.size - 1) : found.size - 1
  bytes += end - start + 1
  response.writeHead(from === undefined ? 200 : 206, {
    etag: tagOf(found),
    'content-length': end - start + 1,
    ...(from !== undefined && { 'content-range': `bytes ${start}-${end}/${found.size}` }),
  })
  createReadStream(path, { start, end }).pipe(response)
}

const tagOf = ({ size, mtimeMs }: { size: number; mtimeMs: number }) => `"${size}-${Math.trunc(mtimeMs)}"`

function listing(parameters: URLSearchParams): string {
  const prefix = parameters.get('prefix') ?? ''
  const after = parameters.get('continuation-token') ?? ''
  const names = readdirSync(join(folder, dirname(`${prefix}x`)))
    .map(name => `${dirname(`${prefix}x`)}/${name}`)
    .filter(key => key.startsWith(prefix) && key > after)
    .sort()
  const page = names.slice(0, 1000)
  const contents = page.map(key => {
    const found = statSync(join(folder, key))
    return `<Contents><Key>${key}</Key><Size>${found.size}</Size><ETag>${tagOf(found)}</ETag></Contents>`
  })
  const more = names.length > page.length
  const next = more ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : ''
  return `<ListBucketResult><IsTruncated>${more}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`
}

function describeStack(): string {
  const outputs = [
    [OUTPUT.bucket, BUCKET],
    [OUTPUT.table, 'none'],
  ].map(([key, value]) => `<member><OutputKey>${key}</OutputKey><OutputValue>${value}</OutputValue></member>`)
  const stack = `<member><StackName>bench</StackName><Outputs>${outputs.join('')}</Outputs></member>`
  return `<DescribeStacksResponse><DescribeStacksResult><Stacks>${stack}</Stacks></DescribeStacksResult></DescribeStacksResponse>`
}

function send(response: ServerResponse, xml: string) {
  response.writeHead(200, { 'content-type': 'application/xml' })
  response.end(xml)
}

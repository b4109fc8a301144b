/** A git host on loopback that gives a repository only to who has the token: git's own CGI program behind Basic authentication. */
import { execFileSync, spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface GitServer {
  url: string
  /** Of each request: its address, and whether it came with the right token, a wrong one or none. */
  requests: { url: string; token: 'right' | 'wrong' | 'none' }[]
  close(): void
}

/** Serves the bare repositories in `folder`. */
export async function startGitServer(folder: string, token: string): Promise<GitServer> {
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-http-backend')
  const requests: GitServer['requests'] = []
  const server = createServer((request, response) => {
    const given = tokenOf(request)
    requests.push({ url: request.url ?? '', token: given === undefined ? 'none' : given === token ? 'right' : 'wrong' })
    if (given === token) return serve(program, folder, request, response)
    response.writeHead(401, { 'www-authenticate': 'Basic realm="repositories"' }).end('Unauthorized')
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, requests, close: () => server.close() }
}

function tokenOf({ headers }: IncomingMessage): string | undefined {
  const [, encoded] = /^Basic (\S+)$/.exec(headers.authorization ?? '') ?? []
  return encoded && Buffer.from(encoded, 'base64').toString().split(':').slice(1).join(':')
}

function serve(program: string, folder: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '', 'http://git')
  const { headers } = request
  const child = spawn(program, [], {
    env: {
      PATH: process.env.PATH ?? '',
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      // Whoever runs the test may not own what another user's umask made.
      GIT_CONFIG_COUNT: '1',
      GIT_CONFIG_KEY_0: 'safe.directory',
      GIT_CONFIG_VALUE_0: '*',
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(headers['git-protocol'] ?? ''),
      REMOTE_USER: 'reader',
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  request.pipe(child.stdin)
  child.stdin.on('error', () => undefined)
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.once('close', () => {
    const answer = Buffer.concat(chunks)
    const end = answer.indexOf('\r\n\r\n')
    const lines = answer.subarray(0, end).toString().split('\r\n')
    const fields = Object.fromEntries(
      lines.map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
    )
    const { Status = '200', ...rest } = fields
    response.writeHead(Number.parseInt(Status, 10), rest).end(answer.subarray(end + 4))
  })
}

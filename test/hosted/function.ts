/** A built function in a process of its own, behind Lambda's runtime API. It answers one event at a time, as an instance does. */
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

export interface LambdaFunction {
  /** What the handler writes, while it comes. Fails with what the handler threw before it wrote anything. */
  invoke(event: unknown): Promise<IncomingMessage>
  /** Bytes of resident memory, the most there were so far. */
  peak(): number
  /** What it wrote to its log. */
  log(): string
  close(): void
}

interface Waiting {
  event: unknown
  resolve(answer: IncomingMessage): void
  reject(error: Error): void
}

export async function startFunction(bundle: string, env: Record<string, string>): Promise<LambdaFunction> {
  const queue: string[] = []
  const open = new Map<string, Waiting>()
  let idle: ServerResponse | undefined
  const give = () => {
    const id = idle && queue.shift()
    if (!idle || id === undefined) return
    idle.setHeader('lambda-runtime-aws-request-id', id).end(JSON.stringify(open.get(id)?.event))
    idle = undefined
  }
  const server = createServer((request, response) => {
    const [id = '', kind] = (request.url ?? '').split('/').slice(-2)
    if (kind === 'next') {
      idle = response
      give()
      return
    }
    request.once('end', () => response.writeHead(202).end())
    // Nobody reads on.
    request.once('close', () => request.readableEnded || response.destroy())
    const waiting = open.get(id)
    open.delete(id)
    if (kind === 'response' && waiting) return waiting.resolve(request)
    request.resume()
    waiting?.reject(new Error('the function failed'))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const child = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'runtime.ts')], {
    env: {
      PATH: process.env.PATH ?? '',
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      LAMBDA_TASK_ROOT: bundle,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const pipe of [child.stdout, child.stderr])
    pipe.on('data', chunk => {
      said += chunk
    })
  let ended: Error | undefined
  child.once('close', code => {
    ended = new Error(`the function ended (${code}): ${said}`)
    for (const { reject } of open.values()) reject(ended)
  })
  return {
    invoke: event =>
      new Promise((resolve, reject) => {
        if (ended) return reject(ended)
        const id = randomUUID()
        open.set(id, { event, resolve, reject })
        queue.push(id)
        give()
      }),
    peak: () => Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    log: () => said,
    close() {
      child.kill('SIGKILL')
      server.close()
      server.closeAllConnections()
    },
  }
}

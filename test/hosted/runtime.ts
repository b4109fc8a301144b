/**
 * Lambda's runtime for Node, in small: takes one event after the other from the runtime API, gives it to the function's handler, and
 * passes on what that returns or writes. As in Lambda, what a streaming handler writes into is no stream of Node's but an object
 * with the functions of one, and the head of an HTTP answer goes out with the first write: as JSON, with eight zero bytes behind it.
 */
import { once } from 'node:events'
import { type ClientRequest, get, type IncomingMessage, request } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const { AWS_LAMBDA_RUNTIME_API: api = '', LAMBDA_TASK_ROOT: root = '' } = process.env
const base = `http://${api}/2018-06-01/runtime/invocation`

type Write = (chunk: string | Uint8Array) => void
interface Sink {
  setContentType(type: string): void
  beforeFirstWrite?: (write: Write) => void
}
type Streaming = (event: unknown, sink: Sink) => Promise<void>
type Buffering = (event: unknown) => Promise<unknown>
const streaming = new WeakSet<Streaming>()

Object.assign(globalThis, {
  awslambda: {
    streamifyResponse(handler: Streaming) {
      streaming.add(handler)
      return handler
    },
    HttpResponseStream: {
      from(sink: Sink, head: object) {
        sink.setContentType('application/vnd.awslambda.http-integration-response')
        sink.beforeFirstWrite = write => {
          write(JSON.stringify(head))
          write(new Uint8Array(8))
        }
        return sink
      },
    },
  },
})

const PASSED = [
  ...['on', 'once', 'off', 'addListener', 'removeListener', 'prependListener', 'emit', 'listenerCount', 'listeners'],
  ...['end', 'destroy', 'cork', 'uncork'],
] as const
const TOLD = ['writable', 'destroyed', 'writableEnded', 'writableFinished', 'writableNeedDrain', 'writableLength'] as const

function sinkOf(post: ClientRequest): Sink {
  let begun = false
  const functions = Object.fromEntries(PASSED.map(name => [name, (Reflect.get(post, name) as () => unknown).bind(post)]))
  const sink = {
    ...functions,
    setContentType: (type: string) => void post.setHeader('content-type', type),
    write(chunk: string | Uint8Array, ...rest: []) {
      if (!begun) sink.beforeFirstWrite?.(part => void post.write(part))
      begun = true
      return post.write(chunk, ...rest)
    },
  } as Sink & Record<string, unknown>
  for (const name of TOLD) Object.defineProperty(sink, name, { get: () => post[name] })
  return sink
}

const post = (path: string, headers: Record<string, string>) => request(`${base}/${path}`, { method: 'POST', headers })

async function answer(id: string, event: unknown, handler: Streaming | Buffering): Promise<void> {
  if (!streaming.has(handler as Streaming)) {
    const result = post(`${id}/response`, { 'content-type': 'application/json' })
    result.end(JSON.stringify(await (handler as Buffering)(event)))
    await once(result, 'response')
    return
  }
  const result = post(`${id}/response`, { 'lambda-runtime-function-response-mode': 'streaming', 'transfer-encoding': 'chunked' })
  const taken = once(result, 'response').catch(() => undefined)
  await (handler as Streaming)(event, sinkOf(result))
  await taken
}

async function main(): Promise<never> {
  const { handler } = createRequire(import.meta.url)(join(root, 'index.js')) as { handler: Streaming | Buffering }
  for (;;) {
    const [next] = (await once(get(`${base}/next`), 'response')) as [IncomingMessage]
    const id = String(next.headers['lambda-runtime-aws-request-id'])
    const event: unknown = JSON.parse(await text(next))
    await answer(id, event, handler).catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
      post(`${id}/error`, {})
        .on('error', () => {})
        .end(String(error))
    })
  }
}

await main()

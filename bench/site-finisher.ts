/** Time and memory of the finisher when it records a run, as it is shipped, in a process of its own. */
import { execFile } from 'node:child_process'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { dayOfRun, KEY } from '../shared/contract.ts'
import { HISTORY_KEY, type RunNodes } from '../shared/history-index.ts'
import type { PartLine } from '../shared/plan.ts'
import { NO_NODES, type NodeStatus, type RunRecord } from '../shared/run.ts'
import { at, attemptOf, runId, runOf } from '../test/fakes/records.ts'
import { figureOf } from './figures.ts'
import type { Part, Values } from './rounds.ts'
import { bundleFunction, functionEnv } from './site-compactor-call.ts'
import { fill, type Installation, makeInstallation } from './site-store.ts'
import type { Bench } from './start.ts'

const NODES = 5000
/** Of a run of an hour. */
const PARTS = 700
const LINES_OF_PART = 30
/** Added to a request, as where the bucket is S3. */
const FAR_MS = 30

export const finisherPart = (rounds: number, history: number): Part => ({
  name: 'finisher',
  rounds,
  async start(bench) {
    const program = await bundleFunction(bench.folder, 'finisher')
    const installations = [await makeInstallation(bench.cloud, 'empty'), await makeInstallation(bench.cloud, 'full')] as const
    for (const each of installations) bench.atEnd(async () => each.close())
    const [empty, full] = installations
    await fill(bench.cloud, full, earlierRuns(history))
    for (const each of installations) await leaveParts(each)
    const lambda = await answerCalls(bench)
    const far = await delayed(bench)
    for (const each of installations) await record(bench, each, program, { lambda })
    return async () => {
      const values: Values = {}
      for (const [name, each, s3] of [
        ['empty', empty],
        ['full', full],
        ['far', full, far],
      ] as const) {
        const { seconds, megabytes } = await record(bench, each, program, { lambda, ...(s3 && { s3 }) })
        values[`${name}Seconds`] = seconds
        values[`${name}Megabytes`] = megabytes
      }
      return values
    }
  },
  figures: all => [
    ...figureOf(
      { name: `finisher records a run with ${NODES} nodes, empty history`, unit: 's', target: 3 },
      column(all, 'emptySeconds'),
    ),
    ...figureOf({ name: `the same, history of ${history} runs`, unit: 's', target: 3 }, column(all, 'fullSeconds')),
    ...figureOf(
      { name: `the same, ${FAR_MS} ms added to every request to the bucket`, unit: 's', target: 3 },
      column(all, 'farSeconds'),
    ),
    ...figureOf(
      { name: 'the one against the other', unit: '×', target: 1.1 },
      all.map(values => (values.fullSeconds ?? Number.NaN) / (values.emptySeconds ?? Number.NaN)),
    ),
    ...figureOf({ name: 'peak memory of the finisher, empty history', unit: 'MB', target: 512 }, column(all, 'emptyMegabytes')),
    ...figureOf({ name: `peak memory, history of ${history} runs`, unit: 'MB', target: 512 }, column(all, 'fullMegabytes')),
  ],
})

const column = (rounds: readonly Values[], key: string) => rounds.map(values => values[key] ?? Number.NaN)

/** Lambda's door: takes the call of the compactor. */
async function answerCalls(bench: Bench): Promise<string> {
  return listening(
    bench,
    createServer((incoming, response) => incoming.resume().on('end', () => response.writeHead(202).end())),
  )
}

/** The emulator, {@link FAR_MS} away. */
async function delayed(bench: Bench): Promise<string> {
  const { hostname, port } = new URL(bench.cloud.env.AWS_ENDPOINT_URL ?? '')
  const server = createServer((incoming, response) => {
    const { method, url, headers } = incoming
    const outgoing = request({ hostname, port, method, path: url, headers }, answer => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', error => response.destroy(error))
    setTimeout(() => incoming.pipe(outgoing), FAR_MS)
  })
  return listening(bench, server)
}

async function listening(bench: Bench, server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  bench.atEnd(async () => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** The handler is loaded before: a Lambda that is called for the end of a run has just been called for its start. */
const PROGRAM = `const { handler } = require(process.argv[1])
const began = performance.now()
handler({ effects: [process.argv[2]] }).then(() => {
  const seconds = (performance.now() - began) / 1000
  console.error('result ' + JSON.stringify({ seconds, megabytes: process.resourceUsage().maxRSS / 1024 }))
  process.exit()
})`

async function record(
  bench: Bench,
  to: Installation,
  program: string,
  { lambda, s3 }: { lambda: string; s3?: string },
): Promise<{ seconds: number; megabytes: number }> {
  await to.put({ ...ENDED, config: to.config.slice('config/'.length, -'.json'.length) })
  const env = { ...functionEnv(bench.cloud, to), AWS_ENDPOINT_URL_LAMBDA: lambda, ...(s3 && { AWS_ENDPOINT_URL_S3: s3 }) }
  const { stderr } = await promisify(execFile)(process.execPath, ['-e', PROGRAM, program, ENDED.id], { env, timeout: 60_000 })
  const object = await to.bucket.read(KEY.nodes(ENDED), 1e8)
  const { nodes } = JSON.parse(gunzipSync(object?.body ?? new Uint8Array()).toString()) as RunNodes
  const rows = await to.bucket.read(HISTORY_KEY.run('tests', dayOfRun(ENDED.id), ENDED.id), 1e8)
  if (nodes.length !== NODES || !rows?.body.length) throw new Error(`the history has ${nodes.length} of ${NODES} nodes`)
  return JSON.parse(/^result (.*)$/m.exec(stderr)?.[1] ?? '{}')
}

const ENDED: RunRecord = runOf(1, {
  status: 'error',
  reason: 'node_failures',
  startedAt: at(30),
  endedAt: at(3000),
  attempts: [attemptOf(1, { taskArn: 'arn:aws:ecs:eu-central-1:000000000000:task/t/1', startedAt: at(30), stoppedAt: at(3000) })],
  steps: [
    { index: 0, name: 'checkout', kind: 'checkout', command: 'git', status: 'success' },
    { index: 1, name: 'build', kind: 'dbt', command: 'dbt build', status: 'error', counts: { ...NO_NODES, success: NODES } },
  ],
  counts: { ...NO_NODES, success: NODES },
  effects: ['history'],
})

async function leaveParts({ bucket }: Installation): Promise<void> {
  const prefix = KEY.attempt(ENDED, 1)
  const each = Math.ceil(NODES / PARTS)
  for (let part = 1; part <= PARTS; part++) {
    const nodes = Array.from({ length: Math.min(each, NODES - (part - 1) * each) }, (_, n) => nodeLine((part - 1) * each + n))
    const logs = Array.from({ length: LINES_OF_PART }, (_, n): PartLine => {
      const text = `02:14:${n} 1412 of ${NODES} OK created sql table model analytics.fct_orders_${n} [SELECT 1 in 0.41s]`
      return { type: 'log', at: at(part * 5), step: 1, text }
    })
    const progress: PartLine = {
      type: 'progress',
      schemaVersion: 1,
      run: ENDED.id,
      attempt: 1,
      part,
      at: at(part * 5),
      steps: ENDED.steps ?? [],
      nodes: { done: part * each, total: NODES, running: [] },
    }
    const body = gzipSync([progress, ...logs, ...nodes].map(line => `${JSON.stringify(line)}\n`).join(''))
    await bucket.write(KEY.part(prefix, part), body, { type: 'application/x-ndjson' })
  }
}

/** Two models, then their test; one in fifty fails. */
function nodeLine(n: number): PartLine {
  const isTest = n % 3 === 2
  const name = isTest ? `not_null_fct_orders_by_region_${n}_order_id` : `fct_orders_by_region_${n}`
  const status: NodeStatus = n % 50 === 0 ? 'error' : 'success'
  return {
    type: 'node',
    step: 1,
    uniqueId: isTest ? `test.shop.${name}.8f3c1d9a02` : `model.shop.${name}`,
    name,
    resourceType: isTest ? 'test' : 'model',
    status,
    message:
      status === 'error' ? 'Binder Error: Referenced column "amount_usd" not found in FROM clause!\n'.repeat(6) : 'SELECT 1',
    startedAt: at(30 + n / 2),
    endedAt: at(31 + n / 2),
    executionSeconds: 0.417,
    path: `models/marts/orders/by_region/${name}.sql`,
    materialized: isTest ? 'test' : 'table',
    relation: `"warehouse"."analytics"."${name}"`,
  }
}

/** Over two years, each as large as the record of a usual run. */
function* earlierRuns(count: number): Iterable<RunRecord> {
  const span = (2 * 365 * 86_400) / count
  for (let n = 2; n < count + 2; n++) yield { ...EARLIER, id: runId(n, -Math.round(n * span)) }
}

const { effects: _, ...EARLIER } = ENDED

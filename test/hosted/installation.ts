/** The hosted pages of an installation on this machine: the built functions over the emulator's table and bucket, sign-in, two host names. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { type DynamoDBDocumentClient, PutCommand } from '@aws-sdk/lib-dynamodb'
import { documentClient } from '../../lambda/common/clients.ts'
import { ENV, KEY } from '../../shared/contract.ts'
import { functionName, SITE_CALLBACK, SITE_SIGNED_OUT, type SiteSettings } from '../../shared/resource-names.ts'
import type { RunRecord } from '../../shared/run.ts'
import { itemOfRun } from '../../shared/run-item.ts'
import { hashOf } from '../fakes/records.ts'
import { startTestCloud } from '../local/fixture.ts'
import { makeTable } from '../local/table.ts'
import { type MadeHistory, makeHistory, recordOf } from '../site/history.ts'
import { makeNodes, putLog, putRun, stepsOf } from '../site/run-files.ts'
import { putTables } from '../site/tables.ts'
import { type Cognito, startCognito } from './cognito.ts'
import { openFront } from './front.ts'
import { type LambdaFunction, startFunction } from './function.ts'

const dist = join(import.meta.dirname, '../../dist')
const INSTALLATION = 'tidemill'
export const CLIENT = { pages: 'pages-client', docs: 'docs-client' }

export interface Hosted {
  /** Origins. */
  pages: string
  docs: string
  cognito: Cognito
  site: LambdaFunction
  history: MadeHistory
  /** One that failed, with all its objects. */
  failed: RunRecord
  /** Keys of the parts of its log. */
  parts: string[]
  /** One that runs. */
  running: RunRecord
  table: DynamoDBDocumentClient
  tableName: string
  /** Functions that were invoked and not waited for, with what they got. */
  poked: { name: string; payload: unknown }[]
  put(key: string, body: string | Uint8Array, options?: { encoding?: 'gzip' }): Promise<void>
  close(): Promise<void>
}

export async function startHosted(): Promise<Hosted> {
  const closing: (() => unknown)[] = []
  const close = async () => {
    for (const end of closing.splice(0).reverse()) await end()
  }
  try {
    const cloud = await startTestCloud()
    closing.push(() => cloud.close())
    const { endpoint, region, accessKeyId, secretAccessKey } = cloud.cloud
    const options = { endpoint, region, credentials: { accessKeyId, secretAccessKey } }
    const s3 = new S3Client({ ...options, forcePathStyle: true })
    const dynamo = new DynamoDBClient(options)
    const table = documentClient(dynamo)
    const [tableName, bucketName] = ['hosted-runs', 'hosted-data']
    await makeTable(dynamo, tableName)
    await s3.send(new CreateBucketCommand({ Bucket: bucketName }))
    const put: Hosted['put'] = async (Key, Body, { encoding } = {}) => {
      await s3.send(new PutObjectCommand({ Bucket: bucketName, Key, Body, ...(encoding && { ContentEncoding: encoding }) }))
    }
    const made = makeRuns()
    for (const [key, body] of made.history.objects) {
      // As deployment, functions and runner store them.
      if (key.endsWith('.json') && !key.startsWith('config/')) await put(key, gzipSync(body), { encoding: 'gzip' })
      else await put(key, body)
    }
    for (const run of [made.failed, made.running])
      await table.send(new PutCommand({ TableName: tableName, Item: itemOfRun(run) }))

    const [pagesFront, docsFront] = [await openFront('pages'), await openFront('docs')]
    closing.push(pagesFront.close, docsFront.close)
    // Chromium finds any name below localhost on this machine, and trusts it as it does HTTPS.
    const pages = `http://runs.localhost:${pagesFront.port}`
    const docs = `http://docs.localhost:${docsFront.port}`
    const cognito = await startCognito()
    closing.push(cognito.close)
    cognito.clients.push(
      { id: CLIENT.pages, callback: pages + SITE_CALLBACK, logout: [] },
      { id: CLIENT.docs, callback: docs + SITE_CALLBACK, logout: [pages + SITE_SIGNED_OUT] },
    )
    const settings: SiteSettings = {
      issuer: cognito.issuer,
      authority: cognito.authority,
      pages: { origin: pages, audience: CLIENT.pages },
      docs: { origin: docs, audience: CLIENT.docs },
      groups: { viewer: ['everybody'], operator: [], admin: [] },
      version: '0.1.0',
    }
    const names = Object.fromEntries(
      (['dispatcher', 'finisher', 'notifier', 'compactor', 'api'] as const).map(name => [
        ENV[name],
        functionName(INSTALLATION, name),
      ]),
    )
    const functions = new Map<string, LambdaFunction>()
    const poked: Hosted['poked'] = []
    const invocations = await serveInvocations(functions, poked)
    closing.push(() => invocations.close())
    const env = {
      ...{
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_SECRET_ACCESS_KEY: secretAccessKey,
      },
      AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(invocations.address() as AddressInfo).port}`,
      ...{ [ENV.installation]: INSTALLATION, [ENV.table]: tableName, [ENV.bucket]: bucketName, [ENV.cluster]: INSTALLATION },
      [ENV.configKey]: KEY.config(hashOf(made.history.config)),
      [ENV.site]: JSON.stringify(settings),
      ...names,
    }
    for (const name of ['api', 'site'] as const) {
      const started = await startFunction(join(dist, 'lambda', name), env)
      closing.push(started.close)
      functions.set(functionName(INSTALLATION, name), started)
    }
    const site = functions.get(functionName(INSTALLATION, 'site')) as LambdaFunction
    pagesFront.serve(site)
    docsFront.serve(site)
    return { pages, docs, cognito, site, ...made, table, tableName, poked, put, close }
  } catch (error) {
    await close()
    throw error
  }
}

function makeRuns() {
  const history = makeHistory({ runs: 300, now: new Date() })
  const row = history.runs.find(run => run.job === 'nightly' && run.startedAt)
  if (!row) throw new Error('no run of nightly was made')
  const plain = recordOf({ ...row, status: 'error', reason: 'node_failures', seconds: 300 }, history.config)
  const nodes = makeNodes(plain, { count: 120, bad: 3 })
  const counts = { success: 117, warn: 0, error: 2, fail: 1, skipped: 0, 'no-op': 0 }
  const failed: RunRecord = {
    ...plain,
    steps: stepsOf(plain, nodes),
    failures: nodes.filter(node => node.status !== 'success'),
    counts,
  }
  putRun(history.objects, failed, nodes)
  putTables(history, history.index.days.length)
  const parts = putLog(history.objects, failed, nodes, { bytes: 2_000_000 })
  const { endedAt: _, reason: __, ...open } = failed
  const running: RunRecord = {
    ...open,
    id: '20991122T000000-aaaaaaaaaaaa',
    job: 'hourly_orders',
    status: 'running',
    startedAt: new Date().toISOString(),
  }
  return { history, failed, parts, running }
}

/** Lambda's Invoke: a call that waits, and one that does not. */
async function serveInvocations(functions: Map<string, LambdaFunction>, poked: Hosted['poked']): Promise<Server> {
  const server = createServer(async (request, response) => {
    const name = decodeURIComponent((request.url ?? '').split('/')[3] ?? '')
    const payload: unknown = JSON.parse(await text(request))
    if (request.headers['x-amz-invocation-type'] === 'Event') {
      poked.push({ name, payload })
      response.writeHead(202).end()
      return
    }
    const called = functions.get(name)
    const answer = await called?.invoke(payload).then(text, (error: Error) => error)
    if (typeof answer === 'string') response.end(answer)
    else response.writeHead(200, { 'x-amz-function-error': 'Unhandled' }).end(JSON.stringify({ errorMessage: String(answer) }))
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return server
}

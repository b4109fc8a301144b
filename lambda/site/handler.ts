/**
 * Site: the hosted pages and, on another host name, dbt's docs. Behind CloudFront alone (Function URL with AWS_IAM, origin access
 * control, invoke mode RESPONSE_STREAM); which of the two is asked for, CloudFront says in a header of its own.
 *
 * Environment: installation, table, bucket, configKey, api, site.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem on the table; Query on index/open and index/job
 * - s3:GetObject on config/*, runs/*, state/*, docs/*, history/*; s3:ListBucket
 * - lambda:InvokeFunction on api, which takes the name of the caller from this function
 * Time limit 120 s, memory 512 MB.
 */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { makePageAnswers } from '../../shared/page-answers.ts'
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { env } from '../common/env.ts'
import { makeCall } from '../common/invoke.ts'
import { makeRuntime } from '../common/runtime.ts'
import { answerSite } from './answer.ts'
import { readFiles } from './files.ts'
import { makeSendObject } from './objects.ts'
import { makeReads } from './reads.ts'
import { makeKeys } from './token.ts'

/** Of Lambda's runtime for Node; there is no package with its types. */
declare const awslambda: {
  streamifyResponse(handle: (event: unknown, stream: NodeJS.WritableStream) => Promise<void>): unknown
  HttpResponseStream: {
    from(
      stream: NodeJS.WritableStream,
      head: { statusCode: number; headers: Record<string, string>; cookies: string[] },
    ): NodeJS.WritableStream
  }
}

const { now, log } = makeRuntime('site')
const settings = env.site()
const s3 = makeClients.s3()
const bucket = makeBucket(s3, env.bucket())
const reads = makeReads({
  dynamo: { client: makeClients.table(), table: env.table() },
  s3,
  bucketName: env.bucket(),
  configs: makeConfigs(bucket, env.configKey()),
})
const callApi = makeCall<object, { body: string }>(makeClients.lambda(), env.api())

const PATIENCE = 5000
const signIn = {
  keys: makeKeys(settings.issuer, async url => (await fetch(url, { signal: AbortSignal.timeout(PATIENCE) })).json(), now),
  now,
  secret: () => randomBytes(32).toString('base64url'),
  async postForm(url: string, fields: Record<string, string>): Promise<unknown> {
    const answer = await fetch(url, { method: 'POST', body: new URLSearchParams(fields), signal: AbortSignal.timeout(PATIENCE) })
    return answer.ok ? answer.json() : undefined
  },
}
const site = { issuer: settings.issuer, authority: settings.authority, groups: settings.groups }
const common = { ...signIn, sendObject: makeSendObject(s3, env.bucket()) }
const pages = {
  ...common,
  site: { ...site, ...settings.pages },
  answers: makePageAnswers(reads, now),
  files: readFiles(process.env.LAMBDA_TASK_ROOT ?? '.'),
  about: { installation: env.installation(), docs: settings.docs.origin, command: 'tidemill', version: settings.version },
  /** As a Function URL would bring it, with the name that this function has checked. */
  async act(actor: string, request: ApiRequest): Promise<ApiResponse> {
    const event = { requestContext: { authorizer: { iam: { userArn: actor } } }, body: JSON.stringify(request) }
    return JSON.parse((await callApi(event)).body) as ApiResponse
  },
}
const MAX_POINTER = 64 * 1024
const docs = {
  ...common,
  site: { ...site, ...settings.docs },
  pages: settings.pages.origin,
  async readPointer(key: string): Promise<string | undefined> {
    const found = await bucket.read(key, MAX_POINTER)
    return found && Buffer.from(found.body).toString('utf8')
  },
}

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const { status, headers, cookies = [], body = '' } = await answerSite({ pages, docs, log }, event)
  const response = awslambda.HttpResponseStream.from(stream, { statusCode: status, headers, cookies })
  // The first write sends the head; a stream may be empty and write nothing.
  response.write(body instanceof Readable ? '' : body)
  if (body instanceof Readable) await pipeline(body, response)
  else response.end()
})

/**
 * Api: operations of people and programs, by Function URL with AWS_IAM authorisation (invoke mode BUFFERED, no CORS).
 * Input: ApiRequest as JSON body; answer: ApiResponse (shared/api.ts).
 *
 * Environment: installation, table, bucket, configKey, cluster, dispatcher, finisher, notifier, compactor.
 * Permissions:
 * - dynamodb: GetItem, PutItem, UpdateItem on the table; Query on index/open
 * - s3:GetObject on config/*
 * - ecs:StopTask on task/<cluster>/*
 * - lambda:InvokeFunction on dispatcher, finisher, notifier and compactor
 * Time limit 30 s, memory 512 MB.
 */
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { makeEcs } from '../common/ecs.ts'
import { env } from '../common/env.ts'
import { makeInvoke } from '../common/invoke.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type ApiDeps, operate } from './operate.ts'

const lambda = makeClients.lambda()
const deps: ApiDeps = {
  ...makeRuntime('api'),
  store: makeDynamoStore(makeClients.table(), env.table()),
  configs: makeConfigs(makeBucket(makeClients.s3(), env.bucket()), env.configKey()),
  ecs: makeEcs(makeClients.ecs(), env.cluster()),
  dispatch: makeInvoke(lambda, env.dispatcher()),
  finish: makeInvoke(lambda, env.finisher()),
  notify: makeInvoke(lambda, env.notifier()),
  compact: makeInvoke(lambda, env.compactor()),
}

export const handler = async (event: unknown) => {
  const answer = await operate(deps, event)
  return {
    statusCode: answer.ok ? 200 : answer.status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(answer),
  }
}

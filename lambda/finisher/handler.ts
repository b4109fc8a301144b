/**
 * Finisher: ends attempts and runs, and does what follows the end. Input: EventBridge "ECS Task State Change" of our cluster
 * (rule: source aws.ecs, detail.clusterArn ours, detail.lastStatus RUNNING or STOPPED), or `{ effects: string[] }` with ids of
 * final runs.
 *
 * Environment: installation, table, bucket, configKey, dispatcher, notifier, compactor.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem on the table; Query on index/open and index/job
 * - s3:GetObject on config/*, runs/*, docs/*, state/*; s3:PutObject on plans/*, runs/*, docs/*, state/*, history/*;
 *   s3:ListBucket on the bucket (prefixes runs/*, docs/*, state/*: without it a missing object answers 403)
 * - logs:GetLogEvents on log-group:/tidemill/<installation>/*:log-stream:*
 * - lambda:InvokeFunction on dispatcher, notifier and compactor
 * Invoked by the event rule, launcher, dispatcher, api. Time limit 300 s, memory 1024 MB.
 */
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { env } from '../common/env.ts'
import { makeInvoke } from '../common/invoke.ts'
import { makeLogs } from '../common/logs.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type FinishDeps, finish } from './finish.ts'

const bucket = makeBucket(makeClients.s3(), env.bucket())
const lambda = makeClients.lambda()
const deps: FinishDeps = {
  ...makeRuntime('finisher'),
  store: makeDynamoStore(makeClients.table(), env.table()),
  bucket,
  configs: makeConfigs(bucket, env.configKey()),
  logs: makeLogs(makeClients.logs()),
  dispatch: makeInvoke(lambda, env.dispatcher()),
  notify: makeInvoke(lambda, env.notifier()),
  compact: makeInvoke(lambda, env.compactor()),
  installation: env.installation(),
}

export const handler = (event: unknown) => finish(deps, event)

/**
 * Sweeper: every 5 minutes, finds what is missing and repairs it. Input: ignored.
 *
 * Environment: installation, table, bucket, configKey, cluster, dispatcher, notifier, compactor, deadLetters (URL of the queue).
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem on the table; Query on index/open and index/job
 * - s3: as the finisher
 * - ecs: DescribeTasks, StopTask on task/<cluster>/*; ListTasks on * with condition ArnEquals ecs:cluster
 * - logs:GetLogEvents on log-group:/tidemill/<installation>/*:log-stream:*
 * - sqs: ReceiveMessage, DeleteMessage on the dead-letter queue
 * - lambda:InvokeFunction on dispatcher, notifier and compactor
 * Invoked by a rule or schedule every 5 minutes. Time limit 280 s, memory 1024 MB.
 */
import { SQSClient } from '@aws-sdk/client-sqs'
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { makeDeadLetters } from '../common/dead-letters.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { makeEcs } from '../common/ecs.ts'
import { runEffects } from '../common/effects.ts'
import { env } from '../common/env.ts'
import { makeInvoke } from '../common/invoke.ts'
import { makeLogs } from '../common/logs.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type SweepDeps, sweep } from './sweep.ts'

const bucket = makeBucket(makeClients.s3(), env.bucket())
const lambda = makeClients.lambda()
const deps: Omit<SweepDeps, 'finish' | 'timeLeft'> = {
  ...makeRuntime('sweeper'),
  store: makeDynamoStore(makeClients.table(), env.table()),
  bucket,
  configs: makeConfigs(bucket, env.configKey()),
  ecs: makeEcs(makeClients.ecs(), env.cluster()),
  logs: makeLogs(makeClients.logs()),
  deadLetters: makeDeadLetters(new SQSClient({}), env.deadLetters()),
  dispatch: makeInvoke(lambda, env.dispatcher()),
  notify: makeInvoke(lambda, env.notifier()),
  compact: makeInvoke(lambda, env.compactor()),
  installation: env.installation(),
}

/** What follows the end of a run it does here, as for the runs it ends itself. */
async function finish({ effects }: { effects: string[] }): Promise<void> {
  for (const run of await deps.store.runs(effects)) await runEffects(deps, run)
}

export const handler = (_event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  sweep({ ...deps, finish, timeLeft: () => context.getRemainingTimeInMillis() })

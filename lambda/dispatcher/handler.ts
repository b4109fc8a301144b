/**
 * Dispatcher: starts the tasks of waiting runs. Input: `{ runs?: string[] }` (claimed just now), `{}` = look at all.
 *
 * Environment: installation, table, bucket, configKey, cluster, subnets, securityGroups, assignPublicIp, finisher, dispatcher.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, PutItem, UpdateItem, DeleteItem, ConditionCheckItem on the table; Query on index/open
 * - s3:GetObject on config/*; s3:PutObject on plans/*
 * - ecs:RunTask on task-definition/<installation>_*:* with condition ArnEquals ecs:cluster; ecs:StopTask on task/<cluster>/*
 * - iam:PassRole on the task roles and execution roles, condition iam:PassedToService ecs-tasks.amazonaws.com
 * - lambda:InvokeFunction on dispatcher and finisher
 * Invoked asynchronously by launcher, api, finisher, sweeper, and by itself where its time is over before the line is. Time limit 300 s (it may sleep up to 60 s), memory 512 MB.
 */
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { makeEcs } from '../common/ecs.ts'
import { env } from '../common/env.ts'
import { makeInvoke } from '../common/invoke.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type DispatchDeps, dispatch } from './dispatch.ts'

const bucket = makeBucket(makeClients.s3(), env.bucket())
const cluster = env.cluster()
const lambda = makeClients.lambda()
const deps: Omit<DispatchDeps, 'timeLeft'> = {
  ...makeRuntime('dispatcher'),
  store: makeDynamoStore(makeClients.table(), env.table()),
  bucket,
  configs: makeConfigs(bucket, env.configKey()),
  // Its own repetitions know what was answered before.
  ecs: { ...makeEcs(makeClients.ecs(), cluster), run: makeEcs(makeClients.ecsOnce(), cluster).run },
  finish: makeInvoke(lambda, env.finisher()),
  dispatch: makeInvoke(lambda, env.dispatcher()),
  installation: env.installation(),
  network: { cluster, subnets: env.subnets(), securityGroups: env.securityGroups(), assignPublicIp: env.assignPublicIp() },
}

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  dispatch({ ...deps, timeLeft: () => context.getRemainingTimeInMillis() }, event)

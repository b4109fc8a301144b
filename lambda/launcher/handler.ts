/**
 * Launcher: claims a run when a schedule fires, an event matches, a branch moves or a signed request comes. Input and answer:
 * shared/launch-input.ts.
 *
 * Environment: installation, table, bucket, configKey, dispatcher, finisher.
 * Permissions:
 * - dynamodb: GetItem, PutItem, UpdateItem on the table
 * - s3:GetObject on config/*
 * - lambda:InvokeFunction on dispatcher and finisher
 * Invoked by Scheduler (its role), by rules of this installation and by the webhook function. Time limit 30 s, memory 512 MB.
 */
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { env } from '../common/env.ts'
import { makeInvoke } from '../common/invoke.ts'
import { type LaunchDeps, launch } from '../common/launch.ts'
import { makeRuntime } from '../common/runtime.ts'

const lambda = makeClients.lambda()
const deps: LaunchDeps = {
  ...makeRuntime('launcher'),
  store: makeDynamoStore(makeClients.table(), env.table()),
  configs: makeConfigs(makeBucket(makeClients.s3(), env.bucket()), env.configKey()),
  dispatch: makeInvoke(lambda, env.dispatcher()),
  finish: makeInvoke(lambda, env.finisher()),
}

export const handler = (event: unknown) => launch(deps, event)

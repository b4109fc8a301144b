/**
 * Notifier: delivers what the finisher and the sweeper have written down as messages. Input: `{ messages?: string[] }`
 * (partition keys MSG#…); `{}` = all that are open.
 *
 * Environment: installation, table, bucket, configKey, topic; consoleUrl is optional.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, UpdateItem on the table; Query on index/open and index/job
 * - s3:GetObject on config/*
 * - sns:Publish on the topic
 * - secretsmanager:GetSecretValue on the secret of channels.slack
 * Outgoing HTTPS to the webhook's host: not in a VPC. Invoked asynchronously by finisher and sweeper. Time limit 120 s,
 * memory 512 MB. A metric filter on `{ $.alarm = "message_failed" }` of its log feeds the alarm of messages.
 */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SNSClient } from '@aws-sdk/client-sns'
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import type { Dynamo } from '../common/dynamo.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { env } from '../common/env.ts'
import type { NotifyRequest } from '../common/invoke.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type ComposeDeps, composeMessage } from './compose.ts'
import { deliverMessages } from './deliver.ts'
import { makeEmail } from './email.ts'
import { makeOutbox } from './outbox.ts'
import { makeRunsBefore } from './runs-before.ts'
import { makeSlack } from './slack.ts'
import { makeWebhook } from './webhook.ts'

/** A call that hangs must not use up the time of the others. */
const patience = { maxAttempts: 3, requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000 } }

const runtime = makeRuntime('notifier')
const dynamo: Dynamo = { client: makeClients.table(), table: env.table() }
const store = makeDynamoStore(dynamo.client, dynamo.table)
const configs = makeConfigs(makeBucket(makeClients.s3(), env.bucket()), env.configKey())
const outbox = makeOutbox(dynamo)
const composing: ComposeDeps = {
  store,
  configs,
  runsBefore: makeRunsBefore(dynamo, store),
  consoleUrl: env.consoleUrl(),
  log: runtime.log,
}
// Of the configuration in force: the secret's name may have changed since the run was claimed.
const slackSecret = async () => (await configs.load(configs.current)).channels.slack?.secret
const channels = {
  email: makeEmail(new SNSClient(patience), env.topic()),
  slack: makeSlack({
    webhook: makeWebhook(new SecretsManagerClient(patience), slackSecret, runtime.now),
    fetch,
    now: runtime.now,
  }),
}

export const handler = (event: unknown, context: { getRemainingTimeInMillis(): number }) =>
  deliverMessages(
    {
      ...runtime,
      outbox,
      channels,
      compose: item => composeMessage(composing, item),
      timeLeft: () => context.getRemainingTimeInMillis(),
    },
    parseRequest(event).messages,
  )

function parseRequest(event: unknown): NotifyRequest {
  const messages = event !== null && typeof event === 'object' ? (event as { messages?: unknown }).messages : undefined
  if (messages === undefined) return {}
  if (!Array.isArray(messages) || !messages.every(pk => typeof pk === 'string' && pk.startsWith('MSG#')))
    throw new Error('the input of the notifier is {} or { "messages": ["MSG#…"] }')
  return { messages }
}

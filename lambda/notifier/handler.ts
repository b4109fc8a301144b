/**
 * Notifier: delivers what the finisher, the sweeper and the api have written down as messages. Input: `{ messages?: string[] }`
 * (partition keys MSG#…); `{}` = all that are open.
 *
 * Environment: installation, table, bucket, configKey, topic; consoleUrl is optional.
 * Permissions:
 * - dynamodb: GetItem, BatchGetItem, UpdateItem on the table; Query on index/open and index/job
 * - s3:GetObject on config/*
 * - sns:Publish on the topic and those of the lists
 * - secretsmanager:GetSecretValue on the secrets of the channels
 * - events:PutEvents on the default bus, of our source, where events are on
 * Outgoing HTTPS to Slack, Teams, PagerDuty and receivers: not in a VPC. Invoked asynchronously by finisher, sweeper and api.
 * Time limit 120 s, memory 512 MB. A metric filter on `{ $.alarm = "message_failed" }` of its log feeds the alarm of messages.
 */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { SNSClient } from '@aws-sdk/client-sns'
import type { Channel } from '../../shared/notify.ts'
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import type { Dynamo } from '../common/dynamo.ts'
import { makeDynamoStore } from '../common/dynamo-store.ts'
import { env } from '../common/env.ts'
import type { NotifyRequest } from '../common/invoke.ts'
import { makeRunsBefore } from '../common/runs-before.ts'
import { makeRuntime } from '../common/runtime.ts'
import { type ComposeDeps, composeMessage } from './compose.ts'
import { type ChannelSender, deliverMessages } from './deliver.ts'
import { makeEmail } from './email.ts'
import { makeEvents } from './events.ts'
import { makeOutbox } from './outbox.ts'
import { makePagerDuty, PAGERDUTY_API } from './pagerduty.ts'
import { makeSecrets } from './secrets.ts'
import { makeSlack, SLACK_API } from './slack.ts'
import { makeTeams } from './teams.ts'
import { makeWebhook, WEBHOOK_TRIES } from './webhook.ts'

/** A call that hangs must not use up the time of the others. */
const patience = {
  maxAttempts: 3,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 10_000, throwOnRequestTimeout: true },
}

const runtime = makeRuntime('notifier')
const dynamo: Dynamo = { client: makeClients.table(), table: env.table() }
const store = makeDynamoStore(dynamo.client, dynamo.table)
const configs = makeConfigs(makeBucket(makeClients.s3(), env.bucket()), env.configKey())
const outbox = makeOutbox(dynamo)
const installation = env.installation()
const composing: ComposeDeps = {
  store,
  configs,
  installation,
  runsBefore: makeRunsBefore(dynamo, store),
  consoleUrl: env.consoleUrl(),
  log: runtime.log,
}
const http = { fetch, now: runtime.now, secrets: makeSecrets(new SecretsManagerClient(patience), runtime.now), installation }
// Of the configuration in force: a secret's name may have changed since the run was claimed.
const inForce = async () => (await configs.load(configs.current)).channels
const channels: Record<Channel, ChannelSender> = {
  email: { send: makeEmail(new SNSClient(patience), env.topic(), installation) },
  slack: { send: makeSlack({ ...http, settings: async () => (await inForce()).slack ?? undefined, api: SLACK_API }) },
  teams: { send: makeTeams({ ...http, settings: async () => (await inForce()).teams }) },
  pagerduty: { send: makePagerDuty({ ...http, settings: async () => (await inForce()).pagerduty, api: PAGERDUTY_API }) },
  webhook: { send: makeWebhook({ ...http, settings: async () => (await inForce()).webhook }), tries: WEBHOOK_TRIES },
  events: { send: makeEvents({ ...http, endpoint: env.eventsUrl(), caller: env.caller }) },
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

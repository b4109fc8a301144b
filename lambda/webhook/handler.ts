/**
 * Webhook: pushes of git hosts and requests of programs without AWS credentials, by a Function URL that is open to the world
 * (invoke mode BUFFERED, no CORS). Whatever is not signed with the right secret is answered 401 and has no effect. What is,
 * goes to the launcher: a push asynchronously (which is repeated until it is claimed), a request with its answer.
 *
 * Environment: installation, bucket, configKey, launcher.
 * Permissions:
 * - s3:GetObject on config/*
 * - secretsmanager:GetSecretValue on the secrets of webhooks and request triggers
 * - lambda:InvokeFunction on launcher
 * Time limit 10 s, memory 256 MB.
 */
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { makeBucket } from '../common/bucket.ts'
import { makeClients } from '../common/clients.ts'
import { makeConfigs } from '../common/config.ts'
import { env } from '../common/env.ts'
import { makeCall, makeInvoke } from '../common/invoke.ts'
import { makeRuntime } from '../common/runtime.ts'
import { receive, type WebhookDeps } from './receive.ts'
import { makeSecrets } from './secrets.ts'

const patience = { maxAttempts: 2, requestHandler: { connectionTimeout: 2000, requestTimeout: 4000 } }

const runtime = makeRuntime('webhook')
const lambda = makeClients.lambda()
const deps: WebhookDeps = {
  ...runtime,
  configs: makeConfigs(makeBucket(makeClients.s3(), env.bucket()), env.configKey()),
  secrets: makeSecrets(new SecretsManagerClient(patience), runtime.now, runtime.log),
  launchLater: makeInvoke(lambda, env.launcher()),
  launch: makeCall(lambda, env.launcher()),
}

export const handler = async (event: unknown) => {
  const { status, body } = await receive(deps, event)
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { statusCode: status, headers, ...(body && { body: JSON.stringify(body) }) }
}

/** Posts to a receiver of the user's, in the form of the dbt platform's webhooks, signed by a key both know. */
import { createHmac } from 'node:crypto'
import type { Config, SecretRef } from '../../shared/config-model.ts'
import { renderWebhook } from '../../shared/message-webhook.ts'
import type { Send } from './deliver.ts'
import { type Http, post } from './http.ts'
import { fieldOf, nameOf, parseAddress, type Secrets } from './secrets.ts'
import { targetSecret } from './target-secret.ts'
import { withSecret } from './with-secret.ts'

export interface WebhookDeps extends Http {
  secrets: Secrets
  settings(): Promise<Config['channels']['webhook']>
  installation: string
}

/** As often as the dbt platform tries. */
export const WEBHOOK_TRIES = 5

export function makeWebhook(deps: WebhookDeps): Send {
  return async (message, { target, createdAt }) => {
    const secret = targetSecret(await deps.settings(), target)
    if (!secret) return { outcome: 'never', error: `notifications.webhook has no target "${target}" any more` }
    const body = JSON.stringify(renderWebhook(message, { installation: deps.installation, target, at: createdAt }))
    return withSecret(deps.secrets, secret, async value => {
      const { url, key } = parseReceiver(value, secret)
      // The dbt platform has the signature as hexadecimal digits in this header, without a scheme.
      const authorization = createHmac('sha256', key).update(body).digest('hex')
      return (await post(deps, { to: url, body, headers: { authorization } })).delivery
    })
  }
}

function parseReceiver(value: string, ref: SecretRef): { url: URL; key: string } {
  const [url, key] = [fieldOf(value, 'url'), fieldOf(value, 'key')]
  if (!url || !key) throw new Error(`${nameOf(ref)} is not a JSON object with "url" and "key"`)
  if (key.length < 16) throw new Error(`"key" in ${nameOf(ref)} is shorter than 16 characters: anybody could guess it`)
  return { url: parseAddress(url.trim(), ref), key }
}

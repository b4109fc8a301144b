/** The address of the webhook, from its secret; kept for minutes, so that a burst of messages is one read. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SecretRef } from '../../shared/config-model.ts'

const KEPT_MILLISECONDS = 5 * 60_000

/** `secret`: undefined when the configuration has no Slack any more. */
export function makeWebhook(
  client: Pick<SecretsManagerClient, 'send'>,
  secret: () => Promise<SecretRef | undefined>,
  now: () => Date,
) {
  let kept: { address: URL; until: number } | undefined
  return {
    async read(): Promise<URL> {
      if (kept && kept.until > now().getTime()) return kept.address
      const ref = await secret()
      if (!ref) throw new Error('notifications.slack is not in the configuration any more')
      const answer = await client.send(new GetSecretValueCommand({ SecretId: ref.name }))
      kept = { address: parseWebhook(answer.SecretString ?? '', ref), until: now().getTime() + KEPT_MILLISECONDS }
      return kept.address
    },
    forget(): void {
      kept = undefined
    },
  }
}

/** The value itself is in no error: it is a secret even when it is wrong. */
export function parseWebhook(value: string, ref: SecretRef): URL {
  const where = ref.field === null ? `secret ${ref.name}` : `field ${ref.field} of secret ${ref.name}`
  const text = ref.field === null ? value : fieldOf(value, ref.field)
  if (!text?.trim()) throw new Error(`${where} is empty: store the address of an incoming webhook in it`)
  const address = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined
  const allowed = address?.protocol === 'https:' || (address?.protocol === 'http:' && isLoopback(address.hostname))
  if (!address || !allowed) throw new Error(`${where} does not hold the address of a webhook (https://…)`)
  return address
}

function fieldOf(json: string, field: string): string | undefined {
  try {
    const value: unknown = JSON.parse(json)
    const found = value !== null && typeof value === 'object' ? (value as Record<string, unknown>)[field] : undefined
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}

/** What cannot be listened to on its way. */
const isLoopback = (host: string) => host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host)

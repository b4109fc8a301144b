/** Addresses and keys of the channels, from their secrets; kept for minutes, so that a burst of messages is one read. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SecretRef } from '../../shared/config-model.ts'
import { fieldsOf } from '../../shared/fields.ts'

const KEPT_MILLISECONDS = 5 * 60_000

export interface Secrets {
  /** The text of a secret, or of its field. */
  read(ref: SecretRef): Promise<string>
  forget(ref: SecretRef): void
}

export function makeSecrets(client: Pick<SecretsManagerClient, 'send'>, now: () => Date): Secrets {
  const kept = new Map<string, { value: string; until: number }>()
  return {
    async read(ref) {
      const known = kept.get(ref.name)
      if (known && known.until > now().getTime()) return textOf(known.value, ref)
      const answer = await client.send(new GetSecretValueCommand({ SecretId: ref.name }))
      const value = answer.SecretString ?? ''
      kept.set(ref.name, { value, until: now().getTime() + KEPT_MILLISECONDS })
      return textOf(value, ref)
    },
    forget: ref => void kept.delete(ref.name),
  }
}

/** How a secret is called in an error. The value itself is in none: it is a secret even when it is wrong. */
export const nameOf = ({ name, field }: SecretRef) => (field === null ? `secret ${name}` : `field ${field} of secret ${name}`)

function textOf(value: string, ref: SecretRef): string {
  const text = ref.field === null ? value : fieldOf(value, ref.field)
  if (!text?.trim()) throw new Error(`${nameOf(ref)} is empty: store what the channel needs in it`)
  return text.trim()
}

export function fieldOf(json: string, field: string): string | undefined {
  try {
    const found = fieldsOf(JSON.parse(json))[field]
    return typeof found === 'string' ? found : undefined
  } catch {
    return undefined
  }
}

export function parseAddress(text: string, ref: SecretRef): URL {
  const address = URL.canParse(text) ? new URL(text) : undefined
  const allowed = address?.protocol === 'https:' || (address?.protocol === 'http:' && isLoopback(address.hostname))
  if (!address || !allowed || address.username || address.password)
    throw new Error(`${nameOf(ref)} does not hold the address of a webhook (https://…)`)
  return address
}

/** What cannot be listened to on its way. */
const isLoopback = (host: string) => host === 'localhost' || host === '[::1]' || /^127(?:\.\d+){3}$/.test(host)

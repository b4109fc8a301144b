/** Secrets that calls are signed with, kept for minutes: a burst of calls, good or bad, is one read. */
import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type { SecretRef } from '../../shared/config-model.ts'
import { fieldsOf } from '../../shared/fields.ts'
import type { Log } from '../common/log.ts'

const KEPT_MS = 5 * 60_000
/** A signature that does not fit may be by a secret stored just now; so often, and no more, it is looked for. */
const FRESH_MS = 30_000
/** Shorter ones can be guessed. */
const MIN_LENGTH = 16

export interface Secrets {
  /** All values that are valid now: one in a line. `again`: those at hand did not fit. */
  read(ref: SecretRef, again?: boolean): Promise<string[]>
}

export function makeSecrets(client: Pick<SecretsManagerClient, 'send'>, now: () => Date, log: Log): Secrets {
  const kept = new Map<string, { values: string[]; at: number }>()
  return {
    async read(ref, again = false) {
      const key = JSON.stringify(ref)
      const known = kept.get(key)
      if (known && now().getTime() - known.at < (again ? FRESH_MS : KEPT_MS)) return known.values
      const { SecretString = '' } = await client.send(new GetSecretValueCommand({ SecretId: ref.name }))
      const values = parseSecret(SecretString, ref.field)
      if (values.length === 0)
        log('webhook secret is of no use', {
          secret: ref.name,
          field: ref.field,
          why: `it needs ${MIN_LENGTH} characters or more`,
        })
      kept.set(key, { values, at: now().getTime() })
      return values
    },
  }
}

export function parseSecret(text: string, field: string | null): string[] {
  const whole = field === null ? text : fieldOf(text, field)
  return whole
    .split('\n')
    .map(line => line.trim())
    .filter(line => line.length >= MIN_LENGTH)
}

function fieldOf(json: string, field: string): string {
  try {
    const found = fieldsOf(JSON.parse(json))[field]
    return typeof found === 'string' ? found : ''
  } catch {
    return ''
  }
}

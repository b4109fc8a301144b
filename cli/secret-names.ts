import { channelSecrets } from '../shared/channel-secrets.ts'
import type { Config, SecretRef } from '../shared/config-model.ts'
import { webhookSecrets } from '../shared/config-trigger.ts'

/** Names of all secrets that a configuration refers to. */
export function secretNames(config: Config): string[] {
  const refs: SecretRef[] = [
    ...Object.values(config.projects).flatMap(({ credentials }) => ('secret' in credentials ? credentials.secret : [])),
    ...Object.values(config.environments).flatMap(environment => Object.values(environment.secrets)),
    ...channelSecrets(config.channels),
    ...webhookSecrets(config),
  ]
  return [...new Set(refs.map(ref => ref.name))]
}

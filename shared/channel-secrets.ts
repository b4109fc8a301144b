import type { Config, SecretRef } from './config-model.ts'

/** Secrets that the channels need, each once. */
export function channelSecrets({ slack, teams, pagerduty, webhook }: Config['channels']): SecretRef[] {
  const refs = [slack, teams, pagerduty, webhook].flatMap(channel =>
    channel ? [channel.secret, ...Object.values(channel.targets ?? {})] : [],
  )
  return [...new Map(refs.map(ref => [ref.name, ref])).values()]
}

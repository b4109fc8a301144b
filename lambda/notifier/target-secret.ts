import type { SecretRef } from '../../shared/config-model.ts'

/** The secret of a target by its name; empty: of the channel's own. Undefined: there is none of that name any more. */
export const targetSecret = (
  settings: { secret: SecretRef; targets: Record<string, SecretRef> } | undefined,
  target: string,
): SecretRef | undefined =>
  target === '' ? settings?.secret : Object.hasOwn(settings?.targets ?? {}, target) ? settings?.targets[target] : undefined

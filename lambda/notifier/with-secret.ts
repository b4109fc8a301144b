import type { SecretRef } from '../../shared/config-model.ts'
import type { Delivery } from './deliver.ts'
import type { Secrets } from './secrets.ts'

/** Sends with what the secret holds; after a final refusal once more, if it holds something else by now. */
export async function withSecret(
  secrets: Secrets,
  ref: SecretRef,
  send: (value: string) => Promise<Delivery>,
): Promise<Delivery> {
  const value = await secrets.read(ref)
  const delivery = await send(value)
  if (delivery.outcome !== 'never') return delivery
  secrets.forget(ref)
  const current = await secrets.read(ref)
  return current === value ? delivery : send(current)
}

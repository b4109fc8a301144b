/** A deployment as the table has it: which configuration came when. */

export interface Deployment {
  /** Begins with its time: sorts by it. */
  id: string
  hash: string
  at: string
  /** Who deployed, as far as the deployment was told. */
  by: string
  /** It counts from then, as the first turn of the sweeper with it found out; absent until that turn. */
  since?: string
}

export function parseDeployment(item: unknown): Deployment | undefined {
  if (typeof item !== 'object' || item === null) return undefined
  const { id, hash, at, by, since } = item as Record<string, unknown>
  if (![id, hash, at, by].every(field => typeof field === 'string')) return undefined
  return { id, hash, at, by, ...(typeof since === 'string' && { since }) } as Deployment
}

/** Has the compactor write the history anew. Asked again while it does, the days are done once more. */
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { UserError } from '../../shared/errors.ts'
import { keptDays } from '../../shared/retention.ts'
import type { ApiDeps } from './operate.ts'

const DAY_MS = 86_400_000

export async function rebuildHistory(
  deps: Pick<ApiDeps, 'configs' | 'compact' | 'now'>,
  { from, to }: ApiRequest & { operation: 'rebuild' },
): Promise<ApiResponse> {
  if (!deps.compact) throw new Error('the api does not know the compactor')
  const config = await deps.configs.load(deps.configs.current)
  const kept = Math.max(config.retention.runs, ...Object.keys(config.environments).map(name => keptDays(config, name)))
  const dayBefore = (days: number) => new Date(deps.now().getTime() - days * DAY_MS).toISOString().slice(0, 10)
  const today = dayBefore(0)
  // What is older has left the history, and leaves it again.
  const span = { from: [from ?? '', dayBefore(kept)].sort().at(-1) ?? today, to: [to ?? today, today].sort()[0] ?? today }
  if (span.from > span.to)
    throw new UserError(`There is no history between ${from ?? dayBefore(kept)} and ${to ?? today}: runs are kept ${kept} days.`)
  await deps.compact({ rebuild: span })
  return { ok: true, span, message: `The history from ${span.from} to ${span.to} is being written anew.` }
}

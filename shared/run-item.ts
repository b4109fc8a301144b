/** The form of a run in the table: the record's fields at top level, and the attributes that put it into the indexes. */
import { dayKey, dayOfRun, fullName, OPEN, openKey, PK, shardOf } from './contract.ts'
import { EFFECTS, type Effect, isFinal, type RunRecord } from './run.ts'

/** Sort key in the open index; undefined when nothing is left to do. */
export function openSortOf(run: RunRecord): string | undefined {
  if (run.status === 'queued') return OPEN.waiting(run)
  if (!isFinal(run.status)) return OPEN.active(run.id)
  return run.effects?.length ? OPEN.effects(run.id) : undefined
}

/** `effects` become a set, because each is taken out by itself. */
export function itemOfRun(run: RunRecord): Record<string, unknown> {
  const openSort = openSortOf(run)
  const { effects, ...rest } = run
  return {
    ...rest,
    ...(effects?.length && { effects: new Set(effects) }),
    pk: PK.run(run.id),
    dayKey: dayKey(dayOfRun(run.id), shardOf(run.id)),
    jobKey: PK.job(fullName(run.project, run.job)),
    ...(openSort && { openKey: openKey(shardOf(run.id)), openSort }),
  }
}

/** The reverse of {@link itemOfRun}, for an item as the document client gives it. */
export function runOfItem(item: Record<string, unknown>): RunRecord {
  const { pk, openKey: _, openSort: __, dayKey: ___, jobKey: ____, effects, ...rest } = item
  if (typeof rest.id !== 'string' || typeof rest.status !== 'string' || !Array.isArray(rest.attempts))
    throw new Error(`item ${String(pk)} is not a run`)
  return { ...rest, ...(effects !== undefined && { effects: effectsOf(effects) }) } as unknown as RunRecord
}

const effectsOf = (value: unknown): Effect[] => {
  const open = value instanceof Set || Array.isArray(value) ? new Set<unknown>(value) : new Set()
  return EFFECTS.filter(effect => open.has(effect))
}

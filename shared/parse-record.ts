/** Records as they come from the table: unknown until parsed. Only what the commands rely on is checked. */
import { RUN_ID_PATTERN } from './contract.ts'
import { RUN_STATUSES, type RunRecord } from './run.ts'
import { runOfItem } from './run-item.ts'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** Undefined where it is not a run we can show. */
export function parseRecord(value: unknown): RunRecord | undefined {
  if (!isObject(value)) return undefined
  const known =
    typeof value.id === 'string' &&
    RUN_ID_PATTERN.test(value.id) &&
    ['project', 'environment', 'job', 'claimedAt'].every(key => typeof value[key] === 'string') &&
    RUN_STATUSES.some(status => status === value.status) &&
    isObject(value.cause) &&
    Array.isArray(value.attempts)
  return known ? runOfItem(value) : undefined
}

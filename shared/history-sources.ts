/** sources.json of dbt (v3), as a container stored it: only what the history keeps, bounded; what does not fit is left out. */
import { type Fields, fieldsOf, parseJson } from './fields.ts'
import type { NodeStatus } from './run.ts'

export interface SourceFreshness {
  step: number
  attempt: number
  uniqueId: string
  status: NodeStatus
  message?: string
  maxLoadedAt?: Date
  snapshottedAt?: Date
  ageSeconds?: number
  warnAfterSeconds?: number
  errorAfterSeconds?: number
  filter?: string
  seconds?: number
}

/** A project has some hundred sources. */
const MAX_SOURCES = 20_000
const STATUSES: Record<string, NodeStatus> = { pass: 'success', warn: 'warn', error: 'error', 'runtime error': 'error' }

export function parseSources(text: string, place: { step: number; attempt: number }): SourceFreshness[] {
  const { results } = fieldsOf(parseJson(text))
  return (Array.isArray(results) ? results.slice(0, MAX_SOURCES) : []).flatMap(each => parseSource(fieldsOf(each), place) ?? [])
}

function parseSource(value: Fields, place: { step: number; attempt: number }): SourceFreshness | undefined {
  const uniqueId = textOf(value.unique_id, 512)
  const status = STATUSES[String(value.status).toLowerCase()]
  if (!uniqueId || !status) return undefined
  const { warn_after, error_after, filter } = fieldsOf(value.criteria)
  return {
    ...place,
    uniqueId,
    status,
    ...given('message', textOf(value.error, 2000)),
    ...given('maxLoadedAt', timeOf(value.max_loaded_at)),
    ...given('snapshottedAt', timeOf(value.snapshotted_at)),
    ...given('ageSeconds', numberOf(value.max_loaded_at_time_ago_in_s)),
    ...given('warnAfterSeconds', limitOf(warn_after)),
    ...given('errorAfterSeconds', limitOf(error_after)),
    ...given('filter', textOf(filter, 2000)),
    ...given('seconds', numberOf(value.execution_time)),
  }
}

/** dbt's periods. */
const SECONDS: Record<string, number> = { minute: 60, hour: 3600, day: 86_400, week: 7 * 86_400, month: 30 * 86_400 }
function limitOf(value: unknown): number | undefined {
  const { count, period } = fieldsOf(value)
  const [n, seconds] = [numberOf(count), SECONDS[String(period)]]
  return n === undefined || seconds === undefined ? undefined : n * seconds
}

const textOf = (value: unknown, max: number) => (typeof value === 'string' && value !== '' ? value.slice(0, max) : undefined)
const numberOf = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const given = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: V }

/** dbt writes UTC, sometimes without saying so. */
function timeOf(value: unknown): Date | undefined {
  if (typeof value !== 'string' || value.length > 50) return undefined
  const at = new Date(/Z|[+-]\d\d:?\d\d$/.test(value) ? value : `${value}Z`)
  return Number.isNaN(at.getTime()) ? undefined : at
}

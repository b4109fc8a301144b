/** Freshness of sources, out of the rows of the history. Pure. */
import { numberOf, type Row, textOf, timeOf } from '../parquet.ts'

export interface Check {
  run: string
  status: string
  /** ISO 8601. */
  at?: string
  loadedAt?: string
  age?: number
  warnAfter?: number
  errorAfter?: number
  message?: string
}
export interface Source {
  /** `<project>/<environment>`. */
  environment: string
  uniqueId: string
  name: string
  /** Newest first. */
  checks: Check[]
}

export const SOURCE_COLUMNS = [
  'project',
  'environment',
  'unique_id',
  'source_name',
  'name',
  'status',
  'message',
  'max_loaded_at',
  'snapshotted_at',
  'age_seconds',
  'warn_after_seconds',
  'error_after_seconds',
]

const RANK: Record<string, number> = { error: 0, warn: 1 }

/** The stalest first. */
export function sourcesOf(rows: readonly Row[]): Source[] {
  const found = new Map<string, Source>()
  for (const row of rows) {
    const environment = `${textOf(row.project)}/${textOf(row.environment)}`
    const uniqueId = textOf(row.unique_id) ?? ''
    const key = `${environment} ${uniqueId}`
    const source = found.get(key) ?? { environment, uniqueId, name: nameOf(row), checks: [] }
    source.checks.push(checkOf(row))
    found.set(key, source)
  }
  for (const { checks } of found.values()) checks.sort((a, b) => (a.run < b.run ? 1 : -1))
  const rank = ({ checks }: Source) => RANK[checks[0]?.status ?? ''] ?? 2
  return [...found.values()].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

const nameOf = (row: Row) => [textOf(row.source_name), textOf(row.name)].filter(Boolean).join('.')

function checkOf(row: Row): Check {
  const given = <K extends string, V>(key: K, value: V | undefined) =>
    (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
  return {
    run: textOf(row.run_id) ?? '',
    status: textOf(row.status) ?? '',
    ...given('at', timeOf(row.snapshotted_at)),
    ...given('loadedAt', timeOf(row.max_loaded_at)),
    ...given('age', numberOf(row.age_seconds)),
    ...given('warnAfter', numberOf(row.warn_after_seconds)),
    ...given('errorAfter', numberOf(row.error_after_seconds)),
    ...given('message', textOf(row.message)),
  }
}

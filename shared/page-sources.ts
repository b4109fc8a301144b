/** Freshness of sources over the newest days, for their page. */
import { HISTORY_KEY, type HistoryIndex, type IndexDay } from './history-index.ts'
import { MOST_CHECKS, type Source, type SourceCheck, type SourceHistory } from './page-api.ts'
import { given, numberOf, type Row, readRows, textOf, timeOf } from './page-history.ts'
import type { PageReads } from './page-reads.ts'

type SourceReads = Pick<PageReads, 'bytes' | 'keys'>

const COLUMNS = [
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
const MOST_ROWS = 50_000
const MESSAGE = 400
const KEYS_AT_ONCE = 1000

export async function readSources(
  reads: SourceReads,
  index: HistoryIndex,
  within: { since: string; isOver(): boolean },
): Promise<SourceHistory> {
  const { rows, leftOut } = await readRows(reads, {
    index,
    table: 'sources',
    columns: COLUMNS,
    most: MOST_ROWS,
    ...within,
    tailOf: day => runsWithFile(reads, day),
  })
  return { sources: sourcesOf(rows), ...(leftOut !== undefined && { leftOut }) }
}

/** Few runs check freshness: the list of files says which. */
async function runsWithFile({ keys }: SourceReads, { date }: IndexDay): Promise<string[]> {
  const prefix = HISTORY_KEY.run('sources', date, '').replace(/\.parquet$/, '')
  const found: string[] = []
  for (let page = [prefix]; page.length; ) {
    page = await keys(prefix, page.at(-1) ?? '', KEYS_AT_ONCE)
    found.push(...page)
    if (page.length < KEYS_AT_ONCE) break
  }
  return found.map(key => key.slice(prefix.length).replace(/\.parquet$/, ''))
}

const RANK: Record<string, number> = { error: 0, warn: 1 }

/** The stalest first. */
function sourcesOf(rows: readonly Row[]): Source[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = [row.project, row.environment, row.unique_id].join(' ')
    const group = groups.get(key)
    if (group) group.push(row)
    else groups.set(key, [row])
  }
  const rank = ({ checks }: Source) => RANK[checks[0]?.status ?? ''] ?? 2
  return [...groups.values()].map(sourceOf).sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name))
}

function sourceOf(rows: Row[]): Source {
  rows.sort((a, b) => (String(a.run_id) < String(b.run_id) ? 1 : -1))
  const newest = rows[0] ?? {}
  return {
    environment: `${textOf(newest.project)}/${textOf(newest.environment)}`,
    uniqueId: textOf(newest.unique_id) ?? '',
    name: [textOf(newest.source_name), textOf(newest.name)].filter(Boolean).join('.'),
    ...given('message', textOf(newest.message)?.slice(0, MESSAGE)),
    ...given('warnAfter', numberOf(newest.warn_after_seconds)),
    ...given('errorAfter', numberOf(newest.error_after_seconds)),
    checks: rows.slice(0, MOST_CHECKS).map(checkOf),
  }
}

const checkOf = (row: Row): SourceCheck => ({
  run: textOf(row.run_id) ?? '',
  status: textOf(row.status) ?? '',
  ...given('at', timeOf(row.snapshotted_at)),
  ...given('loadedAt', timeOf(row.max_loaded_at)),
  ...given('age', numberOf(row.age_seconds)),
})

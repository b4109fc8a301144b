/** Results of one node over runs, out of the rows of the history. Pure. */
import { numberOf, type Row, textOf, timeOf } from '../parquet.ts'

export interface NodeRun {
  run: string
  job: string
  status: string
  message?: string
  startedAt?: string
  endedAt?: string
  seconds?: number
  /** Rows that a test found, or that a model changed. */
  rows?: number
  commit?: string
  materialized?: string
  relation?: string
  path?: string
  name: string
}

/** Columns of `nodes` or `tests`. */
export const columnsOf = (table: 'nodes' | 'tests') => [
  'job',
  'commit_sha',
  'unique_id',
  'name',
  'status',
  'message',
  'started_at',
  'ended_at',
  'seconds',
  'path',
  ...(table === 'nodes' ? ['rows_affected', 'materialized', 'relation'] : ['failures']),
]

/** Newest first. */
export const nodeRuns = (rows: readonly Row[]): NodeRun[] => rows.map(nodeRun).sort((a, b) => (a.run < b.run ? 1 : -1))

function nodeRun(row: Row): NodeRun {
  const given = <K extends string, V>(key: K, value: V | undefined) =>
    (value === undefined ? {} : { [key]: value }) as { [P in K]?: V }
  return {
    run: textOf(row.run_id) ?? '',
    job: textOf(row.job) ?? '',
    status: textOf(row.status) ?? '',
    name: textOf(row.name) ?? '',
    ...given('message', textOf(row.message)),
    ...given('startedAt', timeOf(row.started_at)),
    ...given('endedAt', timeOf(row.ended_at)),
    ...given('seconds', numberOf(row.seconds)),
    ...given('rows', numberOf(row.failures) ?? numberOf(row.rows_affected)),
    ...given('commit', textOf(row.commit_sha)),
    ...given('materialized', textOf(row.materialized)),
    ...given('relation', textOf(row.relation)),
    ...given('path', textOf(row.path)),
  }
}

const isBad = ({ status }: NodeRun) => status === 'error' || status === 'fail'
const isGood = ({ status }: NodeRun) => status === 'success' || status === 'warn'

/** Times that it turned from good to bad or back on the same commit: the data, the warehouse or chance, not the code. */
export function flips(runs: readonly NodeRun[]): number {
  const seen = runs.filter(run => isBad(run) || isGood(run))
  return seen.filter((run, i) => {
    const before = seen[i + 1]
    return before && before.commit !== undefined && before.commit === run.commit && isBad(before) !== isBad(run)
  }).length
}

export function medianSeconds(runs: readonly NodeRun[]): number | undefined {
  const took = runs.flatMap(run => (isGood(run) && run.seconds !== undefined ? [run.seconds] : [])).sort((a, b) => a - b)
  return took[Math.floor(took.length / 2)]
}

/** Results of one node over its runs, for its page. */
import { dayOfRun } from './contract.ts'
import type { DayPage, HistoryIndex, IndexRun } from './history-index.ts'
import type { NodeHistory, NodeRun } from './page-api.ts'
import { given, type HistoryReads, numberOf, type Row, readRows, textOf, timeOf } from './page-history.ts'
import { readPage } from './page-reads.ts'

export interface NodePlace {
  project: string
  environment: string
  uniqueId: string
}

const COLUMNS = ['job', 'commit_sha', 'unique_id', 'name', 'status', 'message', 'started_at', 'ended_at', 'seconds', 'path']
const OF_TABLE = { nodes: ['rows_affected', 'materialized', 'relation'], tests: ['failures'] } as const
/** A month of a job that runs every quarter of an hour. */
const MOST_RUNS = 3000
const MESSAGE = 400

export async function readNode(
  reads: HistoryReads,
  index: HistoryIndex,
  { project, environment, uniqueId }: NodePlace,
  within: { since: string; isOver(): boolean },
): Promise<NodeHistory> {
  const table = /^(unit_)?test\./.test(uniqueId) ? 'tests' : 'nodes'
  const canHave = (run: IndexRun) => run.project === project && run.environment === environment && run.attempts > 0
  const { rows, leftOut } = await readRows(reads, {
    index,
    table,
    columns: [...COLUMNS, ...OF_TABLE[table]],
    filter: { unique_id: { $eq: uniqueId }, project: { $eq: project }, environment: { $eq: environment } },
    most: MOST_RUNS,
    ...within,
    async tailOf(day) {
      const page = await readPage<DayPage>(reads, day.page)
      return page ? page.runs.filter(canHave).map(run => run.id) : day.tail
    },
  })
  const all = rows.map(nodeRun).sort((a, b) => (a.run < b.run ? 1 : -1))
  const tooMany = all[MOST_RUNS]
  const until = [leftOut ?? '', tooMany ? dayOfRun(tooMany.run) : ''].sort().at(-1)
  return { runs: all.slice(0, MOST_RUNS), ...(until && { leftOut: until }) }
}

function nodeRun(row: Row): NodeRun {
  const status = textOf(row.status) ?? ''
  return {
    run: textOf(row.run_id) ?? '',
    job: textOf(row.job) ?? '',
    name: textOf(row.name) ?? '',
    status,
    ...given('message', status === 'success' ? undefined : textOf(row.message)?.slice(0, MESSAGE)),
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

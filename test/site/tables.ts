/** Parquet files of a made history: some nodes, tests and sources of its nightly runs, in files of days and of runs. */
import { writeTable } from '../../lambda/common/parquet.ts'
import { claimedAt, dayOfRun } from '../../shared/contract.ts'
import { HISTORY_KEY, type IndexRun } from '../../shared/history-index.ts'
import type { HistoryRow } from '../../shared/history-tables.ts'
import type { MadeHistory } from './history.ts'

export const HOSTILE_SOURCE = 'raw_<img src=x onerror=alert(1)>'

/** Of the newest days. */
export function putTables({ index, runs, objects }: MadeHistory, days: number): void {
  for (const day of index.days.slice(0, days)) {
    const own = runs.filter(run => dayOfRun(run.id) === day.date && run.job === 'nightly' && run.startedAt)
    const put = (list: IndexRun[], key: (table: 'nodes' | 'tests' | 'sources') => string) => {
      objects.set(key('nodes'), Buffer.from(writeTable('nodes', list.flatMap(nodesOf))))
      objects.set(key('tests'), Buffer.from(writeTable('tests', list.flatMap(testsOf))))
      objects.set(key('sources'), Buffer.from(writeTable('sources', list.flatMap(sourcesOf))))
    }
    const { generation, date } = day
    if (generation) put(own, table => HISTORY_KEY.day(table, date, generation))
    else for (const run of own) put([run], table => HISTORY_KEY.run(table, date, run.id))
  }
}

const ofRun = (run: IndexRun) => ({
  run_id: run.id,
  project: run.project,
  environment: run.environment,
  job: run.job,
  claimed_at: new Date(claimedAt(run.id)),
})
const resultOf = (run: IndexRun, name: string, kind: string) => ({
  ...ofRun(run),
  commit_sha: (run.commit ?? '').padEnd(40, '0'),
  step: 2,
  attempt: 1,
  earlier_failures: 0,
  unique_id: `${kind}.shop.${name}`,
  name,
  package_name: 'shop',
  resource_type: kind,
  started_at: new Date(run.startedAt ?? ''),
  ended_at: new Date(run.endedAt),
  group_name: null,
  owners: null,
  tags: null,
})
/** A number from 0 to 99 that goes with the run. */
const chance = (run: IndexRun) => Number.parseInt(run.id.slice(-4), 16) % 100

const nodesOf = (run: IndexRun): HistoryRow<'nodes'>[] =>
  ['stg_payments', 'fct_orders', 'dim_customers'].map((name, i) => ({
    ...resultOf(run, name, 'model'),
    status: run.status === 'error' && i === 0 ? 'error' : 'success',
    message: run.status === 'error' && i === 0 ? (run.message ?? null) : 'SELECT',
    seconds: 3 + i * 5 + chance(run) / 10,
    rows_affected: 1000 * (i + 1) + chance(run),
    materialized: 'table',
    relation: `"shop"."main"."${name}"`,
    path: `models/${name}.sql`,
  }))

const testsOf = (run: IndexRun): HistoryRow<'tests'>[] => {
  const bad = chance(run) % 4 === 0
  return [
    {
      ...resultOf(run, 'not_null_orders_id', 'test'),
      status: bad ? 'fail' : 'success',
      message: bad ? 'Got 3 results, configured to fail if != 0' : null,
      failures: bad ? 3 : 0,
      tested_node: 'model.shop.fct_orders',
      seconds: 0.4,
      path: 'models/schema.yml',
    },
  ]
}

const sourcesOf = (run: IndexRun): HistoryRow<'sources'>[] =>
  ['orders', 'payments'].map((name, i) => {
    const age = 3600 * (i + 1) + chance(run) * 200
    const checked = new Date(run.startedAt ?? '')
    return {
      ...ofRun(run),
      step: 1,
      attempt: 1,
      unique_id: `source.shop.${i ? HOSTILE_SOURCE : 'raw'}.${name}`,
      package_name: 'shop',
      source_name: i ? HOSTILE_SOURCE : 'raw',
      name,
      status: age > 14_400 ? 'warn' : 'success',
      message: null,
      max_loaded_at: new Date(checked.getTime() - age * 1000),
      snapshotted_at: checked,
      age_seconds: age,
      warn_after_seconds: 14_400,
      error_after_seconds: 86_400,
      filter: null,
      seconds: 0.2,
    }
  })

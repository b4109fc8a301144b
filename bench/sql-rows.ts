/** Rows of a made history: each run builds the models of its job and runs their tests. The same numbers give the same rows. */
import { stored } from '../lambda/common/parquet.ts'
import type { Column } from '../shared/history-columns.ts'
import type { HistoryTable } from '../shared/history-index.ts'
import { type HistoryRow, TABLES } from '../shared/history-tables.ts'

export interface MadeRun {
  number: number
  id: string
  /** Of its claim, milliseconds since 1970. */
  at: number
}

const MODELS = 600
const TESTS = 400
export const NODES = MODELS + TESTS
const JOBS = 12

/** Rows of a table by column, as a compacted file takes them. */
export function columnsOfRuns(
  table: HistoryTable,
  runs: readonly MadeRun[],
): { columns: Record<string, unknown[]>; rows: number } {
  const columns: Record<string, unknown[]> = {}
  for (const { name, type } of TABLES[table].columns as readonly Column[]) {
    const cell = cellOf(table, name)
    const values: unknown[] = []
    for (const run of runs) for (let i = 0; i < ROWS[table]; i++) values.push(stored(type, cell(run, i)))
    columns[name] = values
  }
  return { columns, rows: runs.length * ROWS[table] }
}

/** As the finisher takes them. */
export const rowsOfRun = <T extends HistoryTable>(table: T, run: MadeRun): HistoryRow<T>[] =>
  Array.from({ length: ROWS[table] }, (_, i) => {
    const cells = (TABLES[table].columns as readonly Column[]).map(({ name }) => [name, cellOf(table, name)(run, i)])
    return Object.fromEntries(cells) as HistoryRow<T>
  })

type Cell = (run: MadeRun, i: number) => unknown

const cellOf = (table: HistoryTable, name: string): Cell => CELLS[table][name] ?? COMMON[name] ?? (() => null)

const ROWS: Record<HistoryTable, number> = { runs: 1, steps: 4, nodes: MODELS, tests: TESTS, sources: 5, costs: 2 }

/** 32 bits without a pattern. */
function mix(a: number, b = 0): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b + 0x7f4a7c15, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return (h ^ (h >>> 15)) >>> 0
}

const jobOf = ({ number }: MadeRun) => number % JOBS
/** Of a result, and what is the same for a node in all runs. */
const ofResult = ({ number }: MadeRun, i: number) => mix(number, i)
const ofNode = (run: MadeRun, i: number) => mix(-1 - jobOf(run), i)

const after = (run: MadeRun, seconds: number) => new Date(run.at + seconds * 1000)
const runSeconds = ({ number }: MadeRun) => 200 + (mix(number) % 400)
const hasFailed = ({ number }: MadeRun) => mix(number) % 100 < 6
/** 6 of 100 runs fail. */
const runStatus: Cell = run => (hasFailed(run) ? 'error' : mix(run.number) % 100 < 10 ? 'warn' : 'success')
/** A new commit every 30 runs, four or five a day. */
const commitOf = ({ number }: MadeRun) => [0, 1, 2, 3, 4].map(i => hex(mix(Math.floor(number / 30), i), 8)).join('')
const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')

/** Most models take a second or two and a few take minutes; each varies by a fifth, one in 3,000 takes three times as long. */
function seconds(run: MadeRun, i: number): number {
  const result = ofResult(run, i)
  const usual = 0.3 + Math.exp((ofNode(run, i) % 1000) / 180) / 20
  return Number((usual * (0.9 + (result % 1000) / 5000) * (result % 3000 === 0 ? 3 : 1)).toFixed(6))
}
const began = (run: MadeRun, i: number) => 40 + (i * 400 + (ofResult(run, i) % 400)) / 1000

const always =
  (value: unknown): Cell =>
  () =>
    value

const COMMON: Record<string, Cell> = {
  run_id: run => run.id,
  project: always('shop'),
  environment: always('prod'),
  job: run => `job_${jobOf(run)}`,
  claimed_at: run => new Date(run.at),
  commit_sha: commitOf,
  status: runStatus,
  step: always(2),
  attempt: always(1),
  earlier_failures: always(0),
  started_at: run => after(run, 40),
  ended_at: run => after(run, 40 + runSeconds(run)),
  nodes: always(NODES),
  nodes_success: always(NODES),
  seconds: runSeconds,
}

function resultsOf(kind: 'model' | 'test'): Record<string, Cell> {
  const name: Cell = (run, i) => `${kind}_${jobOf(run)}_${i}`
  return {
    unique_id: (run, i) => `${kind}.shop.${name(run, i)}`,
    name,
    package_name: always('shop'),
    resource_type: always(kind),
    seconds,
    started_at: (run, i) => after(run, began(run, i)),
    ended_at: (run, i) => after(run, began(run, i) + seconds(run, i)),
    path: (run, i) => `models/area_${i % 20}/${name(run, i)}.sql`,
  }
}

/** One test in 40 fails now and then on whatever commit. */
const isFlaky = (run: MadeRun, i: number) => ofNode(run, i) % 40 === 0 && ofResult(run, i) % 25 === 0

const CELLS: Record<HistoryTable, Record<string, Cell>> = {
  runs: {
    trigger: always('schedule'),
    triggered_by: always('default'),
    scheduled_for: run => new Date(run.at),
    branch: always('main'),
    commit_author: always('A. Author'),
    commit_subject: run => `change ${Math.floor(run.number / 30)}`,
    queued_seconds: always(40),
    busy_seconds: runSeconds,
    attempts: always(1),
    retries: always(0),
    overridden: always(false),
    engine: always('core-1.12'),
    dbt_version: always('1.12.6'),
    peak_memory_bytes: run => 800_000_000 + (mix(run.number) % 200_000_000),
    artifacts_incomplete: always(false),
    usd: run => 0.004 + (mix(run.number) % 1000) / 100_000,
    config: always('a1'.repeat(32)),
  },
  steps: {
    step: (_, i) => i,
    name: (_, i) => ['checkout', 'deps', 'build', 'docs'][i],
    kind: (_, i) => ['checkout', 'deps', 'dbt', 'docs'][i],
    command: (_, i) => ['', 'dbt deps', 'dbt build', 'dbt docs generate'][i],
  },
  nodes: {
    ...resultsOf('model'),
    status(run, i) {
      const result = ofResult(run, i)
      return hasFailed(run) && result % 300 === 0 ? 'error' : hasFailed(run) && result % 50 === 1 ? 'skipped' : 'success'
    },
    message: always('OK'),
    rows_affected: (run, i) => (ofNode(run, i) % 100_000) + (ofResult(run, i) % 1000),
    materialized: (run, i) => ['table', 'view', 'incremental'][ofNode(run, i) % 3],
    relation: (run, i) => `analytics.prod.model_${jobOf(run)}_${i}`,
  },
  tests: {
    ...resultsOf('test'),
    status: (run, i) => (isFlaky(run, i) ? 'fail' : 'success'),
    failures: (run, i) => (isFlaky(run, i) ? 3 : 0),
    earlier_failures: (run, i) => (ofResult(run, i) % 100_000 === 7 ? 1 : 0),
  },
  sources: {
    unique_id: (_, i) => `source.shop.raw.table_${i}`,
    source_name: always('raw'),
    name: (_, i) => `table_${i}`,
    status: always('success'),
    max_loaded_at: run => after(run, -3600),
    snapshotted_at: run => after(run, 40),
    age_seconds: always(3640),
    seconds: always(0.5),
  },
  costs: {
    item: (_, i) => ['task', 'machinery'][i],
    attempt: (_, i) => (i === 0 ? 1 : null),
    status: (run, i) => (i === 0 ? runStatus(run, i) : null),
    vcpu: (_, i) => (i === 0 ? 1 : null),
    memory_mib: (_, i) => (i === 0 ? 2048 : null),
    started_at: (run, i) => (i === 0 ? after(run, 40) : null),
    seconds: (run, i) => (i === 0 ? runSeconds(run) : null),
    usd: (run, i) => (i === 0 ? 0.004 + (mix(run.number) % 1000) / 100_000 : 0.0009),
  },
}

/**
 * A history to ask: 100,000 runs of 1,000 nodes in two years, made with DuckDB in the layout of the compactor: a file a
 * table and closed month, a file a day of the current one, and the newest hundredth in files of single runs. Kept and used again.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { SCHEMA_VERSION } from '../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryIndex, type HistoryTable } from '../shared/history-index.ts'
import { TABLES } from '../shared/history-tables.ts'

export interface History {
  /** Its files by key of the bucket. */
  folder: string
  runs: number
  bytes: number
  /** Files of single runs, of all tables. */
  single: number
}

const ROOT = join(import.meta.dirname, '..')
const DAY_MS = 86_400_000
const SPAN_DAYS = 730
const JOBS = 12
const MODELS = 600
const TESTS = 400
const GENERATION = 'bench'
/** The questions look back 30 days: one that ended so long ago still has nearly all of them. */
const USABLE_DAYS = 5

export async function makeHistory(runs: number): Promise<History> {
  const top = join(ROOT, '.cache/bench-history')
  mkdirSync(top, { recursive: true })
  const now = Date.now()
  const kept = readdirSync(top).find(name => name.startsWith(`${runs}-`) && !name.endsWith('.part'))
  if (kept && now - Date.parse(kept.slice(`${runs}-`.length)) < USABLE_DAYS * DAY_MS) return measured(join(top, kept), runs)
  if (kept) rmSync(join(top, kept), { recursive: true })
  const today = new Date(now).toISOString().slice(0, 10)
  const folder = join(top, `${runs}-${today}`)
  // What an earlier try has made stays: it takes minutes.
  await generate(`${folder}.part`, runs, Date.parse(`${today}T00:00:00Z`))
  renameSync(`${folder}.part`, folder)
  return measured(folder, runs)
}

async function generate(folder: string, runs: number, end: number): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { memory_limit: '4GB' })
  const connection = await instance.connect()
  await connection.run("SET TimeZone = 'UTC'")
  const step = (SPAN_DAYS * DAY_MS) / runs
  const timeOf = (n: number) => end - (runs - n) * step
  const dayOf = (n: number) => new Date(timeOf(n)).toISOString().slice(0, 10)
  const days = new Map<string, [first: number, end: number]>()
  for (let n = 0; n < runs; n++) days.set(dayOf(n), [days.get(dayOf(n))?.[0] ?? n, n + 1])
  // Whole days only, so that a day is either compacted or not.
  const firstSingle = days.get(dayOf(runs - Math.ceil(runs / 100)))?.[0] ?? 0
  const month = new Date(end - DAY_MS).toISOString().slice(0, 7)
  const put = (key: (table: HistoryTable) => string, from: number, to: number) =>
    writeFiles(connection, folder, key, { from, to, timeOf })
  const months = [...new Set([...days.keys()].map(day => day.slice(0, 7)))].filter(each => each < month)
  for (const each of months) {
    const numbers = [...days].filter(([day]) => day.startsWith(each)).flatMap(([, range]) => range)
    await put(
      table => HISTORY_KEY.month(table, each, GENERATION),
      Math.min(...numbers),
      Math.min(Math.max(...numbers), firstSingle),
    )
    process.stderr.write(`◔ history of ${each}\n`)
  }
  for (const [day, [from, to]] of days)
    if (day.startsWith(month) && from < firstSingle) await put(table => HISTORY_KEY.day(table, day, GENERATION), from, to)
  for (let n = firstSingle; n < runs; n++) await put(table => HISTORY_KEY.run(table, dayOf(n), runId(timeOf(n), n)), n, n + 1)
  connection.closeSync()
  instance.closeSync()
  const index: HistoryIndex = {
    schemaVersion: SCHEMA_VERSION,
    at: new Date(end).toISOString(),
    days: [...days].reverse().map(([date, [from, to]]) => ({
      date,
      page: HISTORY_KEY.dayPage(date, '0'.repeat(64)),
      runs: to - from,
      failed: 0,
      usd: 0,
      ...(date.startsWith(month) && from < firstSingle && { generation: GENERATION }),
      tail: from < firstSingle ? [] : Array.from({ length: to - from }, (_, i) => runId(timeOf(from + i), from + i)),
    })),
    months: months.reverse().map(each => {
      const within = [...days.keys()].filter(day => day.startsWith(each))
      return { month: each, generation: GENERATION, from: within[0] ?? '', to: within.at(-1) ?? '', packed: 0 }
    }),
    jobs: [],
    newest: [],
  }
  mkdirSync(dirname(join(folder, HISTORY_KEY.index)), { recursive: true })
  writeFileSync(join(folder, HISTORY_KEY.index), JSON.stringify(index))
}

const runId = (time: number, n: number) =>
  `${new Date(time).toISOString().slice(0, 19).replace(/[-:]/g, '')}-${n.toString(16).padStart(12, '0')}`

interface Numbers {
  from: number
  to: number
  timeOf(n: number): number
}

async function writeFiles(
  connection: DuckDBConnection,
  folder: string,
  key: (table: HistoryTable) => string,
  { from, to, timeOf }: Numbers,
): Promise<void> {
  if (from >= to) return
  const ids = Array.from({ length: to - from }, (_, i) => [from + i, runId(timeOf(from + i), from + i), timeOf(from + i)])
  const values = ids.map(([n, id, time]) => `(${n}, '${id}', ${time})`).join(', ')
  for (const table of HISTORY_TABLES) {
    const path = join(folder, key(table))
    if (existsSync(path)) continue
    mkdirSync(dirname(path), { recursive: true })
    const columns = TABLES[table].columns.map(({ name, type }) => {
      const stored = type === 'TIMESTAMP' ? 'TIMESTAMPTZ' : type
      return `(${CELLS[table][name] ?? OF_RUN[name] ?? 'NULL'})::${stored} AS "${name}"`
    })
    await connection.run(
      `COPY (WITH r AS (SELECT n, id, make_timestamp((ms * 1000)::BIGINT) AS claimed, hash(n) AS h FROM (VALUES ${values}) t(n, id, ms)),
       x AS (SELECT *, hash(n, i) AS hi, hash(i, n % ${JOBS}) AS hm FROM (SELECT *, unnest(range(0, ${ROWS[table]})) AS i FROM r))
       SELECT ${columns.join(', ')} FROM x) TO '${path}' (FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 50000, WRITE_BLOOM_FILTER false)`,
    )
  }
}

const ROWS: Record<HistoryTable, number> = { runs: 1, steps: 4, nodes: MODELS, tests: TESTS, sources: 5, costs: 2 }

const STARTED = 'claimed + INTERVAL 40 SECOND'
const RUN_SECONDS = '200 + h % 400'
/** 6 of 100 runs fail. */
const RUN_STATUS = "CASE WHEN h % 100 < 6 THEN 'error' WHEN h % 100 < 10 THEN 'warn' ELSE 'success' END"
/** A new commit every 30 runs, four or five a day. */
const COMMIT = "md5((n // 30)::VARCHAR) || '00000000'"
/** Most models take a second or two and a few take minutes; each varies by a fifth, one in 3,000 takes three times as long. */
const SECONDS = `round((0.3 + exp((hm % 1000) / 180.0) / 20) * (0.9 + (hi % 1000) / 5000.0) * (CASE WHEN hi % 3000 = 0 THEN 3 ELSE 1 END), 6)`
const AT = `${STARTED} + to_milliseconds((i * 400 + hi % 400)::BIGINT)`

const OF_RUN: Record<string, string> = {
  run_id: 'id',
  project: "'shop'",
  environment: "'prod'",
  job: `'job_' || (n % ${JOBS})`,
  claimed_at: 'claimed',
  commit_sha: COMMIT,
  status: RUN_STATUS,
  step: '2',
  attempt: '1',
  earlier_failures: '0',
  started_at: STARTED,
  ended_at: `${STARTED} + to_seconds((${RUN_SECONDS})::BIGINT)`,
  nodes: String(MODELS + TESTS),
  nodes_success: String(MODELS + TESTS),
}

const resultOf = (kind: string): Record<string, string> => ({
  unique_id: `'${kind}.shop.${kind}_' || (n % ${JOBS}) || '_' || i`,
  name: `'${kind}_' || (n % ${JOBS}) || '_' || i`,
  package_name: "'shop'",
  resource_type: `'${kind}'`,
  seconds: SECONDS,
  started_at: AT,
  ended_at: `${AT} + to_milliseconds((1000 * ${SECONDS})::BIGINT)`,
  path: `'models/area_' || (i % 20) || '/${kind}_' || (n % ${JOBS}) || '_' || i || '.sql'`,
})

const CELLS: Record<HistoryTable, Record<string, string>> = {
  runs: {
    trigger: "'schedule'",
    triggered_by: "'default'",
    scheduled_for: 'claimed',
    branch: "'main'",
    commit_author: "'A. Author'",
    commit_subject: "'change ' || (n // 30)",
    queued_seconds: '40',
    seconds: RUN_SECONDS,
    attempts: '1',
    retries: '0',
    overridden: 'false',
    engine: "'core-1.12'",
    dbt_version: "'1.12.6'",
    peak_memory_bytes: '800000000 + h % 200000000',
    artifacts_incomplete: 'false',
    usd: '0.004 + (h % 1000) / 100000.0',
    config: `'${'a1'.repeat(32)}'`,
  },
  steps: {
    step: 'i',
    name: "['checkout', 'deps', 'build', 'docs'][(i + 1)::BIGINT]",
    kind: "['checkout', 'deps', 'dbt', 'docs'][(i + 1)::BIGINT]",
    command: "['', 'dbt deps', 'dbt build', 'dbt docs generate'][(i + 1)::BIGINT]",
    seconds: 'h % 400',
  },
  nodes: {
    ...resultOf('model'),
    status: `CASE WHEN h % 100 < 6 AND hi % 300 = 0 THEN 'error' WHEN h % 100 < 6 AND hi % 50 = 1 THEN 'skipped' ELSE 'success' END`,
    message: "'OK'",
    rows_affected: 'hm % 100000 + hi % 1000',
    materialized: "['table', 'view', 'incremental'][(hm % 3 + 1)::BIGINT]",
    relation: `'analytics.prod.model_' || (n % ${JOBS}) || '_' || i`,
  },
  tests: {
    ...resultOf('test'),
    // One test in 40 fails now and then on whatever commit.
    status: `CASE WHEN hm % 40 = 0 AND hi % 25 = 0 THEN 'fail' ELSE 'success' END`,
    failures: `CASE WHEN hm % 40 = 0 AND hi % 25 = 0 THEN 3 ELSE 0 END`,
    earlier_failures: 'CASE WHEN hi % 100000 = 7 THEN 1 ELSE 0 END',
  },
  sources: {
    unique_id: "'source.shop.raw.table_' || i",
    source_name: "'raw'",
    name: "'table_' || i",
    status: "'success'",
    max_loaded_at: 'claimed - INTERVAL 1 HOUR',
    snapshotted_at: STARTED,
    age_seconds: '3640',
    seconds: '0.5',
  },
  costs: {
    item: "['task', 'machinery'][(i + 1)::BIGINT]",
    attempt: 'CASE WHEN i = 0 THEN 1 END',
    vcpu: 'CASE WHEN i = 0 THEN 1 END',
    memory_mib: 'CASE WHEN i = 0 THEN 2048 END',
    seconds: `CASE WHEN i = 0 THEN ${RUN_SECONDS} END`,
    usd: 'CASE WHEN i = 0 THEN 0.004 + (h % 1000) / 100000.0 ELSE 0.0009 END',
  },
}

function measured(folder: string, runs: number): History {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.parquet'))
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  readFileSync(join(folder, HISTORY_KEY.index))
  return { folder, runs, bytes, single: files.filter(name => name.includes('/run=')).length }
}

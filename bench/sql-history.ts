/**
 * A history to ask: 100,000 runs of 1,000 nodes in two years, laid out and written by the finisher's and the compactor's own code:
 * closed months in files of some days, closed days of the month in a file each, the newest hundredth in files of single runs.
 * Old files of nodes and tests, which no question asks for, are in the index and not made: who fetched one would find nothing and
 * fail. Kept and used again.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { writeTable } from '../lambda/common/parquet.ts'
import { rangesToPack } from '../lambda/compactor/closed.ts'
import { writeSorted } from '../lambda/compactor/merge.ts'
import { ROWS_OF_FILE } from '../lambda/compactor/pack.ts'
import { SCHEMA_VERSION } from '../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryIndex, type HistoryTable, type IndexDay } from '../shared/history-index.ts'
import { columnsOfRuns, type MadeRun, NODES, rowsOfRun } from './sql-rows.ts'

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
const GENERATION = 'bench'
/** The questions look back 30 days: one that ended so long ago still has nearly all of them. */
const USABLE_DAYS = 5
/** Results of runs are made of so many days. */
const RESULT_DAYS = 40

export async function makeHistory(runs: number): Promise<History> {
  const top = join(ROOT, '.cache/bench-history')
  mkdirSync(top, { recursive: true })
  const now = Date.now()
  const name = (at: number) => `${runs}-packed-${new Date(at).toISOString().slice(0, 10)}`
  const kept = Array.from({ length: USABLE_DAYS }, (_, back) => join(top, name(now - back * DAY_MS))).find(existsSync)
  if (kept) return measured(kept, runs)
  for (const old of readdirSync(top))
    if (old.startsWith(`${runs}-`) && old !== `${name(now)}.part`) rmSync(join(top, old), { recursive: true })
  const folder = join(top, name(now))
  // What an earlier try has made stays: it takes minutes.
  generate(`${folder}.part`, runs, now - (now % DAY_MS))
  renameSync(`${folder}.part`, folder)
  return measured(folder, runs)
}

/** `end`: the midnight before which the last run is. */
function generate(folder: string, count: number, end: number): void {
  const days = new Map<string, MadeRun[]>()
  for (let number = 0; number < count; number++) {
    const at = Math.round(end - ((count - number) * SPAN_DAYS * DAY_MS) / count)
    const time = new Date(at).toISOString()
    const id = `${time.slice(0, 19).replace(/[-:]/g, '')}-${number.toString(16).padStart(12, '0')}`
    const date = time.slice(0, 10)
    days.set(date, [...(days.get(date) ?? []), { number, id, at }])
  }
  // Whole days only, so that a day is either compacted or not.
  const single = [...days].slice(firstSingle(days, count / 100))
  for (const [date, runs] of single)
    for (const run of runs)
      for (const table of HISTORY_TABLES)
        write(folder, HISTORY_KEY.run(table, date, run.id), () => writeTable(table, rowsOfRun(table, run)))
  const index = indexOf(days, new Set(single.map(([date]) => date)), new Date(end))
  const weights = new Map([...days].map(([date, runs]) => [date, runs.length * (1 + NODES)]))
  const ranges = rangesToPack(index, new Date(end), weights, ROWS_OF_FILE)
  const pack = (some: readonly IndexDay[], key: (table: HistoryTable) => string) => {
    const runs = some.flatMap(({ date }) => days.get(date) ?? [])
    const isOld = Date.parse(some.at(-1)?.date ?? '') < end - RESULT_DAYS * DAY_MS
    for (const table of HISTORY_TABLES.filter(name => !isOld || (name !== 'nodes' && name !== 'tests')))
      write(folder, key(table), () => {
        const { columns, rows } = columnsOfRuns(table, runs)
        return writeSorted(table, columns, rows)
      })
  }
  const months = ranges.map((range, i) => {
    const [from = '', to = ''] = [range[0]?.date, range.at(-1)?.date]
    const [month, generation] = [from.slice(0, 7), `${GENERATION}${i}`]
    process.stderr.write(`◔ history of ${from} to ${to}\n`)
    pack(range, table => HISTORY_KEY.month(table, month, generation))
    return { month, generation, from, to, packed: range.reduce((sum, { runs }) => sum + runs, 0) }
  })
  const inMonths = new Set(ranges.flat())
  for (const day of index.days)
    if (day.generation !== undefined && !inMonths.has(day)) pack([day], table => HISTORY_KEY.day(table, day.date, GENERATION))
  const written = index.days.map(day => {
    const { generation: _, packed: __, ...rest } = day
    return inMonths.has(day) ? rest : day
  })
  write(folder, HISTORY_KEY.index, () => JSON.stringify({ ...index, days: written, months: months.reverse() }))
}

function firstSingle(days: ReadonlyMap<string, MadeRun[]>, runs: number): number {
  const sizes = [...days.values()].map(each => each.length)
  let [first, sum] = [sizes.length, 0]
  while (sum < runs && first > 0) sum += sizes[--first] ?? 0
  return first
}

/** Before months are made: a file a day, but for the days of single runs. */
const indexOf = (days: ReadonlyMap<string, MadeRun[]>, single: ReadonlySet<string>, at: Date): HistoryIndex => ({
  schemaVersion: SCHEMA_VERSION,
  at: at.toISOString(),
  days: [...days].reverse().map(([date, runs]) => ({
    date,
    page: HISTORY_KEY.dayPage(date, '0'.repeat(64)),
    runs: runs.length,
    failed: 0,
    usd: 0,
    ...(!single.has(date) && { generation: GENERATION, packed: runs.length }),
    tail: single.has(date) ? runs.map(run => run.id) : [],
  })),
  months: [],
  jobs: [],
  newest: [],
})

function write(folder: string, key: string, make: () => Uint8Array | string): void {
  const path = join(folder, key)
  if (existsSync(path)) return
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(`${path}.new`, make())
  renameSync(`${path}.new`, path)
}

function measured(folder: string, runs: number): History {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.parquet'))
  const bytes = files.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  return { folder, runs, bytes, single: files.filter(name => name.includes('/run=')).length }
}

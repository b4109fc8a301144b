/** Histories for the compactor: a day in files of single runs, or days in a file each. */
import { gzipSync } from 'node:zlib'
import { writeTable } from '../lambda/common/parquet.ts'
import { changeBook } from '../lambda/compactor/book.ts'
import { writeSorted } from '../lambda/compactor/merge.ts'
import { addRows, dayOf, jobOf } from '../lambda/compactor/rows.ts'
import { fullName, KEY } from '../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryTable, type IndexRun } from '../shared/history-index.ts'
import { indexRow } from '../shared/history-row.ts'
import type { HistoryRow } from '../shared/history-tables.ts'
import type { PartLine } from '../shared/plan.ts'
import { NO_NODES, type NodeCounts, type RunRecord } from '../shared/run.ts'
import { attemptOf, environmentOf, runOf } from '../test/fakes/records.ts'
import type { Installation } from './site-store.ts'
import { columnsOfRuns, type MadeRun, rowsOfRun } from './sql-rows.ts'

const DAY_MS = 86_400_000
const GENERATION = 'bench'
const PARQUET = { type: 'application/vnd.apache.parquet' }

/** Oldest first, the last one so many days ago. */
export const daysUntil = (ago: number, count: number): string[] =>
  Array.from({ length: count }, (_, n) => new Date(Date.now() - (ago + count - 1 - n) * DAY_MS).toISOString().slice(0, 10))

export function runsOf(date: string, count: number): MadeRun[] {
  return Array.from({ length: count }, (_, n) => {
    const at = Date.parse(date) + n * Math.floor(DAY_MS / count)
    const number = (Date.parse(date) / DAY_MS) * 1000 + n
    return {
      number,
      at,
      id: `${new Date(at).toISOString().slice(0, 19).replace(/[-:]/g, '')}-${number.toString(16).padStart(12, '0')}`,
    }
  })
}

/** The record of one of them, with so many nodes. */
export function recordOf({ config }: Installation, { id, at, number }: MadeRun, counts: Partial<NodeCounts>): RunRecord {
  const time = (seconds: number) => new Date(at + seconds * 1000).toISOString()
  const made = runOf(1, {
    job: `job_${number % 12}`,
    status: 'success',
    claimedAt: time(0),
    startedAt: time(40),
    endedAt: time(400),
    config: config.slice('config/'.length, -'.json'.length),
    attempts: [
      attemptOf(1, { taskArn: 'arn:aws:ecs:eu-central-1:000000000000:task/t/1', dispatchedAt: time(1), stoppedAt: time(410) }),
    ],
    steps: [
      { index: 0, name: 'build', kind: 'dbt', command: 'dbt build', status: 'success', counts: { ...NO_NODES, ...counts } },
    ],
    counts: { ...NO_NODES, ...counts },
  })
  return { ...made, id }
}

const rowOf = (record: RunRecord): IndexRun => {
  const row = indexRow(record, environmentOf().size)
  if (!row) throw new Error(`${record.id} is not over`)
  return row
}

export interface Day {
  runs: MadeRun[]
  counts: Partial<NodeCounts>
  /** Models of each are so many times 600; tests there are none, but for a plain run. */
  times?: number
  /** Of every model, which then failed. */
  message?: string
}

const AT_ONCE = 8

/** Runs with files of their own, in the table and in the index. */
export async function leaveRuns(to: Installation, day: Day): Promise<void> {
  const records = day.runs.map(run => recordOf(to, run, day.counts))
  await inTurns(day.runs, async run => {
    await to.put(recordOf(to, run, day.counts))
    const date = new Date(run.at).toISOString().slice(0, 10)
    for (const table of HISTORY_TABLES)
      await to.bucket.write(HISTORY_KEY.run(table, date, run.id), writeTable(table, rowsFor(table, run, day)), PARQUET)
  })
  await changeBook({ bucket: to.bucket, now: () => new Date() }, index => addRows(to.bucket, index, records.map(rowOf)))
}

function rowsFor<T extends HistoryTable>(table: T, run: MadeRun, { times, message }: Day): HistoryRow<T>[] {
  if (times === undefined) return rowsOfRun(table, run)
  if (table === 'tests') return []
  const rows = Array.from({ length: table === 'nodes' ? times : 1 }, (_, n) =>
    rowsOfRun(table, { ...run, number: run.number * 100 + n }),
  ).flat()
  return message === undefined || table !== 'nodes'
    ? rows
    : rows.map((row, n) => ({ ...row, status: 'error', message: `${run.number} ${n} ${message}`.slice(0, 2000) }))
}

async function inTurns<T>(items: readonly T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const queue = items.values()
  const work = async () => {
    for (const item of queue) await act(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}

/** Days of so many runs in the index, with a compacted file each where `files`. */
export async function leaveDays(to: Installation, dates: readonly string[], count: number, files: boolean): Promise<void> {
  const { bucket } = to
  const [days, ofJob] = [[], new Map<string, IndexRun[]>()] as [Awaited<ReturnType<typeof dayOf>>[], Map<string, IndexRun[]>]
  for (const date of dates) {
    const runs = runsOf(date, count)
    const rows = runs.map(run => rowOf(recordOf(to, run, { success: 1000 }))).reverse()
    for (const row of rows) ofJob.set(fullName(row.project, row.job), [row, ...(ofJob.get(fullName(row.project, row.job)) ?? [])])
    days.unshift(await dayOf(bucket, date, rows, { tail: [], generation: GENERATION, packed: count }))
    for (const table of files ? HISTORY_TABLES : []) {
      const { columns, rows: length } = columnsOfRuns(table, runs)
      await bucket.write(HISTORY_KEY.day(table, date, GENERATION), writeSorted(table, columns, length), PARQUET)
    }
  }
  const jobs = await Promise.all([...ofJob].map(([job, rows]) => jobOf(bucket, job, rows, undefined, rows.length)))
  await changeBook({ bucket, now: () => new Date() }, async index => ({ ...index, days, jobs }))
}

const PARTS = 20
const NODES_OF_PART = 50

/** Record and log, as a run of 1,000 nodes leaves them, for what is to be made of them. */
export async function leaveLogs(to: Installation, runs: readonly MadeRun[]): Promise<void> {
  await inTurns(runs, async run => {
    const record = recordOf(to, run, { success: PARTS * NODES_OF_PART })
    await to.put(record)
    const rows = [...rowsOfRun('nodes', run), ...rowsOfRun('tests', run)]
    for (let part = 1; part <= PARTS; part++) {
      const nodes = rows.slice((part - 1) * NODES_OF_PART, part * NODES_OF_PART).map((row): PartLine => {
        const { unique_id: uniqueId, name, resource_type: resourceType, seconds, path } = row
        return {
          type: 'node',
          step: 0,
          uniqueId,
          name,
          resourceType,
          status: 'success',
          message: 'OK',
          executionSeconds: seconds ?? 0,
          path: path ?? '',
        }
      })
      const logs = nodes.flatMap((_, n): PartLine[] =>
        [0, 1, 2].map(more => ({
          type: 'log',
          at: record.claimedAt,
          step: 0,
          text: `02:14:${n} ${n + more} of 1000 OK created sql table model analytics.fct_orders_${n}`,
        })),
      )
      const body = gzipSync([...logs, ...nodes].map(line => `${JSON.stringify(line)}\n`).join(''))
      await to.bucket.write(KEY.part(KEY.attempt(record, 1), part), body, { type: 'application/x-ndjson' })
    }
  })
}

/** Puts the index back as it was. */
export async function holdIndex({ bucket }: Installation): Promise<() => Promise<void>> {
  const object = await bucket.read(HISTORY_KEY.index, 1e8)
  if (!object) throw new Error('there is no index')
  const gzip = object.body[0] === 0x1f ? object.body : gzipSync(object.body)
  return () => bucket.write(HISTORY_KEY.index, gzip, { type: 'application/json', encoding: 'gzip' })
}

/**
 * Writes the history of a span of days anew, from table and bucket: files of each run, index, and with the next compaction the
 * rest. Some runs are one task.
 */
import { fullName, KEY } from '../../shared/contract.ts'
import type { HistoryIndex, IndexRun } from '../../shared/history-index.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { type Bucket, textOf } from '../common/bucket.ts'
import { type HistoryDeps, writeHistory } from '../common/effect-history.ts'
import { changeBook, readRows } from './book.ts'
import { DAY_MS } from './closed.ts'
import { newestOf } from './expire.ts'
import { type FindDeps, rowsOfRuns } from './find.ts'
import { addRows, jobOf } from './rows.ts'
import { type Keep, turn } from './turn.ts'

export interface RebuildDeps extends FindDeps {
  bucket: Bucket
  now(): Date
}

const NOTE = /^rebuild\/(\d{4}-\d{2}-\d{2})\/(\d{4}-\d{2}-\d{2})(?:\/([^+]+)(\+)?)?$/
/** Days (YYYY-MM-DD) that are left, the first one next; of it the runs from this one on, with `+` those behind it. */
export const rebuildNote = (from: string, to: string, run = '') => ['rebuild', from, to, ...(run ? [run] : [])].join('/')
export const isRebuildNote = (note: string) => NOTE.test(note)

/** Runs of which files are read and written at once, and those between two writes of the index. */
const AT_ONCE = 4
const BATCH = 50

/** Each turn of the iteration are some runs done. */
export async function* rebuild(deps: RebuildDeps, note: string, keep: Keep): AsyncGenerator<void> {
  const [, first = '', to = '', begun = '', behind] = NOTE.exec(note) ?? []
  for (let from = first; from <= to; from = dayAfter(from)) {
    const isLeft = (id: string) => from > first || (behind ? id > begun : id >= begun)
    const ids = (await deps.store.idsOfDay(from)).sort().filter(isLeft)
    for (let at = 0; at < ids.length; at += BATCH) {
      const batch = ids.slice(at, at + BATCH)
      const task = {
        note: rebuildNote(from, to, batch[0]),
        behind: `${rebuildNote(from, to, batch.at(-1))}+`,
        again: batch[0] === begun,
        act: () => rebuildRuns(deps, batch),
      }
      if (!(yield* turn(keep, task))) return
    }
    if (ids.length) deps.log('history of a day written anew', { day: from, runs: ids.length })
  }
  await recount(deps)
  await keep(undefined)
}

async function rebuildRuns(deps: RebuildDeps, ids: readonly string[]): Promise<void> {
  const runs = (await deps.store.runs(ids)).filter(run => isFinal(run.status))
  const rewrite = (run: RunRecord) =>
    writeHistory(filesOnly(deps), run).catch((error: unknown) => {
      deps.log('files of a run could not be written anew', { runId: run.id, error })
    })
  for (let at = 0; at < runs.length; at += AT_ONCE) await Promise.all(runs.slice(at, at + AT_ONCE).map(rewrite))
  const rows = await rowsOfRuns(deps, runs)
  await changeBook(deps, index => addRows(deps.bucket, index, rows, true), 'replace')
}

/** What a job has had may have been lost with its page or counted twice: it is counted by the pages of the days. */
async function recount(deps: RebuildDeps): Promise<void> {
  const make = async (index: HistoryIndex): Promise<HistoryIndex> => {
    const runs = new Map<string, number>()
    for (const day of index.days)
      for (const { project, job } of await readRows(deps.bucket, day.page))
        runs.set(fullName(project, job), (runs.get(fullName(project, job)) ?? 0) + 1)
    const jobs = []
    for (const job of index.jobs) {
      const count = runs.get(job.job)
      if (count) jobs.push(await jobOf(deps.bucket, job.job, await readRows(deps.bucket, job.page), job, count))
    }
    return { ...index, jobs, newest: await newestOf(deps.bucket, index.days) }
  }
  await changeBook(deps, make, 'replace')
}

/** Files of a run from its record, which is in the table, or in `run.json` where the table has it no more. */
export async function restoreRun(deps: RebuildDeps, row: IndexRun): Promise<boolean> {
  const [inTable] = await deps.store.runs([row.id])
  const run = inTable ?? (await recordOf(deps.bucket, row))
  if (!run || !isFinal(run.status)) return false
  await writeHistory(filesOnly(deps), run)
  deps.log('files of a run written anew', { runId: run.id })
  return true
}

const MAX_RECORD = 4 * 1024 * 1024

async function recordOf(bucket: Bucket, row: IndexRun): Promise<RunRecord | undefined> {
  const object = await bucket.read(KEY.record(row), MAX_RECORD)
  const text = object && textOf(object.body, MAX_RECORD)
  return text === undefined ? undefined : (JSON.parse(text) as RunRecord)
}

const filesOnly = ({ bucket, configs, log }: RebuildDeps): HistoryDeps => ({ bucket, configs, log })

const dayAfter = (date: string) => new Date(Date.parse(date) + DAY_MS).toISOString().slice(0, 10)

/**
 * The work of the day, in steps: after each the index is whole, and what comes next finds it as it is. So the next compactor can
 * begin anew where this one's time was over or where it died.
 */
import type { HistoryIndex, IndexDay } from '../../shared/history-index.ts'
import { isFinal } from '../../shared/run.ts'
import type { Bucket } from '../common/bucket.ts'
import { changeBook, readBook, readRows } from './book.ts'
import { DAY_MS, daysToPack, type MonthFiles, monthFileOf, monthsToPack, rangesToPack } from './closed.ts'
import { allKept, expire, isExpired, isLeaving } from './expire.ts'
import { type FindDeps, rowsOfRuns } from './find.ts'
import { removeGarbage } from './garbage.ts'
import { outputsIn, removeOldOutputs } from './outputs.ts'
import { type PackDeps, packGroup, sourceOfDay, sourceOfMonth, weightOf } from './pack.ts'
import { addRows } from './rows.ts'

export interface DailyDeps extends FindDeps, PackDeps {
  bucket: Bucket
  now(): Date
}

/** Runs whose call was lost are looked for in so many days. */
const LOOK_BACK_DAYS = 4
/** Records read at once. */
const BATCH = 500

/** Each turn of the iteration is one step done. */
export async function* daily(deps: DailyDeps): AsyncGenerator<void> {
  const config = await deps.configs.load(deps.configs.current)
  const longest = Math.max(...allKept(config))
  const removed = await removeGarbage(deps, (await readBook(deps.bucket)).index, date => !isExpired(date, longest, deps.now()))
  if (removed) deps.log('files without use removed', { count: removed })
  yield
  for (const date of recentDays(deps.now())) {
    await refresh(deps, date, 'missing')
    yield
  }
  for (const outputs of await outputsIn(deps, config)) {
    const count = await removeOldOutputs(deps, outputs)
    if (count) deps.log('docs and state of earlier runs removed', { ...outputs, count })
  }
  yield
  await changeBook(deps, index => expire(deps.bucket, index, config, deps.now()))
  yield
  for await (const day of eachDay(deps)) {
    const sources = day.generation === undefined ? [] : [sourceOfDay(day)]
    await attempt(deps, day.date, index => packGroup(deps, index, { days: [current(index, day)], sources, month: false }))
    yield
  }
  const waits = (from: string, to: string) => isLeaving(config, from, to, deps.now())
  for (const each of monthsToPack((await readBook(deps.bucket)).index, waits)) {
    await repackMonth(deps, each)
    yield
  }
  for (const days of await ranges(deps)) {
    const sources = days.map(sourceOfDay)
    await attempt(deps, days[0]?.date ?? '', index =>
      packGroup(deps, index, { days: days.map(day => current(index, day)), sources, month: true }),
    )
    yield
  }
}

/** What cannot be compacted stays as it is, for the readers as well, and holds up nothing else; it is tried again the next day. */
async function attempt(deps: DailyDeps, from: string, make: (index: HistoryIndex) => Promise<HistoryIndex>): Promise<void> {
  try {
    await changeBook(deps, make)
  } catch (error) {
    deps.log('files could not be compacted', { from, error })
  }
}

const recentDays = (now: Date) =>
  Array.from({ length: LOOK_BACK_DAYS }, (_, back) => new Date(now.getTime() - back * DAY_MS).toISOString().slice(0, 10))

/** The day as it is now: its tail may have grown since the plan. */
const current = (index: HistoryIndex, day: IndexDay) => index.days.find(each => each.date === day.date) ?? day

/** Days that are over and have no open run, with all their runs in the index. */
async function* eachDay(deps: DailyDeps): AsyncGenerator<IndexDay> {
  for (const { date } of daysToPack((await readBook(deps.bucket)).index, deps.now())) {
    if (!(await refresh(deps, date, 'all'))) continue
    const { index } = await readBook(deps.bucket)
    const day = index.days.find(each => each.date === date)
    if (day && !monthFileOf(index, day)) yield day
  }
}

async function repackMonth(deps: DailyDeps, { files, days }: MonthFiles): Promise<void> {
  for (const day of days) if (day.tail.length && !(await refresh(deps, day.date, 'all'))) return
  await attempt(deps, days[0]?.date ?? '', index =>
    packGroup(deps, index, { days: days.map(day => current(index, day)), sources: files.map(sourceOfMonth), month: true, files }),
  )
}

async function ranges({ bucket, now, rowsOfFile }: DailyDeps): Promise<IndexDay[][]> {
  const { index } = await readBook(bucket)
  const weights = new Map<string, number>()
  const wanted = new Set(rangesToPack(index, now(), weights, rowsOfFile).flat())
  for (const day of wanted)
    weights.set(
      day.date,
      (await readRows(bucket, day.page)).reduce((sum, row) => sum + weightOf(row), 0),
    )
  return rangesToPack(index, now(), weights, rowsOfFile)
}

/** Takes runs into the index that are not in it, or reads all of the day. False: a run of it is open. */
async function refresh(deps: DailyDeps, date: string, which: 'missing' | 'all'): Promise<boolean> {
  const { index } = await readBook(deps.bucket)
  const day = index.days.find(each => each.date === date)
  const known = new Set(which === 'missing' ? (await readRows(deps.bucket, day?.page)).map(row => row.id) : [])
  const ids = (await deps.store.idsOfDay(date)).filter(id => !known.has(id))
  let closed = true
  for (let from = 0; from < ids.length; from += BATCH) {
    const runs = await deps.store.runs(ids.slice(from, from + BATCH))
    // Its files are being written, and the call follows.
    const ready = runs.filter(run => isFinal(run.status) && !run.effects?.includes('history'))
    if (ready.length < runs.length) closed = false
    const rows = await rowsOfRuns(deps, ready)
    await changeBook(deps, before => addRows(deps.bucket, before, rows))
  }
  return closed
}

/** The work of the day, in tasks: after each the index is whole. */
import type { Config } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
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
import { type Keep, turn } from './turn.ts'

export interface DailyDeps extends FindDeps, PackDeps {
  bucket: Bucket
  now(): Date
}

/** Runs whose call was lost are looked for in so many days. */
const LOOK_BACK_DAYS = 4
/** Records read at once. */
const BATCH = 500

export const DAILY = 'daily'
/** Step and place of the task that is next; `+`: what is behind it is. */
const NOTE = /^daily(?:\/([a-z]+)\/([^+]*)(\+)?)?$/

interface Step {
  /** Where it stands among those of its kind, which come in this order. */
  at: string
  act(): Promise<unknown>
}

/** In this order. */
const STEPS: Record<string, (deps: DailyDeps, config: Config) => AsyncGenerator<Step>> = {
  garbage,
  lost,
  outputs,
  expired,
  days,
  months,
  ranges,
}

/** Goes on where the note says. Each turn of the iteration is one task done. */
export async function* daily(deps: DailyDeps, note: string, keep: Keep): AsyncGenerator<void> {
  const [, begun = '', last = '', behind] = NOTE.exec(note) ?? []
  const config = await deps.configs.load(deps.configs.current)
  const steps = Object.entries(STEPS)
  const first = steps.findIndex(([name]) => name === begun)
  for (const [name, stepsOf] of steps.slice(Math.max(0, first)))
    for await (const { at, act } of stepsOf(deps, config)) {
      const again = name === begun && at === last
      if (name === begun && (at < last || (again && behind))) continue
      const next = `daily/${name}/${at}`
      if (!(yield* turn(keep, { note: next, behind: `${next}+`, again, act }))) return
    }
  await keep(undefined)
}

async function* garbage(deps: DailyDeps, config: Config): AsyncGenerator<Step> {
  const longest = Math.max(...allKept(config))
  const act = async () => {
    const { index } = await readBook(deps.bucket)
    const count = await removeGarbage(deps, index, date => !isExpired(date, longest, deps.now()))
    if (count) deps.log('files without use removed', { count })
  }
  yield { at: 'all', act }
}

/** Runs that are over and of which nobody told. */
async function* lost(deps: DailyDeps): AsyncGenerator<Step> {
  for (const at of recentDays(deps.now())) yield { at, act: () => refresh(deps, at, 'missing') }
}

async function* outputs(deps: DailyDeps, config: Config): AsyncGenerator<Step> {
  for (const each of await outputsIn(deps, config)) {
    const act = async () => {
      const count = await removeOldOutputs(deps, each)
      if (count) deps.log('docs and state of earlier runs removed', { ...each, count })
    }
    yield { at: fullName(each.project, each.environment), act }
  }
}

async function* expired(deps: DailyDeps, config: Config): AsyncGenerator<Step> {
  yield { at: 'all', act: () => changeBook(deps, index => expire(deps.bucket, index, config, deps.now())) }
}

/** Days that are over and have no open run, with all their runs in the index. */
async function* days(deps: DailyDeps): AsyncGenerator<Step> {
  const act = async (date: string) => {
    if (!(await refresh(deps, date, 'all'))) return
    await attempt(deps, date, async index => {
      const day = index.days.find(each => each.date === date)
      if (!day || monthFileOf(index, day)) return index
      const sources = day.generation === undefined ? [] : [sourceOfDay(day)]
      return packGroup(deps, index, { days: [day], sources, month: false })
    })
  }
  for (const { date } of daysToPack((await readBook(deps.bucket)).index, deps.now())) yield { at: date, act: () => act(date) }
}

async function* months(deps: DailyDeps, config: Config): AsyncGenerator<Step> {
  const waits = (from: string, to: string) => isLeaving(config, from, to, deps.now())
  for (const each of monthsToPack((await readBook(deps.bucket)).index, waits))
    yield { at: each.from, act: () => repackMonth(deps, each) }
}

async function* ranges(deps: DailyDeps): AsyncGenerator<Step> {
  for (const range of await rangesOf(deps)) {
    const sources = range.map(sourceOfDay)
    const [{ date: at } = { date: '' }] = range
    const act = () =>
      attempt(deps, at, index => packGroup(deps, index, { days: range.map(day => current(index, day)), sources, month: true }))
    yield { at, act }
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

/** Oldest first. */
const recentDays = (now: Date) =>
  Array.from({ length: LOOK_BACK_DAYS }, (_, n) =>
    new Date(now.getTime() - (LOOK_BACK_DAYS - 1 - n) * DAY_MS).toISOString().slice(0, 10),
  )

/** The day as it is now: its tail may have grown since the plan. */
const current = (index: HistoryIndex, day: IndexDay) => index.days.find(each => each.date === day.date) ?? day

async function repackMonth(deps: DailyDeps, { files, days }: MonthFiles): Promise<void> {
  for (const day of days) if (day.tail.length && !(await refresh(deps, day.date, 'all'))) return
  await attempt(deps, days[0]?.date ?? '', index =>
    packGroup(deps, index, { days: days.map(day => current(index, day)), sources: files.map(sourceOfMonth), month: true, files }),
  )
}

async function rangesOf({ bucket, now, rowsOfFile }: DailyDeps): Promise<IndexDay[][]> {
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

/** What is to be compacted: days that are over, files that hold other runs than the index, months that are over. */
import type { HistoryIndex, IndexDay, IndexMonth } from '../../shared/history-index.ts'

export const DAY_MS = 86_400_000

/** A day may have open runs for so long after its end; then it is looked at. */
const CLOSED_AFTER_MS = 36 * 60 * 60_000

export const isOver = (lastDay: string, now: Date) => Date.parse(lastDay) + DAY_MS + CLOSED_AFTER_MS <= now.getTime()

/** The file of a month that holds the day. */
export const monthFileOf = (index: HistoryIndex, { date }: IndexDay): IndexMonth | undefined =>
  index.months.find(each => each.from <= date && date <= each.to)

/** Oldest first: days without a file, and those whose file holds other runs than the index. */
export const daysToPack = (index: HistoryIndex, now: Date): IndexDay[] =>
  index.days
    .filter(day => isOver(day.date, now) && !monthFileOf(index, day))
    .filter(day => day.generation === undefined || day.tail.length > 0 || day.packed !== day.runs)
    .reverse()

/** A file of a month, or several of the same days, and the days in it. */
export interface MonthFiles {
  from: string
  files: IndexMonth[]
  days: IndexDay[]
}

/** Oldest first: those that hold other runs than the index. `waits`: whether more runs of such days are to leave soon. */
export function monthsToPack(index: HistoryIndex, waits: (from: string, to: string) => boolean): MonthFiles[] {
  const ranges = new Map<string, IndexMonth[]>()
  for (const file of index.months) {
    const range = `${file.from}/${file.to}`
    ranges.set(range, [...(ranges.get(range) ?? []), file])
  }
  return [...ranges.values()]
    .flatMap(files => {
      const [{ from, to } = { from: '', to: '' }] = files
      const days = index.days.filter(day => from <= day.date && day.date <= to).reverse()
      const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0)
      const others = sum(days.map(day => day.runs)) !== sum(files.map(file => file.packed))
      return days.some(day => day.tail.length > 0) || (others && !waits(from, to)) ? [{ from, files, days }] : []
    })
    .sort((a, b) => (a.from < b.from ? -1 : 1))
}

/**
 * Days of months that are over, each with a file of its own, in ranges of at most so many rows. A range stays in its month and
 * has no day in it that is in another file.
 */
export function rangesToPack(index: HistoryIndex, now: Date, weights: ReadonlyMap<string, number>, most: number): IndexDay[][] {
  const ranges: IndexDay[][] = []
  let left = 0
  let before: IndexDay | undefined
  for (const day of [...index.days].reverse()) {
    const month = day.date.slice(0, 7)
    if (day.generation === undefined || !isOver(lastDayOf(month), now)) {
      before = undefined
      continue
    }
    const weight = weights.get(day.date) ?? 0
    const last = before
    const gap = last && index.months.some(file => last.date < file.from && file.to < day.date)
    if (!last || gap || last.date.slice(0, 7) !== month || left < weight) {
      ranges.push([])
      left = most
    }
    ranges.at(-1)?.push(day)
    left -= weight
    before = day
  }
  return ranges
}

const lastDayOf = (month: string) =>
  new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0)).toISOString().slice(0, 10)

/** Days and weeks of the viewer, and what was to run in them. Pure. */
import type { Expected } from '../../shared/page-api.ts'

export interface DaySum {
  expected: number
  good: number
  failed: number
  missed: number
  skipped: number
  coming: number
}

export function sumOf(list: readonly Expected[]): DaySum {
  const count = (wanted: (each: Expected) => boolean) => list.filter(wanted).length
  const failed = ({ run }: Expected) => run?.status === 'error' || run?.status === 'cancelled'
  return {
    expected: list.length,
    good: count(each => each.kept === 'ran' && !failed(each)),
    failed: count(each => each.kept === 'ran' && failed(each)),
    missed: count(each => each.kept === 'missed'),
    skipped: count(each => each.kept === 'skipped'),
    coming: count(each => each.kept === 'coming'),
  }
}

/** Monday of the week, in the viewer's zone. `text`: YYYY-MM-DD of any of its days; else the week of now. */
export function weekOf(text: string, now: Date): Date {
  const [, year, month, day] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(text) ?? []
  const date = year ? new Date(Number(year), Number(month) - 1, Number(day)) : new Date(now)
  date.setHours(0, 0, 0, 0)
  date.setDate(date.getDate() - ((date.getDay() + 6) % 7))
  return date
}
export const plusDays = (date: Date, days: number): Date => new Date(date.getFullYear(), date.getMonth(), date.getDate() + days)
export const dateText = (date: Date) =>
  `${date.getFullYear()}-${String(date.getMonth() + 1).padStart(2, '0')}-${String(date.getDate()).padStart(2, '0')}`

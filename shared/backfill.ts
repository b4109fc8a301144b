/** The slices of a backfill: a time cut into steps, by the clock of a zone. Pure. */
import { UserError } from './errors.ts'
import { offsetAt, offsetsAround, wallTime } from './schedule-zone.ts'

/** Below every job (-10 to 10): whatever is due goes first. */
export const BACKFILL_PRIORITY = -20

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

export interface BackfillSlice {
  /** Local, as people say it: `2026-01-31`, or with the time of day where it is not midnight. */
  start: string
  end: string
  /** Instants; `endAt` is not part of the slice. */
  startAt: Date
  endAt: Date
}

export interface Step {
  /** Minutes pass by themselves; days and months are those of the calendar, 23 or 25 hours long when the clocks change. */
  unit: 'minutes' | 'days' | 'months'
  count: number
}

const UNITS: Record<string, Step> = {
  m: { unit: 'minutes', count: 1 },
  h: { unit: 'minutes', count: 60 },
  d: { unit: 'days', count: 1 },
  w: { unit: 'days', count: 7 },
  mo: { unit: 'months', count: 1 },
  y: { unit: 'months', count: 12 },
}

/** `15m`, `6h`, `1d`, `1w`, `1mo`, `1y`. */
export function parseStep(text: string): Step {
  const [, count = '', unit = ''] = /^(\d{1,4})\s*(m|h|d|w|mo|y)$/.exec(text.trim()) ?? []
  const step = UNITS[unit]
  if (step && Number(count) > 0) return { unit: step.unit, count: step.count * Number(count) }
  throw new UserError(`--step "${text}" is not a length of time.`, { hint: 'Write 15m, 6h, 1d, 1w, 1mo or 1y.' })
}

export interface BackfillSpan {
  /** `2026-01-01` or `2026-01-01T06:00`, local. */
  from: string
  /** The same; a date without a time means to the end of that day. */
  to: string
  step: Step
  timezone: string
}

/** In order of time; the last one ends with the span. @throws UserError, also when there are more than `max` */
export function sliceSpan({ from, to, step, timezone }: BackfillSpan, max: number): BackfillSlice[] {
  const offset = offsetAt(timezone)
  const instant = (wall: number) => firstInstant(wall, offset)
  const begin = parseWall(from, '--from')
  const endWall = parseWall(to, '--to') + (isDate(to) ? DAY : 0)
  const end = instant(endWall)
  if (instant(begin) >= end) throw new UserError(`--to ${to} is before --from ${from}.`)
  const slices: BackfillSlice[] = []
  const local = (at: number) => localText(at + offset(at) * MINUTE)
  for (let index = 0, start = instant(begin); start < end; index++) {
    if (slices.length === max)
      throw new UserError(`That is more than ${max} slices.`, {
        hint: 'Take a longer step, or a part of the time after another.',
      })
    const next = Math.min(end, step.unit === 'minutes' ? start + step.count * MINUTE : instant(add(begin, step, index + 1)))
    // A local midnight that does not exist is skipped over: the day then begins later, and is still one slice.
    slices.push({ start: local(start), end: local(next), startAt: new Date(start), endAt: new Date(next) })
    start = next
  }
  return slices
}

/** Values for `{{ … }}` in the variables of a slice. */
export const sliceValues = ({ start, end, startAt, endAt }: BackfillSlice): Record<string, string> => ({
  start,
  end,
  start_utc: startAt.toISOString(),
  end_utc: endAt.toISOString(),
})

const isDate = (text: string) => /^\d{4}-\d{2}-\d{2}$/.test(text)

/** A wall time, written as if it were UTC. */
function parseWall(text: string, option: string): number {
  const wall = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2})?$/.test(text)
    ? Date.parse(isDate(text) ? `${text}T00:00Z` : `${text}Z`)
    : Number.NaN
  // 2026-02-30 is read as the 2nd of March by some: only what comes out as it went in exists.
  if (!Number.isNaN(wall) && new Date(wall).toISOString().startsWith(text)) return wall
  throw new UserError(`${option} "${text}" is not a date.`, {
    hint: 'Write 2026-01-31, or 2026-01-31T06:00 in the zone of the job.',
  })
}

/** Counted from the beginning, so that the 31st comes back after a shorter month. */
function add(wall: number, { unit, count }: Step, times: number): number {
  if (unit !== 'months') return wall + count * times * DAY
  const date = new Date(wall)
  const months = date.getUTCMonth() + count * times
  const last = new Date(Date.UTC(date.getUTCFullYear(), months + 1, 0)).getUTCDate()
  const day = Math.min(date.getUTCDate(), last)
  return Date.UTC(date.getUTCFullYear(), months, day) + (wall % DAY)
}

function firstInstant(wall: number, offset: (instant: number) => number): number {
  const day = Math.floor(wall / DAY) * DAY
  const time = wallTime(wall, offsetsAround(day, offset), offset)
  return time.kind === 'exists' ? time.at[0] : time.gap
}

const localText = (wall: number) => new Date(wall).toISOString().slice(0, wall % DAY === 0 ? 10 : 16)

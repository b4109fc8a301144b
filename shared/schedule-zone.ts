/** Local times and instants, by the time zone data of the runtime. Instants in milliseconds; a wall time is written as if it were UTC. */
const MINUTE = 60_000
const HOUR = 60 * MINUTE

export function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    // An offset such as +02:00 is accepted by newer runtimes; EventBridge wants a name.
    return /^[A-Za-z]/.test(name)
  } catch {
    return false
  }
}

export const timezones = (): string[] => [...Intl.supportedValuesOf('timeZone'), 'UTC']

/** Minutes east of UTC at an instant, in the zone. */
export function offsetAt(timezone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' })
  return instant => {
    const [, sign = '+', hours = '0', minutes = '0'] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(format.format(instant)) ?? []
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes))
  }
}

export type WallTime =
  | { kind: 'exists'; at: [number] | [number, number] }
  /** `gap`: an instant near the moment when the clocks jumped over it. */
  | { kind: 'missing'; gap: number }

/** How the clock stands around a local date; equal: no change that day. Minutes east of UTC. */
export interface DayOffsets {
  before: number
  after: number
}

/**
 * `day`: midnight of a date as a wall time. Zones are 12 hours behind to 14 ahead of UTC, so the offsets 15 hours
 * around the date show every change in it. (No zone changes its clocks twice in two days.)
 */
export const offsetsAround = (day: number, offset: (instant: number) => number): DayOffsets => ({
  before: offset(day - 15 * HOUR),
  after: offset(day + 39 * HOUR),
})

/** The instants that a wall time names: none, one, or two in order. */
export function wallTime(wall: number, { before, after }: DayOffsets, offset: (instant: number) => number): WallTime {
  if (before === after) return { kind: 'exists', at: [wall - before * MINUTE] }
  const early = wall - Math.max(before, after) * MINUTE
  const late = wall - Math.min(before, after) * MINUTE
  const [first, second] = [early, late].filter(instant => instant + offset(instant) * MINUTE === wall)
  if (first === undefined) return { kind: 'missing', gap: late }
  return { kind: 'exists', at: second === undefined ? [first] : [first, second] }
}

export const daysInMonth = (day: Date) => new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).getUTCDate()

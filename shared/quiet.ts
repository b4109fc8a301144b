/** Quiet hours: until when a message waits. */
import type { QuietHours } from './notify.ts'
import { offsetAt } from './schedule-zone.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** The end of the quiet hours that `now` lies in; undefined when it lies in none. */
export function quietUntil({ from, to, timezone }: QuietHours, now: Date): Date | undefined {
  const offset = offsetAt(timezone)
  const wallAt = (instant: number) => instant + offset(instant) * MINUTE
  const wall = wallAt(now.getTime())
  const minute = (wall % DAY) / MINUTE
  const quiet = from < to ? minute >= from && minute < to : minute >= from || minute < to
  if (!quiet) return undefined
  const end = Math.floor(wall / DAY) * DAY + to * MINUTE + (minute < to ? 0 : DAY)
  // The clocks may change before the end: by how much is known there.
  const guess = now.getTime() + (end - wall)
  return new Date(guess + (end - wallAt(guess)))
}

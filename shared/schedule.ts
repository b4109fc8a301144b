/**
 * When schedules fire: the one evaluator behind `tidemill next`, the sweeper and local mode. It behaves as EventBridge
 * Scheduler does: a local time that does not exist is skipped, a local time that comes twice fires once, hourly crons included.
 */
import type { Refusal } from './refusal.ts'
import { type Cron, type DayRule, eventBridgeExpressions, parseCron, parseEventBridge } from './schedule-cron.ts'
import { daysInMonth, offsetAt, offsetsAround, wallTime } from './schedule-zone.ts'

export interface Firing {
  /** Start of the minute, UTC. */
  at: Date
  /** Local time, `2027-03-28T02:30`. */
  local: string
  /** Minutes east of UTC. */
  offset: number
  /**
   * The local time comes twice that night. AWS fires once without saying which, `at` is the first; whoever looks
   * for a missing run must accept this later moment as well.
   */
  again?: Date
}

/** What `next` shows: firings, and local times that the clock change leaves out. */
export type Occurrence =
  | (Firing & { kind: 'fires' /** Other than at the occurrence before. */; offsetChanged: boolean })
  | { kind: 'skipped'; local: string }

/** Ends a search: that many firings, or all before an instant. */
export type Limit = { count: number } | { until: Date }

/** How far ahead a search by count looks: the rarest crons (a fifth Friday in February) come every 28 years. */
const HORIZON_YEARS = 40
const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE

/** A cron as it is deployed. */
export interface DeployedCron {
  cron: string
  /** Together they fire when the cron does; two at one minute are one firing (the claim is by minute). */
  expressions: string[]
}

/** EventBridge allows 256 characters. */
const EXPRESSION_LENGTH = 256

export function deployCron(text: string): DeployedCron | Refusal {
  const cron = parseCron(text)
  if ('refused' in cron) return cron
  const expressions = eventBridgeExpressions(cron)
  const long = expressions.find(expression => expression.length > EXPRESSION_LENGTH)
  if (long)
    return {
      refused: `becomes ${long.length} characters for EventBridge, which allows ${EXPRESSION_LENGTH}; split it into two schedules`,
    }
  return { cron: text.trim(), expressions }
}

/** Firings from `from` (included) up to the limit (`until` excluded), in order. Throws on an expression or zone that validation refuses. */
export function firings(expression: string, timezone: string, from: Date, limit: Limit): Firing[] {
  return occurrences(expression, timezone, from, limit).flatMap(each => {
    if (each.kind === 'skipped') return []
    const { at, local, offset, again } = each
    return [{ at, local, offset, ...(again && { again }) }]
  })
}

/** As {@link firings}, with the local times that are skipped and the changes of the clock. `expression`: five fields, or `cron(…)`. */
export function occurrences(expression: string, timezone: string, from: Date, limit: Limit): Occurrence[] {
  const cron = expression.startsWith('cron(') ? parseEventBridge(expression) : parseCron(expression)
  if ('refused' in cron) throw new Error(`schedule "${expression}": ${cron.refused}`)
  const offset = offsetAt(timezone)
  const until = 'until' in limit ? limit.until.getTime() : from.getTime() + HORIZON_YEARS * 366 * DAY
  const count = 'count' in limit ? limit.count : Number.POSITIVE_INFINITY
  const found: Occurrence[] = []
  const start = from.getTime()
  let fired = 0
  let before = offset(start)
  // One day early and one day late: the local date may differ from the UTC date by one.
  for (let day = Math.floor(start / DAY) * DAY - DAY; day < until + DAY && fired < count; day += DAY) {
    if (!matchesDay(cron, new Date(day))) continue
    const around = offsetsAround(day, offset)
    for (const wall of wallMinutes(cron, day)) {
      const time = wallTime(wall, around, offset)
      const at = time.kind === 'missing' ? time.gap : time.at[0]
      if (at < start || at >= until || fired >= count) continue
      const local = new Date(wall).toISOString().slice(0, 16)
      if (time.kind === 'missing') {
        found.push({ kind: 'skipped', local })
        continue
      }
      const here = (wall - at) / MINUTE
      const again = time.at[1] === undefined ? {} : { again: new Date(time.at[1]) }
      found.push({ kind: 'fires', at: new Date(at), local, offset: here, ...again, offsetChanged: here !== before })
      before = here
      fired++
    }
  }
  return found
}

function* wallMinutes(cron: Cron, day: number): Generator<number> {
  for (const hour of cron.hours) for (const minute of cron.minutes) yield day + (hour * 60 + minute) * MINUTE
}

/** `day`: midnight of the local date, written as UTC. */
function matchesDay(cron: Cron, day: Date): boolean {
  return cron.months.includes(day.getUTCMonth() + 1) && cron.days.some(rule => matchesRule(rule, day))
}

function matchesRule(rule: DayRule, day: Date): boolean {
  const date = day.getUTCDate()
  const weekday = day.getUTCDay()
  const last = daysInMonth(day)
  switch (rule.kind) {
    case 'every':
      return true
    case 'dates':
      return rule.dates.includes(date)
    case 'lastDate':
      return date === last
    case 'nearestWorkday':
      return date === nearestWorkday(rule.date, date, weekday, last)
    case 'weekdays':
      return rule.days.includes(weekday)
    case 'nthWeekday':
      return weekday === rule.day && Math.ceil(date / 7) === rule.nth
    case 'lastWeekday':
      return weekday === rule.day && date > last - 7
  }
}

/** The working day nearest to `wanted` in the month where `date` is a `weekday`, never in another month. */
function nearestWorkday(wanted: number, date: number, weekday: number, last: number): number {
  const wantedWeekday = (((weekday + wanted - date) % 7) + 7) % 7
  if (wantedWeekday === 6) return wanted === 1 ? 3 : wanted - 1
  if (wantedWeekday === 0) return wanted === last ? wanted - 2 : wanted + 1
  return wanted
}

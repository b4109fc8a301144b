/**
 * Cron as people write it (five fields, Sunday 0 or 7) and as EventBridge Scheduler writes it (`cron(…)`, six fields,
 * Sunday 1), read into one form. What EventBridge cannot express is refused by name.
 */
import { type Refusal, refuse } from './refusal.ts'
import { compactField, type Field, parseField } from './schedule-field.ts'

/** One way to choose the days of a month. Days of the week: 0 = Sunday. */
export type DayRule =
  | { kind: 'every' }
  | { kind: 'dates'; dates: number[] }
  | { kind: 'lastDate' }
  /** The working day (Monday to Friday) nearest to the date, in the same month. */
  | { kind: 'nearestWorkday'; date: number }
  | { kind: 'weekdays'; days: number[] }
  | { kind: 'nthWeekday'; day: number; nth: number }
  | { kind: 'lastWeekday'; day: number }

export interface Cron {
  minutes: number[]
  hours: number[]
  months: number[]
  /** A day matches when any rule does. */
  days: DayRule[]
}

const DAY_NAMES = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']
const MONTH_NAMES = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const MINUTE: Field = { name: 'minute', from: 0, to: 59 }
const HOUR: Field = { name: 'hour', from: 0, to: 23 }
const DATE: Field = { name: 'day of month', from: 1, to: 31 }
const MONTH: Field = { name: 'month', from: 1, to: 12, names: MONTH_NAMES }
const WEEKDAY: Field = { name: 'day of week', from: 0, to: 7, names: DAY_NAMES }

const SHORTHANDS: Record<string, string> = {
  '@hourly': '0 * * * *',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@weekly': '0 0 * * 0',
  '@monthly': '0 0 1 * *',
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
}

/** Reads five fields or a shorthand such as `@daily`; a refusal says what is wrong and what to write. */
export function parseCron(text: string): Cron | Refusal {
  const trimmed = text.trim()
  if (trimmed.startsWith('@')) {
    const fields = SHORTHANDS[trimmed.toLowerCase()]
    return fields ? parseCron(fields) : refuse(`is not a shorthand of cron; known: ${Object.keys(SHORTHANDS).join(', ')}`)
  }
  if (/^(cron|rate|at)\(/i.test(trimmed))
    return refuse('is EventBridge’s form; write five fields (minute hour day-of-month month day-of-week), or `every: 1h`')
  const fields = trimmed.split(/\s+/)
  if (fields.length !== 5)
    return refuse(
      `needs five fields (minute hour day-of-month month day-of-week), got ${trimmed ? fields.length : 0}${
        fields.length > 5 ? '; EventBridge knows no seconds, and a year cannot be given' : ''
      }`,
    )
  const [minute = '', hour = '', date = '', month = '', weekday = ''] = fields
  const minutes = parseField(minute, MINUTE)
  const hours = parseField(hour, HOUR)
  const months = parseField(month, MONTH)
  for (const part of [minutes, hours, months]) if ('refused' in part) return part
  const days = parseDays(date, weekday)
  if ('refused' in days) return days
  const cron = { minutes, hours, months, days } as Cron
  const never = neverFires(cron)
  return never ? refuse(`never fires: ${never}`) : cron
}

/** Both day fields restricted means "either" to cron; one of them `*` means the other alone. */
function parseDays(date: string, weekday: string): DayRule[] | Refusal {
  if (/^\*\/(?!1$)/.test(date) && !/^[*?]$/.test(weekday))
    return refuse(`"${date}" with a day of week is read differently by every cron; list the days, e.g. 1,3,5`)
  const dates = parseList(date, parseDateRule)
  if ('refused' in dates) return dates
  const weekdays = parseList(weekday, parseWeekdayRule)
  if ('refused' in weekdays) return weekdays
  const free = (rules: DayRule[]) => rules.some(rule => rule.kind === 'every')
  const rules = free(dates)
    ? mergeWeekdays(weekdays)
    : free(weekdays)
      ? mergeDates(dates)
      : [...mergeDates(dates), ...mergeWeekdays(weekdays)]
  return rules.some(coversAll) ? [{ kind: 'every' }] : rules
}

const coversAll = (rule: DayRule) =>
  rule.kind === 'every' ||
  (rule.kind === 'weekdays' && rule.days.length === 7) ||
  (rule.kind === 'dates' && rule.dates.length === 31)

function parseList(text: string, parse: (item: string) => DayRule | Refusal): DayRule[] | Refusal {
  const rules = text.split(',').map(parse)
  return rules.find((rule): rule is Refusal => 'refused' in rule) ?? (rules as DayRule[])
}

function parseDateRule(item: string): DayRule | Refusal {
  if (item === '*' || item === '?' || item === '*/1') return { kind: 'every' }
  if (/^L$/i.test(item)) return { kind: 'lastDate' }
  if (/^L-\d+$/i.test(item))
    return refuse(`"${item}" (days before the last) is unknown to EventBridge; name a date, or L for the last day`)
  if (/^(LW|WL)$/i.test(item))
    return refuse(`"${item}" (last working day) is unknown to EventBridge; L is the last day, e.g. 5L the last Friday`)
  const workday = /^(\d+)W$/i.exec(item)?.[1]
  if (workday !== undefined) {
    const date = Number(workday)
    // What EventBridge does with 31W in a month of 30 days is written nowhere.
    return date >= 1 && date <= 28 ? { kind: 'nearestWorkday', date } : refuse(`"${item}": the day of month before W is 1 to 28`)
  }
  if (/^W$/i.test(item)) return refuse('W needs a date before it, e.g. 15W; for working days write 1-5 in the day-of-week field')
  const dates = parseField(item, DATE)
  if ('refused' in dates) return dates
  return { kind: 'dates', dates }
}

function parseWeekdayRule(item: string): DayRule | Refusal {
  if (item === '*' || item === '?' || item === '*/1') return { kind: 'every' }
  if (/^L$/i.test(item))
    return refuse(
      'L alone in the day-of-week field means Saturday to EventBridge; write SAT, or 5L for the last Friday of the month',
    )
  const [, name = '', mark, nth = ''] = /^(\w+?)(?:(#)(\S*)|L)$/i.exec(item) ?? []
  if (name && /^(\d|[a-z]{3})$/i.test(name)) {
    const day = parseField(name, WEEKDAY)
    if ('refused' in day) return day
    const one = (day[0] ?? 0) % 7
    if (mark !== '#') return { kind: 'lastWeekday', day: one }
    return /^[1-5]$/.test(nth)
      ? { kind: 'nthWeekday', day: one, nth: Number(nth) }
      : refuse(`"${item}": after # comes 1 to 5, e.g. MON#1`)
  }
  const days = parseField(/^(\w+)-SUN$/i.test(item) && !/^SUN-/i.test(item) ? item.replace(/-SUN$/i, '-7') : item, WEEKDAY)
  if ('refused' in days) return days
  return { kind: 'weekdays', days: sorted(days.map(day => day % 7)) }
}

function mergeDates(rules: DayRule[]): DayRule[] {
  const dates = sorted(rules.flatMap(rule => (rule.kind === 'dates' ? rule.dates : [])))
  return [...(dates.length ? [{ kind: 'dates', dates } as const] : []), ...rules.filter(rule => rule.kind !== 'dates')]
}

function mergeWeekdays(rules: DayRule[]): DayRule[] {
  const days = sorted(rules.flatMap(rule => (rule.kind === 'weekdays' ? rule.days : [])))
  return [...(days.length ? [{ kind: 'weekdays', days } as const] : []), ...rules.filter(rule => rule.kind !== 'weekdays')]
}

const sorted = (numbers: number[]) => [...new Set(numbers)].sort((a, b) => a - b)

/** Most days a month can have, February's 29 included. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

/** A date that no chosen month has. Every other rule matches at least once in 28 years. */
function neverFires(cron: Cron): string | undefined {
  const longest = Math.max(...cron.months.map(month => LONGEST[month - 1] ?? 0))
  for (const rule of cron.days)
    if (rule.kind === 'dates' && Math.min(...rule.dates) > longest)
      return `there is no day ${rule.dates.join(', ')} in ${cron.months.map(month => MONTH_NAMES[month - 1]).join(', ')}`
  return undefined
}

/**
 * The EventBridge expressions that together fire when `cron` does: one for each kind of day rule, since EventBridge
 * wants `?` in one of the two day fields and allows `#`, `L` and `W` only alone.
 */
export function eventBridgeExpressions(cron: Cron): string[] {
  const [minutes, hours, months] = [
    compactField(cron.minutes, MINUTE),
    compactField(cron.hours, HOUR),
    compactField(cron.months, MONTH),
  ]
  return cron.days.map(rule => {
    const [date, weekday] = dayFields(rule)
    return `cron(${minutes} ${hours} ${date} ${months} ${weekday} *)`
  })
}

function dayFields(rule: DayRule): [string, string] {
  switch (rule.kind) {
    case 'every':
      return ['*', '?']
    case 'dates':
      return [compactField(rule.dates, DATE), '?']
    case 'lastDate':
      return ['L', '?']
    case 'nearestWorkday':
      return [`${rule.date}W`, '?']
    case 'weekdays':
      return ['?', compactField(rule.days, { ...WEEKDAY, to: 6 }, day => DAY_NAMES[day] ?? '')]
    case 'nthWeekday':
      return ['?', `${rule.day + 1}#${rule.nth}`]
    case 'lastWeekday':
      return ['?', `${rule.day + 1}L`]
  }
}

/** Reads an expression that {@link eventBridgeExpressions} made, for those who have only the deployed schedule. */
export function parseEventBridge(expression: string): Cron | Refusal {
  const fields = /^cron\((.*)\)$/.exec(expression.trim())?.[1]?.trim().split(/\s+/) ?? []
  const [minute, hour, date, month, weekday = '', year] = fields
  if (fields.length !== 6 || year !== '*' || (date === '?') === (weekday === '?'))
    return refuse(`"${expression}" is not a cron expression of EventBridge as this program writes them`)
  const shifted = weekday.replace(/^\d/, digit => String(Number(digit) - 1))
  return parseCron([minute, hour, date === '?' ? '*' : date, month, weekday === '?' ? '*' : shifted].join(' '))
}

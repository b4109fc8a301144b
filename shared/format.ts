/** How numbers, times and foreign text are written for people: one form in messages, on the command line and on the site. */

const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const two = (value: number) => String(value).padStart(2, '0')

/** `0.4s`, `58s`, `11m 02s`, `2h 05m`, `3d 04h`. Seconds; a negative span (clocks differ) is 0. */
export function formatDuration(seconds: number): string {
  const span = Math.max(0, Number.isFinite(seconds) ? seconds : 0)
  if (span < 9.95 && span % 1 >= 0.05) return `${span.toFixed(1)}s`
  const whole = Math.round(span)
  if (whole < MINUTE) return `${whole}s`
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}m ${two(whole % MINUTE)}s`
  const minutes = Math.round(whole / MINUTE)
  if (minutes * MINUTE < DAY) return `${Math.floor(minutes / 60)}h ${two(minutes % 60)}m`
  const hours = Math.round(whole / HOUR)
  return `${Math.floor(hours / 24)}d ${two(hours % 24)}h`
}

/** The same in one unit, for sentences: `58 s`, `11 min`, `19 h`, `3 days`. */
export function formatSpan(seconds: number): string {
  const span = Math.max(0, Number.isFinite(seconds) ? seconds : 0)
  if (Math.round(span) < 90) return `${Math.round(span)} s`
  if (Math.round(span / MINUTE) < 90) return `${Math.round(span / MINUTE)} min`
  if (Math.round(span / HOUR) < 48) return `${Math.round(span / HOUR)} h`
  return `${Math.round(span / DAY)} days`
}

/** `just now`, `6 h ago`, `in 5 min`. */
export function formatRelative(at: Date, now: Date): string {
  const seconds = (now.getTime() - at.getTime()) / 1000
  if (Math.abs(seconds) < 5) return 'just now'
  return seconds > 0 ? `${formatSpan(seconds)} ago` : `in ${formatSpan(-seconds)}`
}

/** `812 B`, `4.2 MB`, `2 GB`: steps of 1,024, as container sizes are counted. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB']
  let value = Math.max(0, bytes)
  let unit = 0
  while (value >= 1023.5 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : 1
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit]}`
}

// Made once: it costs a hundred times what it does.
const counts = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** `1,412`. */
export const formatCount = (count: number) => counts.format(count)

/** `1 model`, `3 models`, `2 queries` (the plural given when it is not an s). */
export const plural = (count: number, one: string, many = `${one}s`) => `${formatCount(count)} ${count === 1 ? one : many}`

/** US dollars, as AWS bills: `0.011 USD`, `1.24 USD`; below a tenth of a cent `less than 0.001 USD`. */
export function formatMoney(usd: number): string {
  if (usd > 0 && usd < 0.001) return 'less than 0.001 USD'
  return `${usd.toFixed(usd < 0.1 && usd > 0 ? 3 : 2)} USD`
}

function timeParts(at: Date, timezone: string): Record<string, string> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: timezone,
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return Object.fromEntries(format.formatToParts(at).map(part => [part.type, part.value]))
}

/** `02:00 Europe/Berlin`. */
export function formatTime(at: Date, timezone: string): string {
  const part = timeParts(at, timezone)
  return `${part.hour}:${part.minute} ${timezone}`
}

/** `Sun 22 Nov 2026 02:00 Europe/Berlin`. */
export function formatDateTime(at: Date, timezone: string): string {
  const part = timeParts(at, timezone)
  return `${part.weekday} ${part.day} ${part.month?.slice(0, 3)} ${part.year} ${part.hour}:${part.minute} ${timezone}`
}

/** `today 02:00`, `yesterday 23:10`, `Thu 19 Nov 02:00`, with the year when it is another one; the zone is said elsewhere. */
export function formatDay(at: Date, now: Date, timezone: string): string {
  const part = timeParts(at, timezone)
  const date = `${part.day} ${part.month} ${part.year}`
  const dateOf = (moment: Date) => {
    const { day, month, year } = timeParts(moment, timezone)
    return `${day} ${month} ${year}`
  }
  const time = `${part.hour}:${part.minute}`
  if (date === dateOf(now)) return `today ${time}`
  if (date === dateOf(new Date(now.getTime() - DAY * 1000))) return `yesterday ${time}`
  const year = part.year === timeParts(now, timezone).year ? '' : ` ${part.year}`
  return `${part.weekday} ${part.day} ${part.month?.slice(0, 3)}${year} ${time}`
}

/** First seven digits of a commit, as git shows it. */
export const shortSha = (sha: string) => sha.slice(0, 7)

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one
const ANSI = /[\u001b\u009b](?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])?/g
// Control characters but newline and tab; format characters (they reorder or hide text); halves of surrogate pairs.
const INVISIBLE = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}]/gu

/**
 * Text of strangers (node names, database messages, commit subjects) without colour codes, control characters and the
 * marks that turn the direction of what follows. Newlines and tabs stay.
 */
export const stripControls = (text: string) =>
  text
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
    .replace(ANSI, '')
    .replace(INVISIBLE, '')

/** {@link stripControls} on one line, spaces collapsed, at most `max` UTF-16 units. */
export function oneLine(text: string, max: number): string {
  // Names of a megabyte exist: what cannot be shown is not worked on. Four times leaves room for what is stripped.
  const start = text.slice(0, max * 4 + 64)
  const line = stripControls(start).replace(/\s+/g, ' ').trim()
  return cutText(start.length < text.length ? `${line}…` : line, max)
}

/** At most `max` UTF-16 units, the last of them `…` if anything was cut; never half a character. */
export function cutText(text: string, max: number): string {
  if (text.length <= max) return text
  let end = Math.max(0, max - 1)
  // Not between the halves of a surrogate pair, nor before a combining mark or a joiner.
  while (end > 0 && /^[\udc00-\udfff\p{M}\u200d]/u.test(text.slice(end, end + 2))) end -= 1
  return `${text.slice(0, end).trimEnd()}…`
}

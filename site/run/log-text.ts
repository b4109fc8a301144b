/** A line of log: its colours as classes, its level by dbt's words. Pure; the text stays text. */

export interface Span {
  text: string
  /** Classes, e.g. `ansi-31 ansi-1`. */
  style: string
}
/** What of the log is shown: 0 and empty stand for all. */
export interface LogFilter {
  attempt: number
  /** Its number; -1: all. */
  step: number
  level: string
}
export const readLogFilter = (query: URLSearchParams): LogFilter => ({
  attempt: Number(query.get('attempt') ?? 0),
  step: Number(query.get('step') || -1),
  level: query.get('level') ?? '',
})
export const LEVELS = [
  ['', 'all'],
  ['warn', 'warnings and errors'],
  ['error', 'errors'],
] as const

/** What Tidemill says of the log itself is of no step. */
export const showsOf =
  ({ step, level }: LogFilter) =>
  (line: { step: number; text: string }): boolean => {
    if (line.step < 0) return true
    if (step >= 0 && line.step !== step) return false
    const own = level && levelOf(line.text)
    return own === level || own === 'error'
  }

/** Longer lines are cut: a browser stands still for seconds over a line of a megabyte. */
export const MOST_SHOWN = 4000

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes begin with one
const CODE = /\u001b(?:\[([0-9;]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-Z\\^_])/g
// Control characters but tab, and format characters, which reorder or hide what follows.
const INVISIBLE = /(?!\t)[\p{Cc}\p{Cf}\p{Cs}]/gu

export function spansOf(line: string): Span[] {
  const text = line.length > MOST_SHOWN ? line.slice(0, MOST_SHOWN) : line
  const spans: Span[] = []
  let style = new Set<number>()
  let from = 0
  const add = (piece: string) => {
    const clean = piece.replace(INVISIBLE, '')
    if (clean) spans.push({ text: clean, style: [...style].map(code => `ansi-${code}`).join(' ') })
  }
  for (const match of text.matchAll(CODE)) {
    add(text.slice(from, match.index))
    from = match.index + match[0].length
    if (match[2] === 'm') style = changed(style, match[1] ?? '')
  }
  add(text.slice(from))
  if (line.length > MOST_SHOWN) spans.push({ text: ` … ${line.length - MOST_SHOWN} characters more`, style: 'cut' })
  return spans
}

/** Bold, dim and the sixteen foreground colours; the rest would make text unreadable in one of the two schemes. */
function changed(style: Set<number>, codes: string): Set<number> {
  const next = new Set(style)
  for (const code of codes.split(';').map(Number)) {
    const color = (code >= 30 && code <= 37) || (code >= 90 && code <= 97)
    if (code === 0) next.clear()
    if (color || code === 39) for (const old of next) if (old >= 30) next.delete(old)
    // Bright ones are shown as the plain ones.
    if (color) next.add(code >= 90 ? code - 60 : code)
    if (code === 1 || code === 2) next.add(code)
    if (code === 22) [1, 2].forEach(each => void next.delete(each))
  }
  return next
}

export type Level = 'error' | 'warn' | 'good' | ''

// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const plain = (line: string) => line.slice(0, 400).replace(/\u001b\[[0-9;]*m/g, '')

/** dbt writes the outcome of a node in capitals; the runner and dbt's summary begin with the word. */
export function levelOf(line: string): Level {
  const text = plain(line)
  if (/\b(?:ERROR|FAIL)\b|\b\w* Error\b|^(?:error|Traceback)\b/.test(text) && !/\bERROR=0\b/.test(text)) return 'error'
  if (/\bWARN(?:ING)?\b(?!=0)|^warn\b/.test(text)) return 'warn'
  return /\b(?:OK|PASS)\b(?!=)|Completed successfully/.test(text) ? 'good' : ''
}

/**
 * Rows that a line takes when each has so many characters. What is not Latin counts twice, which is as wide as letters get: rather a
 * row too many than text out of sight.
 */
export function rowsOf(line: string, columns: number): number {
  if (!columns || line.length * 2 <= columns) return 1
  let [rows, used] = [1, 0]
  for (const { text } of spansOf(line))
    for (const letter of text) {
      const width = letter === '\t' ? 8 - (used % 8) : (letter.codePointAt(0) ?? 0) > 0x2ff ? 2 : 1
      if (used + width > columns) [rows, used] = [rows + 1, 0]
      used += width
    }
  return rows
}

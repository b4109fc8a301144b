/** Tables that fit the terminal. Without a terminal nothing is cut, so that names survive a pipe. */

export interface Column {
  title: string
  align?: 'right'
  /** May be cut to this many characters when the line is too long; others are never cut. */
  shrinkTo?: number
}

export interface Cell {
  text: string
  /** Applied after the padding, so that colours do not count as width. */
  paint?: (text: string) => string
}

const GAP = 2

/** Characters as people count them (an accent made of two code points is one). */
const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
const widthOf = (text: string) => [...segmenter.segment(text)].length

export function cutText(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  const parts = [...segmenter.segment(text)].slice(0, Math.max(0, width - 1)).map(part => part.segment)
  return `${parts.join('')}…`
}

/** `width`: characters of the terminal, Infinity without one. */
export function formatTable(columns: Column[], rows: Cell[][], width: number): string[] {
  const widths = fitWidths(columns, rows, width)
  const line = (cells: Cell[]) =>
    columns
      .map((column, i) => {
        const cell = cells[i] ?? { text: '' }
        const text = cutText(cell.text, widths[i] ?? 0)
        const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - widthOf(text)))
        const last = i === columns.length - 1
        const padded = column.align === 'right' ? space + text : last ? text : text + space
        return cell.paint ? cell.paint(padded) : padded
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  const head = columns.some(column => column.title) ? [line(columns.map(column => ({ text: column.title })))] : []
  return [...head, ...rows.map(line)]
}

/** The widest of the shrinkable columns gives way first. */
function fitWidths(columns: Column[], rows: Cell[][], width: number): number[] {
  const widths = columns.map((column, i) => Math.max(widthOf(column.title), ...rows.map(row => widthOf(row[i]?.text ?? ''))))
  let excess = widths.reduce((sum, w) => sum + w, 0) + GAP * (columns.length - 1) - width
  while (excess > 0) {
    const candidates = columns.flatMap((column, i) =>
      column.shrinkTo !== undefined && (widths[i] ?? 0) > column.shrinkTo ? [i] : [],
    )
    const widest = candidates.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0]
    if (widest === undefined) break
    widths[widest] = (widths[widest] ?? 0) - 1
    excess -= 1
  }
  return widths
}

import type { RunRecord, StepResult } from '../../shared/run.ts'
import { HREF } from '../route.ts'
import { type Line, type LogStore, type Place, placeOf, rowOf } from './log-store.ts'
import { levelOf, spansOf } from './log-text.ts'

/** Pixels of a row; the same as in log.css. */
export const ROW = 18

interface LinesProps {
  log: LogStore
  record: RunRecord
  steps: StepResult[]
  /** Rows. */
  from: number
  until: number
  marked: Place | undefined
  /** What is searched for. */
  text: string
  /** Pixels from the top at which a row is drawn. */
  topOf(row: number): number
}

export function LogLines({ log, record, steps, from, until, marked, text, topOf }: LinesProps) {
  const shown = linesOf(log, from, until)
  const names = new Map(steps.map(step => [step.index, step.name]))
  const [first] = shown
  return (
    <div class="log-lines" style={{ transform: `translateY(${first ? topOf(rowOf(log, first.place)) : 0}px)` }}>
      {shown.map(({ place, line, rows }) => (
        <LogLine
          key={`${place.chunk}/${place.line}`}
          line={line}
          rows={rows}
          href={HREF.run(record.id, { view: 'log', at: line?.at })}
          step={line ? (names.get(line.step) ?? '') : ''}
          marked={marked?.chunk === place.chunk && marked.line === place.line}
          text={text}
        />
      ))}
    </div>
  )
}

interface Shown {
  place: Place
  line: Line | undefined
  rows: number
}

function linesOf(log: LogStore, from: number, until: number): Shown[] {
  const shown: Shown[] = []
  let { chunk, line } = placeOf(log, from)
  let left = until - rowOf(log, { chunk, line })
  for (let here = log.chunks[chunk]; here && left > 0; here = log.chunks[++chunk], line = 0)
    for (; line < (here.lines?.length ?? here.rows) && left > 0; line++) {
      const rows = here.starts ? (here.starts[line + 1] ?? here.rows) - (here.starts[line] ?? 0) : 1
      shown.push({ place: { chunk, line }, line: here.lines?.[line], rows })
      left -= rows
    }
  return shown
}

interface LineProps extends Omit<Shown, 'place'> {
  href: string
  step: string
  marked: boolean
  text: string
}
function LogLine({ line, rows, href, step, marked, text }: LineProps) {
  if (!line) return <div class="log-line dim">…</div>
  const level = levelOf(line.text)
  return (
    <div class={`log-line ${level ? `level-${level}` : ''} ${marked ? 'is-marked' : ''}`} style={{ height: `${rows * ROW}px` }}>
      {line.at && (
        // One stop of the keyboard for each line would be too many.
        <a class="log-time" href={href} tabIndex={-1} title={`${line.at} ${step}`}>
          {timeOf(line.at)}
        </a>
      )}
      {spansOf(line.text).map((span, i) => (
        <span key={i} class={span.style}>
          {text ? highlight(span.text, text) : span.text}
        </span>
      ))}
    </div>
  )
}

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
const timeOf = (at: string) => {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? '' : clock.format(date)
}

function highlight(line: string, text: string) {
  const pieces: preact.ComponentChildren[] = []
  const [lower, wanted] = [line.toLowerCase(), text.toLowerCase()]
  let from = 0
  // Lower case of some letters is longer: then places differ, and nothing is marked.
  for (let at = lower.length === line.length ? lower.indexOf(wanted) : -1; at >= 0; at = lower.indexOf(wanted, from)) {
    pieces.push(line.slice(from, at), <mark>{line.slice(at, at + wanted.length)}</mark>)
    from = at + wanted.length
  }
  return [...pieces, line.slice(from)]
}

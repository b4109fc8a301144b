import type { StepResult } from '../../shared/run.ts'
import { type Line, type LogStore, type Place, placeOf } from './log-store.ts'
import { levelOf, spansOf } from './log-text.ts'

interface LinesProps {
  log: LogStore
  steps: StepResult[]
  /** Numbers of lines. */
  from: number
  until: number
  marked: Place | undefined
  /** What is searched for. */
  text: string
}

export function LogLines({ log, steps, from, until, marked, text }: LinesProps) {
  const shown = linesOf(log, from, until)
  const names = new Map(steps.map(step => [step.index, step.name]))
  return (
    <>
      {shown.map(({ place, line }) => (
        <LogLine
          key={`${place.chunk}/${place.line}`}
          line={line}
          step={line ? (names.get(line.step) ?? '') : ''}
          marked={marked?.chunk === place.chunk && marked.line === place.line}
          text={text}
        />
      ))}
    </>
  )
}

function linesOf(log: LogStore, from: number, until: number): { place: Place; line: Line | undefined }[] {
  const shown: { place: Place; line: Line | undefined }[] = []
  let { chunk, line } = placeOf(log, from)
  for (let left = until - from; left > 0 && chunk < log.chunks.length; left--) {
    const here = log.chunks[chunk]
    if (here && line < here.count) shown.push({ place: { chunk, line }, line: here.lines?.[line] })
    line += 1
    if (here && line >= here.count) [chunk, line] = [chunk + 1, 0]
  }
  return shown
}

function LogLine({ line, step, marked, text }: { line: Line | undefined; step: string; marked: boolean; text: string }) {
  if (!line) return <div class="log-line dim">…</div>
  const level = levelOf(line.text)
  return (
    <div class={`log-line ${level ? `level-${level}` : ''} ${marked ? 'is-marked' : ''}`}>
      <span class="log-time" title={`${line.at} ${step}`}>
        {line.at ? timeOf(line.at) : ''}
      </span>
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

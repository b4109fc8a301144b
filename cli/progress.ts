/**
 * Progress in stages: one line each with its time when done; on a terminal the current one is redrawn and says what it
 * waits for, elsewhere every stage is one plain line at its end.
 */
import { formatDuration, stripControls } from '../shared/format.ts'
import type { Clock, Sink } from './effects.ts'
import { markOf, paintStatus, type Style } from './style.ts'
import { cutText } from './table.ts'

export type EndStatus = 'success' | 'warn' | 'error' | 'cancelled' | 'skipped'

export interface Stages {
  /** Begins a stage; one that is still open ends as done. */
  start(name: string, waitsFor?: string): void
  /** What the current stage waits for or is at. */
  note(text: string): void
  /** A line of its own, above the current stage. */
  line(text: string): void
  /** `seconds`: as measured elsewhere, in place of the time since `start`. */
  end(status: EndStatus, detail?: string, seconds?: number): void
  /** Leaves the terminal in order; ends no stage. */
  stop(): void
}

const NAME_WIDTH = 14
const CLEAR_LINE = '\r\u001b[2K'

export function makeStages(sink: Sink, clock: Clock, style: Style): Stages {
  let current: { name: string; since: number; note: string } | undefined
  let stopTicks: (() => void) | undefined
  const elapsed = (stage: { since: number }) => (clock.now().getTime() - stage.since) / 1000
  const format = (status: string, stage: { name: string; since: number }, detail: string, seconds = elapsed(stage)) => {
    const took = formatDuration(seconds)
    const text = stripControls(detail)
      .replace(/[\n\t]+/g, ' ')
      .slice(0, 500)
    return `${markOf(status)} ${stage.name.padEnd(NAME_WIDTH)} ${took.padStart(7)}${text ? `   ${text}` : ''}`
  }
  const draw = () => {
    if (current && sink.isTTY)
      sink.write(`${CLEAR_LINE}${style.blue(cutText(format('running', current, current.note), sink.columns - 1))}`)
  }
  const clear = () => {
    if (current && sink.isTTY) sink.write(CLEAR_LINE)
  }
  const stop = () => {
    clear()
    stopTicks?.()
    stopTicks = undefined
    current = undefined
  }
  const end: Stages['end'] = (status, detail = '', seconds) => {
    if (!current) return
    const text = format(status, current, detail, seconds)
    stop()
    sink.write(`${paintStatus(style, status, text)}\n`)
  }
  return {
    start(name, waitsFor = '') {
      end('success', current?.note)
      current = { name, since: clock.now().getTime(), note: waitsFor }
      if (sink.isTTY) stopTicks = clock.every(1000, draw)
      draw()
    },
    note(text) {
      if (current) current.note = text
      draw()
    },
    line(text) {
      clear()
      sink.write(`${text}\n`)
      draw()
    },
    end,
    stop,
  }
}

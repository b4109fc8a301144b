/** The log: only the lines in sight are in the page. It opens at a moment of the address, at the first failure, or at its end. */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { formatCount } from '../../shared/format.ts'
import { isFinal, type RunRecord, type StepResult } from '../../shared/run.ts'
import { useLoad } from '../use.ts'
import { Empty, FaultNote, Loading } from '../words.tsx'
import { LogBar } from './log-bar.tsx'
import { LogLines } from './log-lines.tsx'
import { type Search, searchLog } from './log-search.ts'
import { countLines, extendLog, findMoment, makeLog, offsetOf, type Place, placeOf, readChunk } from './log-store.ts'

/** Pixels; the same as in parts.css. */
const LINE = 18
/** Lines above and below those in sight. */
const MARGIN = 20
/** Browsers do not draw higher elements; above it the bar moves further than the lines. */
const TALLEST = 12_000_000
const EVERY = 3000

interface LogProps {
  record: RunRecord
  steps: StepResult[]
  /** A moment, ISO 8601; empty: the first failure, or the end. */
  at: string
}

export function LogView({ record, steps, at }: LogProps) {
  const log = useMemo(makeLog, [])
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  const [top, setTop] = useState(0)
  const [opened, setOpened] = useState(false)
  const [follow, setFollow] = useState(!isFinal(record.status) && !at)
  const [marked, setMarked] = useState<Place>()
  const box = useRef<HTMLElement>(null)
  const view = useRef(600)
  log.changed = () => redraw(undefined as never)

  const going = !isFinal(record.status)
  const listed = useLoad(
    async signal => ({ grown: await extendLog(log, record, signal), parts: log.chunks.length }),
    ['log', record.id, record.attempts.length, going],
    { every: () => going && EVERY },
  )
  const total = countLines(log)
  const height = Math.min(total * LINE, TALLEST)
  // Lines for a pixel of the bar, less than one in a log that is not enormous.
  const room = Math.max(1, height - view.current)
  const first = Math.max(0, (top / room) * Math.max(0, total - view.current / LINE))
  const exact = height < TALLEST ? top / LINE : first

  const show = (place: Place, part = 0.3) => {
    const line = offsetOf(log, place.chunk) + place.line
    const wanted = Math.max(0, line - (view.current / LINE) * part)
    const all = countLines(log)
    const tall = Math.min(all * LINE, TALLEST)
    const pixel = tall < TALLEST ? wanted * LINE : (wanted / Math.max(1, all - view.current / LINE)) * (tall - view.current)
    if (box.current) {
      // The element must be as tall as the log is by now before it can be scrolled there.
      const inner = box.current.firstElementChild as HTMLElement
      inner.style.height = `${tall}px`
      box.current.scrollTop = pixel
      setTop(box.current.scrollTop)
    }
  }
  const toEnd = async () => {
    const last = log.chunks.length - 1
    const chunk = await readChunk(log, last)
    if (chunk) show({ chunk: last, line: chunk.count }, 1)
  }

  useEffect(() => {
    if (!listed.value || log.chunks.length === 0) return
    const moment = at || (isFinal(record.status) ? (record.failures?.find(node => node.endedAt)?.endedAt ?? '') : '')
    const open = async () => {
      const place = moment ? await findMoment(log, moment) : undefined
      if (place) {
        setMarked(place)
        show(place)
      } else await toEnd()
      setOpened(true)
    }
    void open()
  }, [at, listed.value !== undefined])

  useEffect(() => {
    if (follow && opened) void toEnd()
  }, [listed.value?.parts, follow])

  useLayoutEffect(() => {
    if (box.current) view.current = box.current.clientHeight
  })

  const from = Math.max(0, Math.floor(exact) - MARGIN)
  const until = Math.min(total, Math.ceil(exact + view.current / LINE) + MARGIN)
  const [a, b] = [placeOf(log, from).chunk, placeOf(log, until - 1).chunk]
  useEffect(() => {
    if (opened) for (let chunk = a; chunk <= b; chunk++) void readChunk(log, chunk)
  }, [a, b, opened, log])

  const [search, setSearch] = useState<Search>()
  const searching = useRef<AbortController>(undefined)
  const find = (text: string) => {
    searching.current?.abort()
    setSearch(undefined)
    setFollow(false)
    if (!text) return
    searching.current = new AbortController()
    void searchLog(log, text, setSearch, searching.current.signal)
  }
  const go = async (place: Place) => {
    setFollow(false)
    await readChunk(log, place.chunk)
    setMarked(place)
    show(place)
  }

  if (record.attempts.length === 0) return <Empty title="No task was started, so there is no log." />
  if (listed.value && log.chunks.length === 0)
    return <Empty title={going ? 'Nothing has been written to the log yet.' : 'The log of this run is no longer kept.'} />
  return (
    <section aria-label="Log">
      <LogBar
        search={search}
        find={find}
        go={go}
        follow={follow}
        setFollow={going ? setFollow : undefined}
        toEnd={() => void toEnd()}
        toStart={() => void go({ chunk: 0, line: 0 })}
      />
      {listed.fault && <FaultNote fault={listed.fault} stale={log.chunks.length > 0} retry={listed.reload} />}
      {!opened && !listed.fault && <Loading what="the log" />}
      <section
        class="log"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        aria-label="Lines of the log"
        onScroll={event => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
          if (follow && scrollTop < top && scrollTop < scrollHeight - clientHeight - 3 * LINE) setFollow(false)
          setTop(scrollTop)
        }}
      >
        <div class="log-height" style={{ height: `${height}px` }}>
          <div
            class="log-lines"
            style={{ transform: `translateY(${height < TALLEST ? from * LINE : Math.max(0, top - (exact - from) * LINE)}px)` }}
          >
            <LogLines log={log} steps={steps} from={from} until={until} marked={marked} text={search?.text ?? ''} />
          </div>
        </div>
      </section>
      <p class="dim">
        {log.chunks.every(chunk => chunk.from !== undefined) ? '' : 'about '}
        {formatCount(total)} lines. Each step’s whole log is under Artifacts.
      </p>
    </section>
  )
}

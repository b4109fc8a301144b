/** The log: only the lines in sight are in the page. It opens at a moment of the address, at the first failure, or at its end. */
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { plural } from '../../shared/format.ts'
import { isFinal, type RunRecord, type StepResult } from '../../shared/run.ts'
import { useLoad } from '../use.ts'
import { Empty, FaultNote, Loading } from '../words.tsx'
import { LogBar } from './log-bar.tsx'
import { LogLines, ROW } from './log-lines.tsx'
import { type Search, searchLog } from './log-search.ts'
import { extendLog, findMoment, makeLog, type Place, placeOf, readChunk, rowOf, sumOf, wrapLog } from './log-store.ts'
import { readLogFilter } from './log-text.ts'

/** Rows above and below those in sight. */
const MARGIN = 20
/** Browsers do not draw higher elements; above it the bar moves further than the lines. */
const TALLEST = 12_000_000
const EVERY = 3000
/** Parts that are read at once: with a filter, many may have to be before the view is full. */
const AT_ONCE = 4
/** Letters of a row that are no text: the time, and what is left free. */
const AROUND = 12
const RULER = '0'.repeat(100)

interface LogProps {
  record: RunRecord
  steps: StepResult[]
  /** `at`: a moment, ISO 8601; without it: the first failure, or the end. */
  query: URLSearchParams
}

export function LogView({ record, steps, query }: LogProps) {
  const at = query.get('at') ?? ''
  const filter = readLogFilter(query)
  const shown = JSON.stringify(filter)
  const log = useMemo(() => makeLog(filter), [shown])
  const [, redraw] = useReducer((count: number) => count + 1, 0)
  const [top, setTop] = useState(0)
  const [opened, setOpened] = useState<typeof log>()
  const [wrap, setWrap] = useState(() => matchMedia('(max-width: 40rem)').matches)
  const [follow, setFollow] = useState(!isFinal(record.status) && !at)
  const [marked, setMarked] = useState<Place>()
  const box = useRef<HTMLElement>(null)
  const ruler = useRef<HTMLSpanElement>(null)
  const view = useRef(600)
  /** What stays where it is when more of the log becomes known: a line, and the pixels above it. */
  const anchor = useRef<{ place: Place; above: number; top: number }>(undefined)

  const going = !isFinal(record.status)
  const listed = useLoad(
    async signal => ({ grown: await extendLog(log, record, signal), parts: log.chunks.length }),
    ['log', record.id, record.attempts.length, going, shown],
    { every: () => going && EVERY },
  )
  const rows = sumOf(log, 'rows')
  const height = Math.min(rows * ROW, TALLEST)
  // Rows for a pixel of the bar, less than one in a log that is not enormous.
  const rowAt = (pixel: number) =>
    height < TALLEST ? pixel / ROW : (pixel / (height - view.current)) * (rows - view.current / ROW)
  const exact = Math.max(0, rowAt(top))

  const show = (place: Place, above: number) => {
    const inner = box.current?.firstElementChild as HTMLElement | undefined
    if (!box.current || !inner) return
    const all = sumOf(log, 'rows')
    const tall = Math.min(all * ROW, TALLEST)
    const row = Math.max(0, rowOf(log, place) - above / ROW)
    // The element must be as tall as the log is by now before it can be scrolled there.
    inner.style.height = `${tall}px`
    box.current.scrollTop = tall < TALLEST ? row * ROW : (row / (all - view.current / ROW)) * (tall - view.current)
    anchor.current = { place, above, top: box.current.scrollTop }
    setTop(box.current.scrollTop)
  }
  const current = useRef(log)
  current.current = log
  log.changed = () => {
    if (current.current !== log) return
    if (anchor.current) show(anchor.current.place, anchor.current.above)
    redraw(undefined as never)
  }
  const mark = (place: Place) => {
    setMarked(place)
    show(place, view.current * 0.3)
  }
  const toEnd = async () => {
    const last = log.chunks.length - 1
    const chunk = await readChunk(log, last)
    // The browser goes no further than to the end.
    if (chunk) show({ chunk: last, line: chunk.count }, 0)
  }

  useEffect(() => {
    anchor.current = undefined
    setMarked(undefined)
    if (!listed.value || log.chunks.length === 0) return
    const ends = record.failures?.flatMap(({ endedAt = [] }) => endedAt) ?? []
    const moment = at || (going ? '' : (ends[0] ?? ''))
    const open = async () => {
      const place = moment ? await findMoment(log, moment, ends.includes(moment)) : undefined
      if (place) mark(place)
      else await toEnd()
      setOpened(log)
    }
    void open()
  }, [at, listed.value !== undefined, log])

  useEffect(() => {
    if (follow && opened === log) void toEnd()
  }, [listed.value?.parts, follow])

  useLayoutEffect(() => {
    if (!box.current || !ruler.current) return
    view.current = box.current.clientHeight
    const letter = ruler.current.offsetWidth / RULER.length
    const columns = wrap ? Math.max(20, Math.floor(box.current.clientWidth / letter) - AROUND) : 0
    if (columns === log.columns) return
    wrapLog(log, columns)
    log.changed()
  })

  const from = Math.max(0, Math.floor(exact) - MARGIN)
  const until = Math.min(rows, Math.ceil(exact + view.current / ROW) + MARGIN)
  const [a, b] = [placeOf(log, from).chunk, placeOf(log, until - 1).chunk]
  useEffect(() => {
    if (opened !== log) return
    let free = AT_ONCE - log.chunks.filter(({ state }) => state === 'reading').length
    for (let chunk = b; chunk >= a; chunk--) if (log.chunks[chunk]?.state !== 'unread' || free-- > 0) void readChunk(log, chunk)
  })

  const [search, setSearch] = useState<Search>()
  const searching = useRef<AbortController>(undefined)
  const find = (text: string) => {
    searching.current?.abort()
    setSearch(undefined)
    if (!text) return
    setFollow(false)
    searching.current = new AbortController()
    void searchLog(log, text, setSearch, searching.current.signal)
  }
  // Matches are places in what was shown.
  useEffect(() => find(search?.text ?? ''), [log])
  const go = async (place: Place) => {
    setFollow(false)
    await readChunk(log, place.chunk)
    mark(place)
  }

  if (record.attempts.length === 0) return <Empty title="No task was started, so there is no log." />
  if (listed.value && log.chunks.length === 0)
    return <Empty title={going ? 'Nothing has been written to the log yet.' : 'The log of this run is no longer kept.'} />
  return (
    <section aria-label="Log">
      <LogBar
        record={record}
        steps={steps}
        filter={filter}
        wrap={wrap}
        setWrap={setWrap}
        search={search}
        find={find}
        go={go}
        follow={follow}
        setFollow={going ? setFollow : undefined}
        toEnd={() => void toEnd()}
        toStart={() => void go({ chunk: 0, line: 0 })}
      />
      {listed.fault && <FaultNote fault={listed.fault} stale={log.chunks.length > 0} retry={listed.reload} />}
      {opened !== log && !listed.fault && <Loading what="the log" />}
      <section
        class={`log ${wrap ? 'is-wrapped' : ''}`}
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
        tabIndex={0}
        aria-label="Lines of the log"
        onScroll={event => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget
          if (follow && scrollTop < top && scrollTop < scrollHeight - clientHeight - 3 * ROW) setFollow(false)
          if (scrollTop === anchor.current?.top) return
          const row = Math.max(0, rowAt(scrollTop))
          const place = placeOf(log, row)
          anchor.current = { place, above: (rowOf(log, place) - row) * ROW, top: scrollTop }
          setTop(scrollTop)
        }}
      >
        <div class="log-height" style={{ height: `${height}px` }}>
          <LogLines
            log={log}
            record={record}
            steps={steps}
            from={from}
            until={until}
            marked={marked}
            text={search?.text ?? ''}
            topOf={row => (height < TALLEST ? row * ROW : Math.max(0, top - (exact - row) * ROW))}
          />
        </div>
        <span class="log-ruler" ref={ruler} aria-hidden="true">
          {RULER}
        </span>
      </section>
      <p class="dim" role="status">
        {log.chunks.every(chunk => chunk.from !== undefined) ? '' : 'about '}
        {plural(sumOf(log, 'count'), 'line')}
        {shown === ALL ? '' : ' shown'}. Each step’s whole log is under Artifacts.
      </p>
    </section>
  )
}

const ALL = JSON.stringify(readLogFilter(new URLSearchParams()))

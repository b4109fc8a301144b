import { useEffect, useRef, useState } from 'preact/hooks'
import { formatCount } from '../../shared/format.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { Select } from '../select.tsx'
import { changeQuery } from '../use.ts'
import type { Search } from './log-search.ts'
import type { Place } from './log-store.ts'
import { LEVELS, type LogFilter } from './log-text.ts'

interface BarProps {
  record: RunRecord
  steps: StepResult[]
  filter: LogFilter
  wrap: boolean
  setWrap(wrap: boolean): void
  search: Search | undefined
  find(text: string): void
  go(place: Place): void
  follow: boolean
  /** Absent: nothing is written any more. */
  setFollow: ((follow: boolean) => void) | undefined
  toStart(): void
  toEnd(): void
}

/** Milliseconds after the last key. */
const TYPING = 300

export function LogBar({ record, steps, filter, wrap, setWrap, search, find, go, follow, setFollow, toStart, toEnd }: BarProps) {
  const [typed, setTyped] = useState('')
  const [number, setNumber] = useState(-1)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const matches = search?.matches ?? []
  const step = (by: number) => {
    if (matches.length === 0) return
    const next = number < 0 ? (by > 0 ? 0 : matches.length - 1) : (number + by + matches.length) % matches.length
    setNumber(next)
    const place = matches[next]
    if (place) go(place)
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <search class="filter">
      <label class="wide">
        <span>Search the log</span>
        <input
          type="search"
          value={typed}
          placeholder="Enter: next, Shift+Enter: the one before"
          onInput={event => {
            const { value } = event.currentTarget
            setTyped(value)
            setNumber(-1)
            clearTimeout(timer.current)
            timer.current = setTimeout(find, TYPING, value)
          }}
          onKeyDown={event => {
            if (event.key === 'Enter') step(event.shiftKey ? -1 : 1)
          }}
        />
      </label>
      {record.attempts.length > 1 && (
        <Select
          label="Attempt"
          value={filter.attempt ? String(filter.attempt) : ''}
          options={record.attempts.map(({ number }) => [String(number), String(number)])}
          choose={attempt => changeQuery({ attempt })}
        />
      )}
      <Select
        label="Step"
        value={filter.step < 0 ? '' : String(filter.step)}
        options={steps.map(({ index, name }) => [String(index), name])}
        choose={step => changeQuery({ step })}
      />
      <Select label="Level" value={filter.level} options={LEVELS} choose={level => changeQuery({ level })} />
      <span class="dim log-found" role="status">
        {search ? found(search, number) : ''}
      </span>
      <button type="button" disabled={matches.length === 0} onClick={() => step(-1)} aria-label="Match before">
        ↑
      </button>
      <button type="button" disabled={matches.length === 0} onClick={() => step(1)} aria-label="Next match">
        ↓
      </button>
      <button type="button" onClick={toStart}>
        Start
      </button>
      <button type="button" onClick={toEnd}>
        End
      </button>
      <button type="button" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
        Wrap
      </button>
      {setFollow && (
        <button type="button" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          Follow
        </button>
      )}
    </search>
  )
}

function found({ matches, done, of }: Search, number: number): string {
  const searched = done < of ? `, ${Math.floor((100 * done) / of)} % searched` : ''
  if (matches.length === 0) return done < of ? `none yet${searched}` : 'not found'
  return `${number < 0 ? '' : `${formatCount(number + 1)} of `}${formatCount(matches.length)}${searched}`
}

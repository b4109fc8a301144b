import { useEffect, useRef, useState } from 'preact/hooks'
import type { HistoryIndex } from '../../shared/history-index.ts'
import { useApp } from '../app-context.ts'
import { type Filter, filterQuery, isEmpty } from '../filter.ts'
import { HREF } from '../route.ts'
import { Select } from '../select.tsx'
import { changeQuery } from '../use.ts'

const STATUSES = [
  ['open', 'going on'],
  ['error', 'failed'],
  ['warn', 'with warnings'],
  ['success', 'good'],
  ['cancelled', 'cancelled'],
  ['skipped', 'skipped'],
] as const
const TRIGGERS = [
  ['schedule', 'schedule'],
  ['upstream', 'other job'],
  ['event', 'event'],
  ['commit', 'commit'],
  ['request', 'request'],
] as const
/** Milliseconds after the last key. */
const TYPING = 250

export function FilterBar({ filter, index }: { filter: Filter; index: HistoryIndex | undefined }) {
  const { config } = useApp()
  const jobs = [...new Set([...(index?.jobs.map(each => each.job) ?? []), ...Object.keys(config?.jobs ?? {})])].sort()
  const environments = [...new Set([...jobEnvironments(index), ...Object.keys(config?.environments ?? {})])].sort()
  return (
    <search>
      <form class="filter" aria-label="Filter runs" onSubmit={event => event.preventDefault()}>
        <SearchField text={filter.text} />
        <Choice name="status" label="Status" value={filter.status} options={STATUSES} />
        <Choice name="job" label="Job" value={filter.job} options={jobs.map(job => [job, job])} />
        <Choice
          name="environment"
          label="Environment"
          value={filter.environment}
          options={environments.map(each => [each, each])}
        />
        <Choice name="trigger" label="Trigger" value={filter.trigger} options={TRIGGERS} minor />
        <DateField name="from" label="From (UTC)" value={filter.from} />
        <DateField name="to" label="To (UTC)" value={filter.to} />
        {!isEmpty(filter) && (
          <a class="button" href={HREF.runs()}>
            Clear
          </a>
        )}
      </form>
    </search>
  )
}

const jobEnvironments = (index: HistoryIndex | undefined) =>
  index?.jobs.map(({ job, environment }) => `${job.split('/')[0]}/${environment}`) ?? []

interface ChoiceProps {
  name: keyof Filter
  label: string
  value: string
  options: readonly (readonly [string, string])[]
  minor?: boolean
}
function Choice({ name, value, options, ...rest }: ChoiceProps) {
  // What the address names is shown also when there is none of it.
  const shown = value && !options.some(([key]) => key === value) ? [...options, [value, value] as const] : options
  return <Select {...rest} value={value} options={shown} choose={chosen => changeQuery(filterQuery({ [name]: chosen }))} />
}

function DateField({ name, label, value }: { name: 'from' | 'to'; label: string; value: string }) {
  return (
    <label class={value ? '' : 'minor'}>
      <span>{label}</span>
      <input type="date" value={value} onChange={event => changeQuery(filterQuery({ [name]: event.currentTarget.value }))} />
    </label>
  )
}

function SearchField({ text }: { text: string }) {
  const [typed, setTyped] = useState(text)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => setTyped(text), [text])
  useEffect(() => () => clearTimeout(timer.current), [])
  return (
    <label class="wide">
      <span>Search</span>
      <input
        type="search"
        value={typed}
        placeholder="run, job, message, commit, person"
        onInput={event => {
          const { value } = event.currentTarget
          setTyped(value)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => changeQuery(filterQuery({ text: value })), TYPING)
        }}
      />
    </label>
  )
}

/** The filter of the list of runs, as it stands in the address. Pure. */
import type { IndexDay } from '../shared/history-index.ts'
import { isFinal } from '../shared/run.ts'
import { type Row, triggerWords } from './rows.ts'

export interface Filter {
  /** A status, or `open` for all that go on. */
  status: string
  /** Full names. */
  job: string
  environment: string
  trigger: string
  /** Words that are looked for in id, job, message, commit and trigger; all must occur. */
  text: string
  /** YYYY-MM-DD, UTC, both included. */
  from: string
  to: string
}

const FIELDS = { status: 'status', job: 'job', environment: 'env', trigger: 'by', text: 'q', from: 'from', to: 'to' } as const
const DATE = /^\d{4}-\d\d-\d\d$/

export function readFilter(query: URLSearchParams): Filter {
  const get = (name: keyof Filter) => query.get(FIELDS[name]) ?? ''
  const date = (name: 'from' | 'to') => (DATE.test(get(name)) ? get(name) : '')
  return {
    status: get('status'),
    job: get('job'),
    environment: get('environment'),
    trigger: get('trigger'),
    text: get('text'),
    from: date('from'),
    to: date('to'),
  }
}

/** For `changeQuery`; another filter begins at the newest run. */
export const filterQuery = (change: Partial<Filter>): Record<string, string> => ({
  before: '',
  ...Object.fromEntries(Object.entries(change).map(([name, value]) => [FIELDS[name as keyof Filter], value])),
})

export const isEmpty = (filter: Filter) => Object.values(filter).every(value => value === '')

export function matcher(filter: Filter): (row: Row) => boolean {
  const words = filter.text.toLowerCase().split(/\s+/).filter(Boolean)
  return row =>
    (!filter.status || (filter.status === 'open' ? !isFinal(row.status) : row.status === filter.status)) &&
    (!filter.job || filter.job === `${row.project}/${row.job}`) &&
    (!filter.environment || filter.environment === `${row.project}/${row.environment}`) &&
    (!filter.trigger || filter.trigger === row.trigger) &&
    isInDays(filter, `${row.id.slice(0, 4)}-${row.id.slice(4, 6)}-${row.id.slice(6, 8)}`) &&
    (words.length === 0 || hasWords(row, words))
}

function hasWords(row: Row, words: string[]): boolean {
  const text = [row.id, row.project, row.job, row.environment, row.status, row.reason, row.message, row.commit, triggerWords(row)]
    .join(' ')
    .toLowerCase()
  return words.every(word => text.includes(word))
}

const isInDays = ({ from, to }: Filter, day: string) => (!from || day >= from) && (!to || day <= to)

/** Days whose pages hold what is looked for, newest first. `before`: a run's id; only older ones are wanted. */
export const daysFor = (days: readonly IndexDay[], filter: Filter, before: string): IndexDay[] => {
  const last = before ? `${before.slice(0, 4)}-${before.slice(4, 6)}-${before.slice(6, 8)}` : '9999'
  return days.filter(day => isInDays(filter, day.date) && day.date <= last)
}

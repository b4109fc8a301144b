/**
 * What a run is told about itself: `TIDEMILL_*` in dbt's environment, and `{{ name }}` in the `vars` of the job. Values that
 * come from outside (events, branches) are bounded, and go nowhere but there.
 */
import { type EventCause, runsOf } from './cause.ts'
import type { JobConfig } from './config-model.ts'
import type { RunRecord } from './run.ts'
import { offsetAt } from './schedule-zone.ts'
import { fillTemplate, namesIn } from './template.ts'

interface FactInput {
  run: RunRecord
  job: JobConfig
  branch: string
}
interface Fact {
  meaning: string
  /** Undefined: the run has none. */
  of(input: FactInput): string | undefined
}

/** Characters of a value. */
const MAX = 1024

const event = ({ cause }: RunRecord): EventCause | undefined => (cause.kind === 'event' ? cause : undefined)

export const FACTS: Record<string, Fact> = {
  run_id: { meaning: 'id of the run', of: ({ run }) => run.id },
  project: { meaning: 'project', of: ({ run }) => run.project },
  environment: { meaning: 'environment', of: ({ run }) => run.environment },
  job: { meaning: 'job', of: ({ run }) => run.job },
  cause: { meaning: '`schedule`, `upstream`, `event`, `commit` or `request`', of: ({ run }) => run.cause.kind },
  scheduled_for: {
    meaning:
      'the time it is for (ISO 8601, UTC): of a schedule the time it was due, of a backfill the start of the slice, else when it was asked for',
    of: ({ run }) => timeOf(run),
  },
  date: {
    meaning:
      'the date of that time, in the time zone of the schedule (of a backfill in its `--timezone`; else of the job’s first schedule, else UTC)',
    of: localDate,
  },
  branch: { meaning: 'branch', of: ({ branch }) => branch },
  commit: {
    meaning: 'full hash of the commit. In `vars` only of a run by a commit or for a given one; in the environment always',
    of: ({ run }) => run.overrides?.commit ?? (run.cause.kind === 'commit' ? run.cause.sha : undefined),
  },
  upstream_runs: {
    meaning: 'ids of the runs it follows, joined by commas',
    of: ({ run }) => (run.cause.kind === 'upstream' ? runsOf(run.cause).join(',') : undefined),
  },
  event_id: { meaning: 'id of the event', of: ({ run }) => event(run)?.eventId },
  event_source: { meaning: 'its source, e.g. `aws.s3`', of: ({ run }) => event(run)?.source },
  event_type: { meaning: 'its detail-type', of: ({ run }) => event(run)?.detailType },
  event_time: { meaning: 'its time', of: ({ run }) => event(run)?.time },
  event_bucket: { meaning: 'bucket of the object', of: ({ run }) => event(run)?.object?.bucket },
  event_key: { meaning: 'key of the object', of: ({ run }) => event(run)?.object?.key },
}

const variableOf = (name: string) => `TIDEMILL_${name.toUpperCase()}`
/** Set by the runner, which knows the commit once it is checked out. */
export const COMMIT_VARIABLE = variableOf('commit')
/** The event as JSON: id, source, type, time and, unless it is too long, detail. */
export const EVENT_VARIABLE = 'TIDEMILL_EVENT'
export const ATTEMPT_VARIABLE = 'TIDEMILL_ATTEMPT'

/** For dbt's environment. What the run does not have is not set. */
export function runEnvironment(input: FactInput, attempt: number): Record<string, string> {
  const values = Object.entries(factValues(input)).map(([name, value]) => [variableOf(name), value])
  const told = event(input.run)
  return {
    ...Object.fromEntries(values),
    [ATTEMPT_VARIABLE]: String(attempt),
    ...(told && { [EVENT_VARIABLE]: eventJson(told) }),
  }
}

function eventJson({ eventId, source, detailType, time, detail }: EventCause): string {
  return JSON.stringify({ id: eventId, source, type: detailType, time, detail: detailOf(detail) })
}

/** The job's variables for this run. One whose template has no value here is left out: dbt's own default holds. */
export function runVars(input: FactInput): Record<string, string | number | boolean> {
  const values = factValues(input)
  const detail = detailOf(event(input.run)?.detail)
  const vars = Object.entries(input.job.vars ?? {}).flatMap(([name, template]): [string, string | number | boolean][] => {
    if (typeof template !== 'string') return [[name, template]]
    const used = namesIn(template)
    const found = Object.fromEntries(
      used.flatMap(each => {
        const value = each.startsWith(DETAIL) ? scalarAt(detail, each.slice(DETAIL.length).split('.')) : values[each]
        return value === undefined ? [] : [[each, value]]
      }),
    )
    return used.every(each => Object.hasOwn(found, each)) ? [[name, fillTemplate(template, found)]] : []
  })
  return Object.fromEntries(vars)
}

/** `{{ detail.table }}`: a scalar in the detail of the event. */
const DETAIL = 'detail.'
export const isFactName = (name: string): boolean =>
  Object.hasOwn(FACTS, name) || (name.startsWith(DETAIL) && /^[\w-]+(\.[\w-]+){0,4}$/.test(name.slice(DETAIL.length)))

const factValues = (input: FactInput): Record<string, string> =>
  Object.fromEntries(
    Object.entries(FACTS).flatMap(([name, fact]) => {
      const value = fact.of(input)
      return value === undefined ? [] : [[name, bounded(value)]]
    }),
  )

/** An environment cannot hold the character 0. */
const bounded = (value: string) => value.replaceAll('\0', '\uFFFD').slice(0, MAX)

function timeOf({ cause, claimedAt }: RunRecord): string {
  if (cause.kind === 'schedule') return cause.scheduledFor
  return cause.kind === 'request' && cause.slice ? cause.slice.start : claimedAt
}

function localDate({ run, job }: FactInput): string {
  const { cause } = run
  const own = cause.kind === 'schedule' ? job.schedules.find(each => each.name === cause.schedule) : undefined
  const slice = cause.kind === 'request' ? cause.slice : undefined
  const at = Date.parse(timeOf(run))
  const minutes = offsetAt(slice?.timezone ?? (own ?? job.schedules[0])?.timezone ?? 'UTC')(at)
  return new Date(at + minutes * 60_000).toISOString().slice(0, 10)
}

function detailOf(detail: string | undefined): unknown {
  return detail === undefined ? null : JSON.parse(detail)
}

function scalarAt(value: unknown, [key, ...rest]: string[]): string | undefined {
  if (key === undefined) return typeof value === 'object' || value === undefined ? undefined : bounded(String(value))
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? scalarAt((value as Record<string, unknown>)[key], rest)
    : undefined
}

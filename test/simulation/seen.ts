/** What came about in a simulation, so that a test can see that its work reaches all that it is there for. */
import { isFinal, type RunRecord } from '../../shared/run.ts'
import type { Item } from '../fakes/memory-condition.ts'
import { sliceOf, type Watch } from './invariants.ts'

export const SEEN = [
  'runs of a schedule',
  'runs of a request',
  'runs of an event',
  'runs of a commit',
  'runs after a job',
  'runs after several jobs',
  'slices of a backfill',
  'slices run again',
  'runs that went on after their end',
  'jobs paused for their failures',
  'missed runs',
  'messages of an error',
  'messages of a recovery',
  'messages of a run that is late',
  'messages to one owner',
  'messages that waited for the end of quiet hours',
] as const
export type Seen = (typeof SEEN)[number]

export function whatWasSeen(items: ReadonlyMap<string, Item>, watch: Watch): Map<Seen, number> {
  const seen = new Map<Seen, number>(SEEN.map(what => [what, 0]))
  const count = (what: Seen | undefined) => what && seen.set(what, (seen.get(what) ?? 0) + 1)
  for (const [pk, item] of items) {
    if (pk.startsWith('RUN#')) for (const what of ofRun(item as unknown as RunRecord)) count(what)
    if (pk.startsWith('MSG#')) for (const what of ofMessage(item)) count(what)
  }
  for (const { by } of watch.pauses) if (by.startsWith('tidemill')) count('jobs paused for their failures')
  return seen
}

function ofRun(run: RunRecord): Seen[] {
  const { cause } = run
  const slice = sliceOf(run)
  return [
    ...(slice ? (['slices of a backfill', ...(slice.number > 1 ? (['slices run again'] as const) : [])] as const) : []),
    ...(cause.kind === 'upstream' && cause.others ? (['runs after several jobs'] as const) : []),
    ...(slice || (cause.kind === 'upstream' && cause.others) ? [] : [BY_CAUSE[cause.kind]]),
    ...(run.retries && isFinal(run.status) ? (['runs that went on after their end'] as const) : []),
    ...(run.reason === 'missed' ? (['missed runs'] as const) : []),
  ]
}

const BY_CAUSE = {
  schedule: 'runs of a schedule',
  request: 'runs of a request',
  event: 'runs of an event',
  commit: 'runs of a commit',
  upstream: 'runs after a job',
} as const satisfies Record<RunRecord['cause']['kind'], Seen>

function ofMessage({ kind, nodes, createdAt, firstTryAt }: Item): Seen[] {
  const waited = Date.parse(String(firstTryAt)) - Date.parse(String(createdAt))
  return [
    ...(kind === 'error' ? (['messages of an error'] as const) : []),
    ...(kind === 'recovered' ? (['messages of a recovery'] as const) : []),
    ...(kind === 'late' ? (['messages of a run that is late'] as const) : []),
    ...(nodes ? (['messages to one owner'] as const) : []),
    ...(waited > 10 * 60_000 ? (['messages that waited for the end of quiet hours'] as const) : []),
  ]
}

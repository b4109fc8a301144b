/**
 * When a job that runs after several others starts: once all of them have ended as wanted since its last start. Pure;
 * docs/decisions/0010-fan-in.md says why each rule is as it is.
 */
import type { UpstreamCause, UpstreamRun } from '../../shared/cause.ts'
import type { Upstreams } from '../../shared/config-after.ts'
import type { RunRecord } from '../../shared/run.ts'
import type { FanInEnd, FanInState } from './store.ts'

export const NO_ENDS: FanInState = { version: 0, ends: {}, used: {}, due: [] }

/** Whether the end of a run says anything to a follower. One that never ran, or did only a part of the job, does not. */
export const counts = ({ status, partial }: Upstreams, run: RunRecord): boolean =>
  (partial || !isPart(run)) &&
  (run.status === 'error' || run.status === 'cancelled' || status.some(wanted => wanted === run.status))

/** Other steps than the job's, or a slice of a backfill. */
const isPart = ({ overrides, cause }: RunRecord) =>
  overrides?.steps !== undefined || (cause.kind === 'request' && cause.slice !== undefined)

/**
 * The state after an end; undefined: it changes nothing. The newest run of each job counts, by the time of its claim, so
 * that neither the order of deliveries nor repeated ones matter; what a start has used is never used again.
 */
export function noteEnd(state: FanInState, upstreams: Upstreams, end: FanInEnd): FanInState | undefined {
  const known = state.ends[end.job]
  if (end.run <= (state.used[end.job] ?? '')) return undefined
  if (known && (known.run > end.run || (known.run === end.run && known.endedAt >= end.endedAt))) return undefined
  const version = state.version + 1
  const ends = keepRecent({ ...state.ends, [end.job]: end }, upstreams.withinSeconds)
  const set = upstreams.jobs.flatMap(job => ends[job] ?? [])
  if (set.length < upstreams.jobs.length || !set.every(each => upstreams.status.includes(each.status)))
    return { ...state, version, ends }
  const used = { ...state.used, ...Object.fromEntries(set.map(each => [each.job, each.run])) }
  return { version, ends: {}, used, due: [...state.due, set] }
}

/** What ended long before the newest belongs to another round. */
function keepRecent(ends: Record<string, FanInEnd>, withinSeconds: number | null): Record<string, FanInEnd> {
  if (withinSeconds === null) return ends
  const newest = Math.max(...Object.values(ends).map(each => Date.parse(each.endedAt)))
  const recent = Object.entries(ends).filter(([, each]) => Date.parse(each.endedAt) >= newest - withinSeconds * 1000)
  return Object.fromEntries(recent)
}

/** The cause of a start: the run that ended last in front, the others by the name of their job. */
export function causeOfSet(set: readonly FanInEnd[]): UpstreamCause {
  const [last, ...rest] = [...set].sort((a, b) => (`${a.endedAt} ${a.run}` < `${b.endedAt} ${b.run}` ? 1 : -1))
  if (!last) throw new Error('a start after several jobs needs their runs')
  const others = rest.map(upstreamOf).sort((a, b) => (a.job < b.job ? -1 : 1))
  return { kind: 'upstream', ...upstreamOf(last), ...(others.length > 0 && { others }) }
}

const upstreamOf = ({ run, job, status }: FanInEnd): UpstreamRun => ({ run, job, status })

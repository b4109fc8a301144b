/** What must be so in the end of runs that belong together: slices of a backfill, starts after several jobs, events. */
import { type UpstreamCause, upstreamRuns } from '../../shared/cause.ts'
import type { Upstreams } from '../../shared/config-after.ts'
import { fullName } from '../../shared/contract.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import type { End } from './end.ts'
import { sliceOf } from './invariants.ts'

export function checkParts(end: End, all: readonly RunRecord[]): void {
  const runs = [...all].sort((a, b) => (a.id < b.id ? -1 : 1))
  checkSlices(end, runs)
  checkFanIn(end, runs)
  checkEvents(end, runs)
}

const isGood = ({ status }: RunRecord) => status === 'success' || status === 'warn'

function checkSlices({ world: { violate } }: End, runs: readonly RunRecord[]): void {
  const slices = groupBy(runs, run => {
    const slice = sliceOf(run)
    return slice && `${slice.backfill} of ${run.job} from ${slice.start}`
  })
  for (const [name, all] of slices) {
    const numbered = new Map(all.map(run => [sliceOf(run)?.number, run]))
    for (let number = 1; number <= all.length; number++) {
      const run = numbered.get(number)
      if (!run) violate('the runs of a slice are counted without a gap', `${name} has no ${number} of ${all.length}`)
      // One that was opened again had not ended well when the next was made.
      else if (number < all.length && !run.retries && (isGood(run) || !isFinal(run.status)))
        violate('a slice is run again only after a run that did not end well', `${name}: ${run.id} is ${run.status}`)
    }
    // The next one was made when the one before was over.
    for (let number = 2; number <= all.length; number++) {
      const [before, run] = [numbered.get(number - 1), numbered.get(number)]
      const over = before?.retries?.[0]?.at ?? before?.endedAt ?? ''
      if (run && Date.parse(run.claimedAt) < Date.parse(over) - 2 * CLOCKS_MS && !before?.retries)
        violate('a slice is run again only after a run that did not end well', `${name}: ${run.id} before ${over}`)
    }
  }
}

/** The clocks of two processes are apart by no more. */
const CLOCKS_MS = 10_000

function checkFanIn(end: End, runs: readonly RunRecord[]): void {
  const { violate } = end.world
  const byId = new Map(runs.map(run => [run.id, run]))
  for (const { project, name, afterAll } of Object.values(end.config.jobs)) {
    if (!afterAll) continue
    const causes = runs.flatMap(run => (run.job === name && run.cause.kind === 'upstream' ? [run.cause] : []))
    const used = new Set<string>()
    for (const cause of causes) {
      const set = upstreamRuns(cause)
      for (const { run } of set) {
        if (used.has(run)) violate('what runs after several jobs uses each of their runs once', `${run} for ${name}`)
        used.add(run)
      }
      const jobs = set.map(each => each.job).sort()
      const known = set.every(each => byId.has(each.run) && afterAll.status.includes(each.status))
      if (jobs.join() !== [...afterAll.jobs].sort().join() || !known)
        violate('what runs after several jobs runs after one good run of each', `${fullName(project, name)}: ${jobs}`)
    }
    // With a bound on the time between them nobody can say afterwards what belonged together when.
    if (afterAll.withinSeconds === null && isDue(end, runs, afterAll, causes))
      violate('what runs after several jobs runs when all of them are done', fullName(project, name))
  }
}

/** Whether of each job the newest run since the last start is a good one: then another start is missing. */
function isDue(
  { watch }: End,
  runs: readonly RunRecord[],
  { jobs, status }: Upstreams,
  causes: readonly UpstreamCause[],
): boolean {
  const used = new Set(causes.flatMap(upstreamRuns).map(each => each.run))
  const counting = ['error', 'cancelled', ...status]
  // One that was opened again and then never ran counts as it ended before.
  const endOf = (run: RunRecord) =>
    [...(run.retries ?? []).keys(), run.retries?.length ?? 0]
      .map(retries => watch.ends.get(`${run.id}~${retries}`)?.status ?? '')
      .findLast(each => counting.includes(each))
  return jobs.every(job => {
    const own = runs.filter(run => fullName(run.project, run.job) === job && !sliceOf(run))
    const last = own.findLastIndex(run => used.has(run.id))
    const newest = own.slice(last + 1).findLast(endOf)
    return newest !== undefined && status.some(each => each === endOf(newest))
  })
}

/** Each event, push and signed request of the workload has a number of its own; whoever delivers it twice makes one run. */
function checkEvents({ world: { violate } }: End, runs: readonly RunRecord[]): void {
  const events = groupBy(runs, ({ cause, rerunOf }) => {
    if (rerunOf) return undefined
    if (cause.kind === 'commit') return cause.sha
    if (cause.kind === 'event') return cause.object?.sequencer ? `object ${cause.object.sequencer}` : cause.detail
    return cause.kind === 'request' && cause.actor.startsWith('secret:') ? cause.idempotencyKey : undefined
  })
  for (const [name, all] of events)
    if (all.length > 1) violate('an event has one run, however often it is told of', `${name}: ${all.map(run => run.id)}`)
}

function groupBy(runs: readonly RunRecord[], keyOf: (run: RunRecord) => string | undefined): Map<string, RunRecord[]> {
  const groups = new Map<string, RunRecord[]>()
  for (const run of runs) {
    const key = keyOf(run)
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return groups
}

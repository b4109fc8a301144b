/** The order and the rules of the waiting line: pure. */
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'

/** Priority, then claim time. */
export const inOrder = (runs: readonly RunRecord[]) =>
  [...runs].sort((a, b) => b.priority - a.priority || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))

/**
 * Run to the newer run that takes its place: of the waiting runs of one schedule only the newest scheduled time stays.
 * Runs with parameters, of requests and of other runs are wanted each; so is every run of a job with `overlap: allow`.
 */
export function findSuperseded(runs: readonly RunRecord[], overlapOf: (run: RunRecord) => JobConfig['overlap'] | undefined) {
  const newest = new Map<string, RunRecord>()
  const candidates = runs.filter(run => run.cause.kind === 'schedule' && run.attempts.length === 0 && !run.overrides)
  for (const run of candidates) {
    const other = newest.get(lineOf(run))
    if (!other || isLater(run, other)) newest.set(lineOf(run), run)
  }
  const superseded = new Map<string, RunRecord>()
  for (const run of candidates) {
    const stays = newest.get(lineOf(run))
    if (stays && stays.id !== run.id && overlapOf(run) !== 'allow') superseded.set(run.id, stays)
  }
  return superseded
}

const lineOf = (run: RunRecord) => `${fullName(run.project, run.job)}/${run.cause.kind === 'schedule' ? run.cause.schedule : ''}`
const scheduledFor = (run: RunRecord) => (run.cause.kind === 'schedule' ? run.cause.scheduledFor : '')
const isLater = (a: RunRecord, b: RunRecord) => `${scheduledFor(a)} ${a.id}` > `${scheduledFor(b)} ${b.id}`

/** The row of a run in the list of runs: what a person looks for, each text bounded, as they come from people, git and dbt. */
import type { EnvironmentConfig } from './config-model.ts'
import { estimateCost } from './cost.ts'
import { oneLine } from './format.ts'
import type { IndexRun } from './history-index.ts'
import { shortActor } from './message-facts.ts'
import { isFinal, NODE_STATUSES, type NodeCounts, type RunRecord } from './run.ts'
import { triggeredBy } from './triggered-by.ts'
import { workBegan } from './usual.ts'

/** Characters. */
const MESSAGE = 160
const BY = 80
const COMMIT = 12

/** Undefined for a run that is not over. `usualSeconds` is added where the runs before it are known. */
export function indexRow(run: RunRecord, size: EnvironmentConfig['size']): IndexRun | undefined {
  const { status, startedAt, endedAt } = run
  if (!isFinal(status) || !endedAt) return undefined
  const usd = estimateCost(run, size)
  const by = causedBy(run)
  const message = oneLine((run.message ?? '').split('\n', 1)[0] ?? '', MESSAGE)
  const counts = countsOf(run.counts)
  const noDocs = whyNoDocs(run)
  return {
    id: run.id,
    project: run.project,
    environment: run.environment,
    job: run.job,
    status,
    ...(run.reason && { reason: run.reason }),
    ...(message && { message }),
    trigger: run.cause.kind,
    ...(by && { by }),
    ...(run.commit && { commit: run.commit.sha.slice(0, COMMIT) }),
    ...(startedAt && { startedAt, seconds: Math.max(0, (Date.parse(endedAt) - Date.parse(workBegan(run) ?? endedAt)) / 1000) }),
    endedAt,
    ...(usd !== undefined && { usd: Number(usd.toFixed(6)) }),
    attempts: run.attempts.length,
    ...(counts && { counts }),
    ...(run.retries?.length && { retries: run.retries.length }),
    ...(run.overrides && { overrides: true as const }),
    ...((run.docsAttempt !== undefined || run.docsUploaded) && { docs: true as const }),
    ...(noDocs && { noDocs }),
  }
}

/** Of an identity its end, which names the person; of a commit the beginning. */
function causedBy({ cause }: RunRecord): string {
  if (cause.kind === 'request') return oneLine(shortActor(cause.actor), BY)
  const text = triggeredBy(cause)
  return oneLine(cause.kind === 'commit' && text === cause.sha ? text.slice(0, COMMIT) : text, BY)
}

function whyNoDocs({ steps, docsUploaded }: RunRecord): string | undefined {
  const step = steps?.find(({ kind, status }) => kind === 'docs' && status !== 'skipped' && status !== 'pending')
  if (!step || docsUploaded) return undefined
  return oneLine((step.message ?? '').split('\n', 1)[0] ?? '', MESSAGE) || 'Not all of them reached the bucket.'
}

/** Only what is not 0: a row is read a thousand times. */
function countsOf(counts: Partial<NodeCounts> | undefined): Partial<NodeCounts> | undefined {
  const some = NODE_STATUSES.flatMap(status => (counts?.[status] ? [[status, counts[status]]] : []))
  return some.length ? Object.fromEntries(some) : undefined
}

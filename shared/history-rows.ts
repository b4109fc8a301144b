/** The rows of one run for the tables of the history. */
import type { EnvironmentConfig } from './config-model.ts'
import { attemptCost, estimateCost } from './cost.ts'
import type { RunNode } from './history-index.ts'
import { resultRows } from './history-results.ts'
import type { SourceFreshness } from './history-sources.ts'
import type { HistoryRow, HistoryRows } from './history-tables.ts'
import { integerOf, secondsBetween, timeOf } from './history-values.ts'
import { priceOfUse, useOfRun } from './machinery-cost.ts'
import type { Attempt, NodeCounts, RunRecord, StepResult } from './run.ts'
import { triggeredBy } from './triggered-by.ts'
import { busySeconds } from './usual.ts'

export interface HistoryInput {
  /** After its end. */
  run: RunRecord
  /** Of the configuration that it ran with; undefined: it has no such environment. */
  environment: Pick<EnvironmentConfig, 'branch' | 'size' | 'dbt'> | undefined
  nodes: readonly RunNode[]
  sources: readonly SourceFreshness[]
  /** Characters of all its log lines. */
  logCharacters: number
}

export function historyRows(input: HistoryInput): HistoryRows {
  const { run, nodes, sources } = input
  const of = ofRun(run)
  return {
    runs: [runRow(input)],
    steps: (run.steps ?? []).map(step => stepRow(run, step)),
    ...resultRows(of, run.commit?.sha ?? null, nodes, sources),
    costs: costRows(input),
  }
}

const ofRun = (run: RunRecord) => ({
  run_id: run.id,
  project: run.project,
  environment: run.environment,
  job: run.job,
  claimed_at: timeOf(run.claimedAt) ?? new Date(0),
})

function runRow({ run, environment }: HistoryInput): HistoryRow<'runs'> {
  const { cause, overrides, commit } = run
  return {
    ...ofRun(run),
    status: run.status,
    reason: run.reason ?? null,
    message: run.message ?? null,
    trigger: cause.kind,
    triggered_by: triggeredBy(cause),
    scheduled_for: scheduledFor(run),
    rerun_of: run.rerunOf?.run ?? null,
    branch: overrides?.branch ?? environment?.branch ?? null,
    commit_sha: commit?.sha ?? null,
    commit_author: commit?.author ?? null,
    commit_subject: commit?.subject ?? null,
    committed_at: timeOf(commit?.committedAt),
    started_at: timeOf(run.startedAt),
    ended_at: timeOf(run.endedAt) ?? timeOf(run.claimedAt) ?? new Date(0),
    queued_seconds: secondsBetween(run.claimedAt, run.startedAt),
    seconds: secondsBetween(run.startedAt, run.endedAt),
    busy_seconds: run.startedAt ? busySeconds(run.attempts) : null,
    attempts: run.attempts.length,
    retries: run.retries?.length ?? 0,
    overridden: overrides !== undefined && Object.keys(overrides).length > 0,
    cancelled_by: run.cancel?.actor ?? null,
    ...countsOf(run.counts),
    engine: environment?.dbt.engine ?? null,
    dbt_version: run.dbtVersion ?? null,
    peak_memory_bytes: run.peakMemoryBytes ?? null,
    artifacts_incomplete: run.artifactsIncomplete ?? false,
    usd: (environment && estimateCost(run, environment.size)) ?? null,
    config: run.config,
  }
}

function scheduledFor({ cause }: RunRecord): Date | null {
  if (cause.kind === 'schedule') return timeOf(cause.scheduledFor)
  return cause.kind === 'request' && cause.slice ? timeOf(cause.slice.start) : null
}

function stepRow(run: RunRecord, step: StepResult): HistoryRow<'steps'> {
  return {
    ...ofRun(run),
    step: step.index,
    name: step.name,
    kind: step.kind,
    command: step.command,
    status: step.status,
    reason: step.reason ?? null,
    message: step.message ?? null,
    exit_code: integerOf(step.exitCode),
    attempt: step.attempt ?? Math.max(1, run.attempts.length),
    started_at: timeOf(step.startedAt),
    ended_at: timeOf(step.endedAt),
    seconds: secondsBetween(step.startedAt, step.endedAt),
    selected: integerOf(step.selected),
    ...countsOf(step.counts),
  }
}

function costRows({ run, environment, logCharacters }: HistoryInput): HistoryRow<'costs'>[] {
  const tasks = run.attempts.flatMap(attempt => costRow(run, attempt, environment?.size) ?? [])
  if (tasks.length === 0) return []
  const seconds = tasks.reduce((sum, task) => sum + (task.seconds ?? 0), 0)
  const usd = priceOfUse(useOfRun({ seconds, logMb: logCharacters / 1024 ** 2 }))
  return [...tasks, { ...NO_TASK, ...ofRun(run), item: 'machinery', usd }]
}

const NO_TASK = {
  attempt: null,
  status: null,
  reason: null,
  vcpu: null,
  memory_mib: null,
  disk_gib: null,
  architecture: null,
  capacity: null,
  dispatched_at: null,
  started_at: null,
  stopped_at: null,
  seconds: null,
} as const

function costRow(run: RunRecord, attempt: Attempt, size?: EnvironmentConfig['size']): HistoryRow<'costs'> | undefined {
  const cost = attemptCost(run, attempt, size ?? { architecture: 'arm64', disk: 20 })
  return (
    cost && {
      ...ofRun(run),
      item: 'task',
      attempt: attempt.number,
      status: attempt.outcome?.status ?? null,
      reason: attempt.outcome?.reason ?? null,
      vcpu: attempt.cpu / 1024,
      memory_mib: attempt.memory,
      disk_gib: size?.disk ?? null,
      architecture: attempt.architecture ?? size?.architecture ?? null,
      capacity: attempt.capacity,
      dispatched_at: timeOf(attempt.dispatchedAt),
      started_at: timeOf(attempt.startedAt),
      stopped_at: timeOf(attempt.stoppedAt ?? run.endedAt),
      seconds: cost.seconds,
      usd: size ? cost.usd : null,
    }
  )
}

function countsOf(counts: NodeCounts | undefined) {
  const of = (status: keyof NodeCounts) => integerOf(counts?.[status])
  return {
    nodes: integerOf(counts && Object.values(counts).reduce((sum, n) => sum + n, 0)),
    nodes_success: of('success'),
    nodes_warn: of('warn'),
    nodes_error: of('error'),
    nodes_fail: of('fail'),
    nodes_skipped: of('skipped'),
    nodes_noop: of('no-op'),
  }
}

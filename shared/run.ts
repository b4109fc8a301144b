/** The record of a run, as it stands in the table and in `run.json`. Times are ISO 8601 in UTC, durations in seconds. */
import type { Cause } from './cause.ts'
import type { Reason } from './reason-labels.ts'

export const RUN_STATUSES = ['queued', 'starting', 'running', 'success', 'warn', 'error', 'cancelled', 'skipped'] as const
export type RunStatus = (typeof RUN_STATUSES)[number]
export type FinalStatus = 'success' | 'warn' | 'error' | 'cancelled' | 'skipped'
export const isFinal = (status: RunStatus): status is FinalStatus => !['queued', 'starting', 'running'].includes(status)

/** What a request may change of the job for one run. */
export interface RunOverrides {
  /** dbt command lines in place of the job's own, e.g. `dbt build --select tag:orders`. */
  steps?: string[]
  branch?: string
  /** Full or abbreviated commit hash. */
  commit?: string
  fullRefresh?: boolean
  vars?: Record<string, unknown>
}

export interface Commit {
  sha: string
  author: string
  subject: string
  committedAt: string
}

export const NODE_STATUSES = ['success', 'warn', 'error', 'fail', 'skipped', 'no-op'] as const
/** `error`: it could not run; `fail`: a test found rows. dbt's `pass` is `success`. */
export type NodeStatus = (typeof NODE_STATUSES)[number]

export interface NodeResult {
  uniqueId: string
  name: string
  resourceType: string
  status: NodeStatus
  /** The database's or dbt's own words, bounded to {@link LIMIT.nodeMessage} characters. */
  message?: string
  startedAt?: string
  endedAt?: string
  executionSeconds?: number
  /** Rows a test found. */
  failures?: number
  rowsAffected?: number
  /** Path in the dbt project. */
  path?: string
  materialized?: string
  relation?: string
  /** Unique id of what a test is about, where it is known. */
  testedNode?: string
  /** Whose it is, by the dbt project; chooses only among targets that are configured. `meta.owner`, and the owner of its group. */
  owners?: string[]
  group?: string
  tags?: string[]
  /** Texts of its `meta`. */
  meta?: Record<string, string>
}

export type NodeCounts = Record<NodeStatus, number>
export const NO_NODES: NodeCounts = { success: 0, warn: 0, error: 0, fail: 0, skipped: 0, 'no-op': 0 }

export type StepKind = 'checkout' | 'deps' | 'freshness' | 'dbt' | 'docs'
export type StepStatus = 'pending' | 'running' | 'success' | 'warn' | 'error' | 'cancelled' | 'skipped'

export interface StepResult {
  index: number
  /** Short and safe for an S3 key: `checkout`, `build`, `test-2`. */
  name: string
  kind: StepKind
  /** As a person would type it, secrets masked. */
  command: string
  status: StepStatus
  reason?: Reason
  message?: string
  exitCode?: number
  startedAt?: string
  endedAt?: string
  counts?: NodeCounts
  /** Nodes that dbt selected, once it has said how many; ephemeral models do not count. */
  selected?: number
  /** Nodes that warned; of a freshness step the sources that are stale. The first ones. */
  warnings?: NodeResult[]
  /** File names stored below the step's prefix. */
  artifacts?: string[]
  /** The attempt that did the step, when a later one took its results over. */
  attempt?: number
  /** Run whose published state the step compared with. */
  comparedWith?: string
}

/** One container task of a run. */
export interface Attempt {
  number: number
  planKey: string
  planSha256: string
  /** The exact RunTask input, JSON, stored before the call so that it can be repeated with the same token. */
  runTaskInput: string
  taskArn?: string
  capacity: 'FARGATE' | 'FARGATE_SPOT'
  /** The environment's second one; absent: its first. */
  architecture?: 'arm64' | 'x86_64'
  /** CPU units (1024 = 1 vCPU) and MiB. */
  cpu: number
  memory: number
  dispatchedAt: string
  /** ECS RUNNING. */
  startedAt?: string
  stoppedAt?: string
  stopCode?: string
  stoppedReason?: string
  exitCode?: number
  /** Of the image that the container ran, `sha256:…`, as ECS says it. */
  imageDigest?: string
  /** Version of the newest ECS event seen. */
  eventVersion?: number
  /** More than the environment's size: the attempt before ran out of memory, or an earlier run of the job had. */
  larger?: 'stepped' | 'remembered'
  /** What is done by the end of this attempt, for the next one. */
  resume?: ResumeRef
  /** Set when the attempt has ended; `open` attempts have none. */
  outcome?: {
    status: FinalStatus
    reason?: Reason
    message?: string
    /** The passing fault of the warehouse that alone made it fail. */
    transient?: string
  }
}

/** Where the next attempt reads what is done (`Resume` of plan.ts), and what people are told about it. */
export interface ResumeRef {
  key: string
  sha256: string
  /** Every later attempt stays on it. */
  commit: string
  /** Nodes of the interrupted step that have no success yet; absent when dbt had not said how many there are. */
  left?: number
  /** The next attempt stays on the commit and begins at the first step (`retry: { resume: false }`). */
  fresh?: true
}

/** A finished run that somebody had go on. */
export interface Retry {
  at: string
  actor: string
  /** Attempts before it. */
  attempts: number
}

/** What is left to do after the end of a run; each is idempotent and taken out of the set when done. */
export const EFFECTS = ['history', 'docs', 'state', 'downstream', 'dispatch', 'messages'] as const
export type Effect = (typeof EFFECTS)[number]

export interface Streak {
  failures: number
  /** End of the first failed run. */
  since: string
  /** Before it no run of the job had counted. */
  first?: boolean
  /** First failed run, and where its code stood. */
  from?: { run: string; commit?: Commit }
  /** Hash of the commit of the failed run before this one. */
  lastSha?: string
  /** End of the failed run before this one. */
  previous?: string
  /** Good runs in a row before the failures, and the commit of the last of them. */
  good?: { runs: number; sha?: string }
  /** Runs in a row that found stale sources, with this one; when the first and the one before it ended. */
  stale?: { runs: number; since: string; previous?: string }
  /** Targets (`channel/target`) that have been told of the failures before this run. */
  told?: string[]
  /** With this failure the job was paused (`deactivate_after`). */
  deactivated?: true
}

export interface RunRecord {
  schemaVersion: number
  id: string
  project: string
  /** Short names; the full name of the job is `<project>/<job>`. */
  environment: string
  job: string
  status: RunStatus
  reason?: Reason
  /** A sentence for people: what happened, with dbt's or AWS's own words. */
  message?: string
  cause: Cause
  /** Canonical string of the cause. */
  causeString: string
  /** SHA-256 of the resolved configuration this run was claimed with (`config/<hash>.json`). */
  config: string
  /** Higher runs first. */
  priority: number
  claimedAt: string
  /** Not started by then: `skipped/expired` or `error/launch_capacity`. */
  startBy: string
  startedAt?: string
  endedAt?: string
  overrides?: RunOverrides
  /** The run that this one repeats; `exact`: with its commit and its configuration. */
  rerunOf?: { run: string; exact: boolean }
  /** Of a backfill: so many runs of the job may go on at once. */
  concurrency?: number
  attempts: Attempt[]
  /** Each time the run was opened again after its end (`tidemill retry`). */
  retries?: Retry[]
  /** Set by an operation; the end of the run then is `cancelled`. */
  cancel?: { at: string; actor: string }
  /** The sweeper stopped the task because the time limit had passed and the runner did not end it. */
  timedOutAt?: string
  /** People were told that it takes longer than usual. */
  lateAt?: string
  /** Failed runs of the job in a row: with this one if it failed, before this one if it was good again. Set after the end. */
  streak?: Streak
  /** The dispatcher waits until then (capacity, throttling, back-off between attempts). */
  notBefore?: string
  /** Failed tries to start the current attempt. */
  launchTries: number
  lastLaunchError?: string
  commit?: Commit
  dbtVersion?: string
  counts?: NodeCounts
  steps?: StepResult[]
  /** First failing nodes, at most {@link LIMIT.failures}. */
  failures?: NodeResult[]
  peakMemoryBytes?: number
  artifactsIncomplete?: boolean
  /** The last attempt uploaded its docs completely. */
  docsUploaded?: boolean
  /** The newest attempt that did; stays when the run is opened again. Absent in records of the version before. */
  docsAttempt?: number
  /** The table forgets it then: seconds since 1970. Absent: never. */
  expiresAt?: number
  /** Effects still open; absent before the end. */
  effects?: Effect[]
}

/** Bounds on what comes from a container, which is untrusted. */
export const LIMIT = {
  nodeMessage: 2000,
  /** Characters of an event's detail that are kept in the record. */
  eventDetail: 4096,
  failures: 20,
  message: 2000,
  /** Bytes of result.json that the finisher reads. */
  resultBytes: 512 * 1024,
  /** Bytes of the object that says what earlier attempts did. */
  resumeBytes: 16 * 1024 * 1024,
  /** Results of nodes that are read from the parts of one attempt; dbt projects have some thousands. */
  nodes: 100_000,
  waitingRunsPerJob: 1000,
} as const

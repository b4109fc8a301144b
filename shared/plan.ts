/** What passes between dispatcher, runner and finisher: the plan, the parts of log and ledger, and the result. */
import type { Cause } from './cause.ts'
import type { RunPlace } from './contract.ts'
import type { Reason } from './reason-labels.ts'
import type { Commit, NodeCounts, NodeResult, StepKind, StepResult } from './run.ts'

/** One step of a plan. `args` of a dbt step: the words after `dbt`, no shell involved. */
export interface PlanStep {
  index: number
  name: string
  kind: StepKind
  args: string[]
  /** A failure of this step ends the run's steps (docs always run if a build happened). */
  required: boolean
}

/** All that the runner needs except secret values. Written by the dispatcher, checked by its SHA-256. */
export interface Plan {
  schemaVersion: number
  run: RunPlace
  attempt: number
  cause: Cause
  repository: {
    url: string
    /** Folder of the dbt project in the repository; `.` for its root. */
    folder: string
    branch: string
    /** Wanted instead of the head of the branch. */
    commit?: string
    credentials: 'none' | 'token' | 'ssh' | 'codecommit'
    /** Name of the secret with the token or key, for messages. */
    secret?: string
    submodules: boolean
    /** Lines of known_hosts for an ssh host; the large hosts' published keys need none. */
    knownHosts?: string[]
    /** When the host does not answer: run the last commit that a run of this environment has brought. Default: fail. */
    onOutage?: 'last_commit'
  }
  dbt: {
    /** `core-1.11`, `core-1.12`, `oss-2.0` or `image`. */
    engine: string
    target?: string
    /** Text of our own profiles.yml; without it the repository's is used. */
    profiles?: string
  }
  /** Environment of dbt, without secrets. */
  variables: Record<string, string>
  /** Names of the environment variables that hold secrets for dbt. */
  secrets: string[]
  /** The task role's credentials are given to dbt. */
  passAwsCredentials: boolean
  steps: PlanStep[]
  /** Seconds left of the run's time limit, which all its attempts share. */
  timeoutSeconds: number
  /** Of the task, MiB. Absent in plans of the version before. */
  memory?: number
  /** S3 prefixes, each with a slash at its end. */
  prefixes: { attempt: string; cache: string; docs: string }
  /** Artifacts of the environment's published state are given to steps that compare with them; `pointer`: its key. */
  state?: { prefix: string; pointer: string }
  /** What earlier attempts did: a {@link Resume} in the bucket, and its SHA-256. */
  resume?: { key: string; sha256: string }
}

/** What earlier attempts of a run did, written by the finisher. A task that changed its ledger harms only its own run. */
export interface Resume {
  schemaVersion: number
  run: string
  /** The last attempt that it knows of. */
  attempt: number
  /** Steps that are not run again, as they ended. */
  steps: StepResult[]
  /** The step that was interrupted or failed, and its nodes that need not run again. */
  partial?: {
    step: number
    done: string[]
    /** How many of them warned. */
    warned: number
    /** Of `done`, for the artifacts of the step. */
    results?: NodeResult[]
  }
  /** Run whose published state the steps compared with; the next attempt compares with the same. */
  state?: string
}

/** Progress, the first line of every part. */
export interface Progress {
  type: 'progress'
  schemaVersion: number
  run: string
  attempt: number
  part: number
  at: string
  steps: StepResult[]
  /** Once it is checked out. */
  commit?: Commit
  /** Of the current step. `total` is 0 until dbt says it. */
  nodes: { done: number; total: number; running: string[] }
}
export interface LogLine {
  type: 'log'
  at: string
  step: number
  text: string
}
export interface NodeLine extends NodeResult {
  type: 'node'
  step: number
}
/** A part is gzip-compressed lines of JSON: one `progress`, then logs and nodes in order. */
export type PartLine = Progress | LogLine | NodeLine

/** Written last by the runner. The Lambdas take it as untrusted input. */
export interface RunnerResult {
  schemaVersion: number
  run: string
  attempt: number
  outcome: 'success' | 'warn' | 'error' | 'cancelled'
  reason?: Reason
  message?: string
  commit?: Commit
  dbtVersion?: string
  steps: StepResult[]
  counts: NodeCounts
  failures: NodeResult[]
  startedAt: string
  endedAt: string
  peakMemoryBytes?: number
  artifactsIncomplete: boolean
  docsUploaded: boolean
  parts: number
}

/** What the launcher is called with, by schedules, rules and the webhook function. */
import type { RunOverrides } from './run.ts'

/** EventBridge Scheduler fills the two context attributes in. */
export interface ScheduleInput {
  kind: 'schedule'
  job: string
  schedule: string
  /** `<aws.scheduler.scheduled-time>`: ISO 8601, UTC. */
  scheduledFor: string
}

/** A rule matched; `event` as EventBridge has it. */
export interface EventInput {
  kind: 'event'
  job: string
  trigger: string
  event: unknown
}

/** CodeCommit told of a branch that moved. */
export interface CodeCommitInput {
  kind: 'codecommit'
  job: string
  event: unknown
}

/** A git host told of a branch that moved, and its signature was good. */
export interface CommitInput {
  kind: 'commit'
  job: string
  branch: string
  sha: string
  eventId: string
}

/** A signed request. `caller`: the name of the secret that it was signed with. */
export interface RequestInput {
  kind: 'request'
  job: string
  caller: string
  idempotencyKey: string
  overrides?: RunOverrides
}

export type LaunchInput = ScheduleInput | EventInput | CodeCommitInput | CommitInput | RequestInput

/** What the launcher answers. */
export interface LaunchAnswer {
  run: string
  status: string
  reason?: string
  message?: string
  existed: boolean
}

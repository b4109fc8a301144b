/** Operations of the `api` function: one POST with a JSON body, signed with AWS Signature Version 4 (service `lambda`). */
import type { RunOverrides, RunRecord } from './run.ts'

export type ApiRequest =
  | { operation: 'run'; job: string; idempotencyKey: string; overrides?: RunOverrides }
  | { operation: 'cancel'; run: string }
  /** Has a finished run go on with another attempt. */
  | { operation: 'retry'; run: string }
  /** A new run with the parameters of another; `exact`: also with its commit and configuration. */
  | { operation: 'rerun'; run: string; idempotencyKey: string; exact?: boolean }
  | { operation: 'pause' | 'resume'; job: string }
  | { operation: 'pause' | 'resume'; environment: string }
  | BackfillRequest
  /** Sends a message marked as a test to every target, or again what was given up: keys, at most {@link MESSAGES_PER_REQUEST}. */
  | { operation: 'notify'; messages?: string[] }
  /** Has the history of these days (YYYY-MM-DD, UTC) written anew; by default of all that is kept. */
  | { operation: 'rebuild'; from?: string; to?: string }
  /** Changes nothing: whether the caller may use the api, and under what name. */
  | { operation: 'whoami' }

/** Runs of slices, each made once: asked again, those that ended well or still go on are answered as they are. */
export interface BackfillRequest {
  operation: 'backfill'
  job: string
  /** Names the backfill: the same slice of another backfill is another run. */
  backfill: string
  /** Runs of the job at once. */
  concurrency: number
  /** IANA zone by whose clock the slices are cut: their date is one of it. Default: that of the job's schedule, else UTC. */
  timezone?: string
  /** In order of time, at most {@link SLICES_PER_REQUEST}. Times are ISO 8601, UTC. */
  slices: { start: string; end: string; overrides?: RunOverrides }[]
}
/** So that a request is answered within seconds. */
export const SLICES_PER_REQUEST = 20
export const MESSAGES_PER_REQUEST = 50

export type ApiResponse =
  | {
      ok: true
      run?: RunRecord /** The run existed already for this idempotency key. */
      existed?: boolean
      runs?: BackfillRun[]
      /** Partition keys of the messages that are on their way. */
      messages?: string[]
      /** The caller, as the audit trail writes it. */
      actor?: string
      /** First and last day of the history that is written anew. */
      span?: { from: string; to: string }
      message: string
    }
  | {
      ok: false
      /** HTTP status as well. */
      status: 400 | 403 | 404 | 409 | 500
      message: string
      hint?: string
      /** A run was made and is over: the job is paused, or too many of its runs wait. */
      run?: RunRecord
    }

/** Answer for one slice, in the order asked. */
export interface BackfillRun {
  start: string
  run: RunRecord
  existed: boolean
}

/** One operation of the api, in the trail of who did what. */
export interface AuditEntry {
  /** Time of the operation and random digits: sorts by time. */
  id: string
  at: string
  actor: string
  operation: string
  /** The run, job or environment that it was about. */
  subject: string
  /** Full name of the job, where it was about one. */
  job?: string
  ok: boolean
  answer: string
  /** The table forgets it then: seconds since 1970. */
  expiresAt?: number
}

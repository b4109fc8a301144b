/** Why a run exists: the shapes, and parts that more than one reader needs. */
import type { FinalStatus } from './run.ts'

/** Why a run exists. Its canonical string (contract.ts) makes the claim unique. */
export type Cause =
  | { kind: 'schedule'; schedule: string; scheduledFor: string }
  | UpstreamCause
  | { kind: 'commit'; repository: string; sha: string; eventId: string /** Absent in records of before. */; branch?: string }
  | EventCause
  | { kind: 'request'; actor: string; idempotencyKey: string; slice?: Slice }

/** A part of a backfill. Whoever asks for it, it is run once, and again only after a run of it that did not end well. */
export interface Slice {
  backfill: string
  /** ISO 8601, UTC; `end` is not part of it. */
  start: string
  end: string
  /** Of the runs of the slice, from 1. */
  number: number
  /** Zone by whose clock it was cut. Absent in records of before. */
  timezone?: string
}

/** The end of a run of a job that this one runs after. */
export interface UpstreamRun {
  run: string
  job: string
  status: FinalStatus
}
/** The run that ended last; `others`: those of the other jobs, where the job runs after several. */
export interface UpstreamCause extends UpstreamRun {
  kind: 'upstream'
  others?: UpstreamRun[]
}

/** An event of EventBridge. All of it comes from outside: bounded, and data wherever it goes. */
export interface EventCause {
  kind: 'event'
  /** Of the job, as in the configuration. */
  trigger: string
  eventId: string
  source: string
  detailType: string
  /** ISO 8601, UTC. */
  time: string
  /** JSON; absent when it is longer than {@link LIMIT.eventDetail}. */
  detail?: string
  /** Of the detail, as it came. */
  detailBytes: number
  /** Of an object in S3. The sequencer is the same in every notification of one write. */
  object?: { bucket: string; key: string; version?: string; sequencer?: string }
}

/** All runs of an upstream cause: the one that ended last, then the others. */
export const upstreamRuns = ({ run, job, status, others = [] }: UpstreamCause): UpstreamRun[] => [{ run, job, status }, ...others]

/** Their ids in order: the same set gives the same text, whichever ended last. */
export const runsOf = (cause: UpstreamCause): string[] =>
  upstreamRuns(cause)
    .map(each => each.run)
    .sort()

/** What is the same in every delivery of an event. S3 may tell of one write in two events; their sequencer is one. */
export const eventKey = ({ source, eventId, object }: EventCause): string =>
  object?.sequencer ? `s3 ${object.bucket}/${object.key}@${object.sequencer}` : `${source}/${eventId}`

/** What happened, in few words: the object, or the event by its own names. */
export const eventText = ({ source, detailType, object }: EventCause): string =>
  object ? `s3://${object.bucket}/${object.key}` : `${detailType} of ${source}`

/** Parts of causes that more than one reader needs. */
import type { EventCause, UpstreamCause, UpstreamRun } from './run.ts'

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

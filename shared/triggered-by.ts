import { type Cause, eventText, upstreamRuns } from './cause.ts'

/** Who or what started a run, by its name: a schedule, an actor, the runs before it, an object or event, a branch. */
export function triggeredBy(cause: Cause): string {
  switch (cause.kind) {
    case 'schedule':
      return cause.schedule
    case 'upstream':
      return upstreamRuns(cause)
        .map(each => each.run)
        .join(', ')
    case 'event':
      return eventText(cause)
    case 'commit':
      return cause.branch ?? cause.sha
    case 'request':
      return cause.actor
  }
}

/** The end of a task's log stream in CloudWatch. */
import { type CloudWatchLogsClient, GetLogEventsCommand, ResourceNotFoundException } from '@aws-sdk/client-cloudwatch-logs'

export interface LogEvent {
  timestamp: number
  message: string
}
export interface Logs {
  /** The last events of a stream, in order, at most so many bytes; empty when there is no such stream. */
  tail(group: string, stream: string, maxBytes: number): Promise<LogEvent[]>
}

export function makeLogs(client: CloudWatchLogsClient): Logs {
  return {
    async tail(logGroupName, logStreamName, maxBytes) {
      const events: LogEvent[] = []
      let bytes = 0
      for (let nextToken: string | undefined; bytes < maxBytes; ) {
        // FilterLogEvents may cut without saying so; GetLogEvents pages backward until its token stays the same.
        const page = await client
          .send(new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: false, ...(nextToken && { nextToken }) }))
          .catch(error => {
            if (error instanceof ResourceNotFoundException) return undefined
            throw error
          })
        const found = (page?.events ?? []).map(({ timestamp = 0, message = '' }) => ({ timestamp, message }))
        events.unshift(...found)
        bytes += found.reduce((sum, event) => sum + event.message.length, 0)
        if (!page?.nextBackwardToken || page.nextBackwardToken === nextToken || found.length === 0) break
        nextToken = page.nextBackwardToken
      }
      while (bytes > maxBytes && events.length > 1) bytes -= events.shift()?.message.length ?? 0
      return events
    },
  }
}

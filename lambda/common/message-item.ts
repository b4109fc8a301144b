/** A message as it stands in the table: written down once, sent at least once. */
import type { Late } from '../../shared/message.ts'
import type { MessageKind } from '../../shared/reasons.ts'
import type { Streak } from '../../shared/run.ts'

export interface MessageItem {
  pk: string
  schemaVersion: number
  runId: string
  kind: MessageKind | 'test'
  channel: string
  target: string
  state: 'pending' | 'sending' | 'sent' | 'failed'
  tries: number
  createdAt: string
  leaseUntil?: string
  firstTryAt?: string
  sentAt?: string
  lastError?: string
  /** When it was given up. */
  failedAt?: string
  /** What the channel calls the message it took, e.g. the `ts` of Slack. */
  receipt?: string
  /** Partition key of the message that this one answers. */
  replyTo?: string
  streak?: Streak
  /** Unique ids of the nodes it is about; absent: all. */
  nodes?: string[]
  late?: Late
  /** The table forgets it then: seconds since 1970. Absent: never. */
  expiresAt?: number
  /** Of a test: who asked for it. */
  actor?: string
}

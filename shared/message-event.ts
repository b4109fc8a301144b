/** A message as an event of EventBridge, for automations of the user's. */
import type { Message } from './message.ts'
import { bodyOf } from './message-webhook.ts'
import { eventSource } from './resource-names.ts'

/** `detail-type`, for patterns; `detail.kind` says the same in one word. */
const DETAIL_TYPE: Record<Message['kind'], string> = {
  error: 'Run Failed',
  warn: 'Run Finished With Warnings',
  success: 'Run Succeeded',
  recovered: 'Run Recovered',
  cancelled: 'Run Cancelled',
  missed: 'Run Missed',
  late: 'Run Late',
  source_stale: 'Sources Stale',
  test: 'Test',
}

/** One entry of PutEvents. An entry may have 256 KB, of which ours has a few. */
export const renderEvent = (message: Message, installation: string, at: string) => ({
  Source: eventSource(installation),
  DetailType: DETAIL_TYPE[message.kind],
  Time: Date.parse(at) / 1000,
  Detail: JSON.stringify({ version: 1, ...bodyOf(message, installation) }),
})

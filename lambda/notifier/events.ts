/** Puts events on the account's default bus, for automations of the user's. */
import { renderEvent } from '../../shared/message-event.ts'
import type { Delivery, Send } from './deliver.ts'
import { type Http, post } from './http.ts'
import { type Caller, signedHeaders } from './signed-call.ts'

export interface EventsDeps extends Http {
  installation: string
  endpoint: URL
  caller(): Caller
}

/** Errors of an entry that pass; the others come again with the same event. */
const PASSING = /^(InternalFailure|InternalException|ThrottlingException|ServiceUnavailable)/

export function makeEvents(deps: EventsDeps): Send {
  return async (message, { createdAt }) => {
    const body = JSON.stringify({ Entries: [renderEvent(message, deps.installation, createdAt)] })
    const call = { service: 'events', target: 'AWSEvents.PutEvents', host: deps.endpoint.host, body, at: deps.now() }
    // The client sets the host itself; it is signed all the same.
    const { host: _, ...headers } = signedHeaders(deps.caller(), call)
    const { status, body: answer, delivery } = await post(deps, { to: deps.endpoint, body, headers })
    // Throttling and expired credentials come as 400.
    if (status === 400 && /Throttling|ExpiredToken|RequestExpired/.test(answer))
      return { outcome: 'later', error: errorOf(delivery) }
    return delivery.outcome === 'sent' ? judgeEntry(answer) : delivery
  }
}

const errorOf = (delivery: Delivery) => (delivery.outcome === 'sent' ? '' : delivery.error)

/** A refused entry comes in an answer of 200. */
function judgeEntry(answer: string): Delivery {
  let failed: unknown
  let entry: { ErrorCode?: unknown; ErrorMessage?: unknown } = {}
  try {
    const parsed = Object(JSON.parse(answer)) as { FailedEntryCount?: unknown; Entries?: unknown }
    failed = parsed.FailedEntryCount
    entry = Object(Array.isArray(parsed.Entries) ? parsed.Entries[0] : undefined)
  } catch {
    return { outcome: 'later', error: 'EventBridge answered something that is not JSON' }
  }
  if (failed === 0) return { outcome: 'sent' }
  const code = typeof entry.ErrorCode === 'string' ? entry.ErrorCode : 'no code'
  const words = typeof entry.ErrorMessage === 'string' ? entry.ErrorMessage : ''
  return { outcome: PASSING.test(code) ? 'later' : 'never', error: `EventBridge: ${code} ${words}`.slice(0, 500).trim() }
}

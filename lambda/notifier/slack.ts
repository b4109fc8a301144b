/** Posts to an incoming webhook of Slack, or of what accepts the same JSON. The address is a secret: it is in no log and no error. */
import type { Message } from '../../shared/message.ts'
import { renderSlack } from '../../shared/message-slack.ts'
import type { Delivery, Send } from './deliver.ts'

export interface SlackDeps {
  /** Reads the address from its secret. Throws with a sentence for people when it is not one. */
  webhook: { read(): Promise<URL>; forget(): void }
  fetch: typeof fetch
  now(): Date
}

const TIMEOUT_MILLISECONDS = 10_000

export function makeSlack(deps: SlackDeps): Send {
  return async (message, target) => {
    const address = await deps.webhook.read()
    const delivery = await post(deps, address, message, target)
    if (delivery.outcome !== 'never') return delivery
    // The hook may have been made anew: once more if the secret holds another one now.
    deps.webhook.forget()
    const current = await deps.webhook.read()
    return current.href === address.href ? delivery : post(deps, current, message, target)
  }
}

async function post(deps: SlackDeps, address: URL, message: Message, target: string): Promise<Delivery> {
  try {
    const response = await deps.fetch(address, {
      method: 'POST',
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(renderSlack(message, target)),
      // A message about failures must not follow its receiver elsewhere.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    })
    const said = (await response.text()).slice(0, 200).replace(/\s+/g, ' ').trim()
    return judge(response, `${address.host} answered ${response.status}${said && ` "${said}"`}`, deps.now())
  } catch (error) {
    return { outcome: 'later', error: `${address.host}: ${networkWords(error)}` }
  }
}

/** Slack's answers: 429 with Retry-After when too fast; 400, 403, 404, 410 when the hook, channel or workspace is gone. */
function judge(response: Response, error: string, now: Date): Delivery {
  if (response.ok) return { outcome: 'sent' }
  const { status } = response
  if (status !== 429 && status !== 408 && status < 500) return { outcome: 'never', error }
  const afterSeconds = readRetryAfter(response.headers.get('retry-after'), now)
  return { outcome: 'later', error, ...(afterSeconds !== undefined && { afterSeconds }) }
}

/** Seconds of a Retry-After header, which holds seconds or a date; at most an hour. */
export function readRetryAfter(value: string | null, now: Date): number | undefined {
  if (!value?.trim()) return undefined
  const seconds = /^\d+$/.test(value.trim()) ? Number(value) : (Date.parse(value) - now.getTime()) / 1000
  return Number.isNaN(seconds) ? undefined : Math.min(3600, Math.max(0, Math.ceil(seconds)))
}

/** Name or code only: the message of an error may hold the address. */
function networkWords(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MILLISECONDS / 1000} s`
  const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined
  return typeof cause?.code === 'string' ? `not reachable (${cause.code})` : 'not reachable'
}

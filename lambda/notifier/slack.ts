/** Posts to Slack: to an incoming webhook, or what accepts the same JSON, or as a bot. */
import type { Config, SecretRef } from '../../shared/config-model.ts'
import { renderSlack, slackReply } from '../../shared/message-slack.ts'
import type { Delivery, Send } from './deliver.ts'
import { type Http, post } from './http.ts'
import { nameOf, parseAddress, type Secrets } from './secrets.ts'
import { withSecret } from './with-secret.ts'

type Slack = NonNullable<Config['channels']['slack']>

export interface SlackDeps extends Http {
  secrets: Secrets
  /** Of the configuration in force: undefined when it has no Slack any more. */
  settings(): Promise<Slack | undefined>
  /** Where bots post. */
  api: URL
}

export const SLACK_API = new URL('https://slack.com/api/chat.postMessage')

export function makeSlack(deps: SlackDeps): Send {
  return async (message, to) => {
    const slack = await deps.settings()
    if (!slack) return { outcome: 'never', error: 'notifications.slack is not in the configuration any more' }
    if (slack.bot) {
      const payload = { ...renderSlack(message, to.target || slack.bot.channel), ...slackReply(to.replyTo) }
      return withSecret(deps.secrets, slack.secret, token => postAsBot(deps, payload, token, slack.secret))
    }
    const own = slack.targets?.[to.target]
    const secret = own ?? slack.secret
    const body = JSON.stringify(renderSlack(message, own ? '' : to.target))
    return withSecret(
      deps.secrets,
      secret,
      async address => (await post(deps, { to: parseAddress(address, secret), body })).delivery,
    )
  }
}

async function postAsBot(deps: SlackDeps, payload: object, token: string, ref: SecretRef): Promise<Delivery> {
  // A line break would be a header of its own.
  if (!/^xox[a-z]-[\w-]+$/.test(token)) throw new Error(`${nameOf(ref)} does not hold the token of a Slack bot (xoxb-…)`)
  const headers = { authorization: `Bearer ${token}` }
  const { body, delivery, status } = await post(deps, { to: deps.api, body: JSON.stringify(payload), headers })
  return delivery.outcome === 'sent' ? judgeAnswer(body, status) : delivery
}

/** Slack says in an answer of 200 whether it took the message. What may pass; the rest is final until somebody changes something. */
const PASSING = new Set([
  'ratelimited',
  'rate_limited',
  'internal_error',
  'fatal_error',
  'service_unavailable',
  'request_timeout',
  'team_added_to_org',
])

const HELP: Record<string, string> = {
  not_in_channel: ': invite the bot to the channel',
  channel_not_found: ': the channel does not exist, or is private and the bot is not in it',
  invalid_auth: ': store a new token',
  token_revoked: ': store a new token',
  missing_scope: ': the bot needs the scope chat:write',
}

function judgeAnswer(body: string, status: number): Delivery {
  let answer: { ok?: unknown; error?: unknown; ts?: unknown }
  try {
    answer = Object(JSON.parse(body))
  } catch {
    return { outcome: 'later', error: `Slack answered ${status} with something that is not JSON` }
  }
  if (answer.ok === true) return { outcome: 'sent', ...(typeof answer.ts === 'string' && { receipt: answer.ts.slice(0, 100) }) }
  const error = typeof answer.error === 'string' ? answer.error.slice(0, 100) : 'no reason'
  return { outcome: PASSING.has(error) ? 'later' : 'never', error: `Slack refused: ${error}${HELP[error] ?? ''}` }
}

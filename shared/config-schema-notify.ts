/** Schema of notifications: the channels of the installation, and the rules that say who is told what. */
import * as z from 'zod/mini'
import { about, listOf, oneOrMany, secret, text, withDefault } from './config-schema-parts.ts'
import { secretKind } from './config-secrets.ts'
import { durationReader, nameReader, readEmail, readTimezone } from './config-values.ts'
import { MESSAGE_KINDS } from './reasons.ts'
import { type Refusal, refuse } from './refusal.ts'

const readSlackTarget = (target: string): string | Refusal => {
  if (secretKind(target))
    return {
      ...refuse(
        'holds a webhook address or token; here goes the channel, e.g. "#data-alerts", and the webhook into notifications.slack.secret',
      ),
      hide: true,
    }
  return /^[#@]?[\w.-]{1,80}$/.test(target) ? target : refuse('is not a channel of Slack, e.g. "#data-alerts"')
}

/** `22:00` in minutes after midnight. */
function readTimeOfDay(value: string): number | Refusal {
  const [, hours, minutes] = /^([01]?\d|2[0-3]):([0-5]\d)$/.exec(value) ?? []
  return hours ? Number(hours) * 60 + Number(minutes) : refuse('is not a time of day; write hours and minutes, e.g. "22:00"')
}

function readRepeat(value: string): 'every' | 'daily' | 'never' | number | Refusal {
  if (value === 'every' || value === 'daily' || value === 'never') return value
  const seconds = durationReader('5m', '7d')(value)
  return typeof seconds === 'number' || !/not a duration/.test(seconds.refused)
    ? seconds
    : refuse('is not known; write every, daily, never, or a duration, e.g. 1h')
}

const words = (description: string, example: string) =>
  z.optional(about(oneOrMany(z.string().check(z.minLength(1))), description, [example]))

const matchSpec = z.strictObject({
  owner: words('`meta.owner` of the node, or name or e-mail address of the owner of its dbt group.', 'finance'),
  group: words('Name of its dbt group.', 'finance'),
  tag: words('One of its tags.', 'pii'),
  meta: z.optional(
    about(z.record(z.string(), z.string()), 'Entries of its `meta`, all of which must be so.', [{ team: 'finance' }]),
  ),
})

const quietSpec = z.strictObject({
  from: about(text(readTimeOfDay), 'Their beginning.', ['22:00']),
  to: about(text(readTimeOfDay), 'Their end; before `from`: the next morning.', ['07:00']),
  timezone: withDefault(about(text(readTimezone), 'IANA time zone.', ['Europe/Berlin']), 'UTC'),
})

const toTarget = (channel: string) =>
  z.optional(
    about(
      z.union([z.boolean(), text(nameReader('target'))]),
      `true: the target of \`notifications.${channel}\`; or the name of one of its \`targets\`.`,
      [true],
    ),
  )

const notifySpec = z.strictObject({
  slack: z.optional(
    about(
      z.union([z.boolean(), text(readSlackTarget)]),
      'true: the channel of `notifications.slack`; or the channel to post to (in quotes, # begins a comment in YAML), which takes a bot token; or the name of one of its `targets`.',
      ['#data-alerts'],
    ),
  ),
  email: z.optional(
    about(
      z.union([z.boolean(), text(nameReader('target'))]),
      'true: the addresses of `notifications.email`; or the name of one of `notifications.email_lists`.',
    ),
  ),
  teams: toTarget('teams'),
  pagerduty: toTarget('pagerduty'),
  webhook: toTarget('webhook'),
  events: z.optional(about(z.boolean(), 'true: an event on the default bus of EventBridge.')),
  on: z.optional(
    about(
      listOf(z.enum(MESSAGE_KINDS)).check(z.minLength(1)),
      'What is told. `recovered`: the first good run after failures; `missed`: it did not run; `late`: it takes longer than usual, told while it runs; `source_stale`: a source is older than its limit. Default: `error`, `recovered` and `missed`; for `webhook` and `events` all but `late`; with `match` `error` and `recovered`.',
    ),
  ),
  match: z.optional(
    about(
      z.union([z.literal('unmatched'), matchSpec]),
      'Only failing nodes that fit are told, and nothing is sent when none does. `unmatched`: the nodes that no other rule takes, and all that is about the whole run.',
    ),
  ),
  repeat: withDefault(
    about(
      text(readRepeat),
      'How often a failure that lasts is told again, after the first, which is told at once: `every` run, `daily`, `never`, or the first in each such time, e.g. `1h`.',
    ),
    'every',
  ),
  quiet: z.optional(about(quietSpec, 'Hours in which nothing is sent. What comes up is told at their end.')),
  urgent: withDefault(about(z.boolean(), 'true: `error` and `missed` are sent in the quiet hours too.'), false),
})
export type NotifySpec = z.output<typeof notifySpec>

/** `instead`: what counts when there are none. */
export const notifyOption = (description: string) =>
  z.optional(about(oneOrMany(notifySpec), description, [{ slack: '#data-alerts', on: ['error', 'warn', 'recovered', 'missed'] }]))

const targets = (what: string) =>
  withDefault(
    about(z.record(text(nameReader('target')), secret()), `Further ones, by a name for rules to choose: ${what}`, [
      { finance: 'finance-hook' },
    ]),
    {},
  )

const slackSpec = z
  .strictObject({
    secret: z.optional(
      about(secret(), 'Secret with the address of an incoming webhook, which posts to the channel it was made for.', [
        'slack-webhook',
      ]),
    ),
    token: z.optional(
      about(
        secret(),
        'Instead of a webhook: secret with the token of a bot (`xoxb-…`, scope `chat:write`). It posts to every channel that it is in, and the recovery into the thread of the failure.',
        ['slack-bot'],
      ),
    ),
    channel: z.optional(
      about(text(readSlackTarget), 'With a token: where to post unless a rule says otherwise; name or id.', ['#data-alerts']),
    ),
    targets: targets('the secret with the address of another webhook.'),
  })
  .check(ctx => {
    const { secret: hook, token, channel, targets: more } = ctx.value
    const say = (message: string) => ctx.issues.push({ code: 'custom', input: ctx.value, message })
    if ((hook === undefined) === (token === undefined)) say('needs `secret` (a webhook) or `token` (a bot), and not both')
    if (token !== undefined && channel === undefined) say('needs `channel` beside `token`, e.g. channel: "#data-alerts"')
    if (token === undefined && channel !== undefined)
      say('has `channel`, which only a `token` can choose: a webhook posts to the channel it was made for')
    if (token !== undefined && Object.keys(more).length)
      say('has `targets`, which are webhooks; with a token a rule names the channel itself')
  })

export const notificationsSpec = z.strictObject({
  email: withDefault(
    about(listOf(text(readEmail)), 'Addresses that get a message; each confirms once by a link AWS sends.', [
      ['data@example.com'],
    ]),
    [],
  ),
  email_lists: withDefault(
    about(
      z.record(text(nameReader('target')), listOf(text(readEmail)).check(z.minLength(1))),
      'Further lists of addresses, by a name for rules to choose.',
      [{ finance: ['finance@example.com'] }],
    ),
    {},
  ),
  slack: z.optional(
    about(slackSpec, 'Slack, or what accepts its form: an incoming webhook or a bot.', [{ secret: 'slack-webhook' }]),
  ),
  teams: z.optional(
    about(
      z.strictObject({
        secret: about(secret(), 'Secret with the address of the workflow.', ['teams-webhook']),
        targets: targets('the secret with the address of another workflow.'),
      }),
      'Microsoft Teams: a workflow of Power Automate with the trigger "When a Teams webhook request is received", which posts the card to its channel.',
      [{ secret: 'teams-webhook' }],
    ),
  ),
  pagerduty: z.optional(
    about(
      z.strictObject({
        secret: about(secret(), 'Secret with the integration key of a service (Events API v2).', ['pagerduty-key']),
        region: withDefault(about(z.enum(['us', 'eu']), 'Service region of the account.'), 'us'),
        targets: targets('the secret with the integration key of another service.'),
      }),
      'PagerDuty: a failure triggers an incident of the job, the next good run resolves it.',
      [{ secret: 'pagerduty-key' }],
    ),
  ),
  webhook: z.optional(
    about(
      z.strictObject({
        secret: about(secret(), 'Secret with a JSON object: `url`, and `key`, by which each body is signed (HMAC-SHA256).', [
          'run-webhook',
        ]),
        targets: targets('the secret of another receiver.'),
      }),
      'A receiver of your own. The body has the shape of the webhooks of the dbt platform, so that receivers made for those work.',
      [{ secret: 'run-webhook' }],
    ),
  ),
  events: withDefault(
    about(
      z.boolean(),
      'true: events on the default bus of EventBridge, source `tidemill.<installation>`, for automations of your own.',
    ),
    false,
  ),
  notify: notifyOption(
    'Who is told what, for jobs that have no rules of their own and whose environment has none. Default: every channel, on error, recovered and missed.',
  ),
})

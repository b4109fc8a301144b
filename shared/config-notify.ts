/** Rules of who is told, complete: of a job, else of its environment, else of the installation, else every channel. */
import type { KeyPath } from './config-file.ts'
import { valueAt } from './config-issues.ts'
import type { Config } from './config-model.ts'
import type { Section } from './config-read.ts'
import type { Findings } from './config-resolve.ts'
import type { ConfigSpec } from './config-schema.ts'
import type { NotifySpec } from './config-schema-notify.ts'
import { CHANNELS, type Channel, NODE_KINDS, type NodeMatch, type NotifyRule } from './notify.ts'
import type { MessageKind } from './reasons.ts'
import { meant } from './suggest.ts'

/** What rules can choose among. */
export interface ChannelSetup {
  channels: Channel[]
  /** Names of further targets. */
  targets: Partial<Record<Channel, string[]>>
  /** Slack has a bot, which posts where a rule says. */
  bot: boolean
}

const PEOPLE: MessageKind[] = ['error', 'recovered', 'missed']
const PROGRAMS: MessageKind[] = ['error', 'warn', 'success', 'recovered', 'cancelled', 'missed', 'source_stale']
const isProgram = (channel: Channel) => channel === 'webhook' || channel === 'events'

const HOW: Record<Channel, string> = {
  slack: 'slack: { secret: slack-webhook }',
  email: 'email: [you@example.com]',
  teams: 'teams: { secret: teams-webhook }',
  pagerduty: 'pagerduty: { secret: pagerduty-key }',
  webhook: 'webhook: { secret: run-webhook }',
  events: 'events: true',
}

/** From what was written, so that one wrong option does not hide another. */
export function channelSetup(data: unknown): ChannelSetup {
  const at = (...path: string[]) => valueAt(data, ['notifications', ...path])
  const isSetUp = (value: unknown) =>
    value !== undefined && value !== null && value !== false && !(Array.isArray(value) && value.length === 0)
  const namesAt = (...path: string[]) => Object.keys(Object(at(...path)))
  const lists = namesAt('email_lists')
  return {
    channels: CHANNELS.filter(channel => isSetUp(at(channel))),
    targets: {
      email: lists,
      ...Object.fromEntries(
        (['slack', 'teams', 'pagerduty', 'webhook'] as const).map(channel => [channel, namesAt(channel, 'targets')]),
      ),
    },
    bot: isSetUp(at('slack', 'token')),
  }
}

export function resolveChannels(spec: ConfigSpec['notifications'] | undefined): Config['channels'] {
  const { email = [], email_lists: lists = {}, slack, teams, pagerduty, webhook, events } = spec ?? {}
  const named = Object.keys(lists).length > 0
  const hook = slack?.token ?? slack?.secret
  return {
    email: email.length || named ? { addresses: email, ...(named && { lists }) } : null,
    slack: hook
      ? {
          secret: hook,
          ...(slack?.token && { bot: { channel: slack.channel ?? '' } }),
          ...(Object.keys(slack?.targets ?? {}).length && { targets: slack?.targets }),
        }
      : null,
    ...(teams && { teams }),
    ...(pagerduty && { pagerduty }),
    ...(webhook && { webhook }),
    ...(events && { events }),
  } as Config['channels']
}

/** What counts when nobody wrote a rule. */
export const defaultRules = ({ channels }: ChannelSetup): NotifyRule[] =>
  channels.map(channel => ({ channel, target: '', on: isProgram(channel) ? PROGRAMS : PEOPLE }))

/** Undefined: nothing is written there. */
export function resolveRules(
  { file }: Pick<Section, 'file'>,
  at: KeyPath,
  written: NotifySpec | NotifySpec[] | undefined,
  setup: ChannelSetup,
  findings: Findings,
): NotifyRule[] | undefined {
  if (written === undefined) return undefined
  const list = Array.isArray(written) ? written : [written]
  const rules = list.flatMap((spec, index) => {
    const path = Array.isArray(written) ? [...at, index] : at
    const say = (key: string, message: string) => findings.problems.push(file.problem([...path, key], message, 'key'))
    return resolveRule(spec, setup, say)
  })
  const lost = unheard(rules)
  if (lost)
    findings.problems.push(
      file.problem(
        at,
        `tells nobody of ${lost} in nodes that no \`match\` takes; add a rule without match, or with match: unmatched`,
        'key',
      ),
    )
  return rules
}

type Say = (key: string, message: string) => void

function resolveRule(spec: NotifySpec, setup: ChannelSetup, say: Say): NotifyRule[] {
  const named = CHANNELS.filter(channel => spec[channel])
  for (const channel of named) checkTarget(channel, spec[channel], setup, say)
  const written = CHANNELS.some(channel => spec[channel] !== undefined)
  const match = spec.match === undefined || spec.match === 'unmatched' ? spec.match : resolveMatch(spec.match, say)
  checkKinds(spec, say)
  return (written ? named : setup.channels).map(channel => {
    const target = spec[channel]
    return {
      channel,
      target: typeof target === 'string' ? target : '',
      on: kindsOf(channel, spec),
      ...(match && { match }),
      ...(spec.repeat !== 'every' && { repeat: spec.repeat }),
      ...(spec.quiet && { quiet: spec.quiet }),
      ...(spec.urgent && { urgent: true }),
    }
  })
}

/** An incident that nothing resolves would stay open: PagerDuty hears of every recovery. */
function kindsOf(channel: Channel, { on, match }: NotifySpec): MessageKind[] {
  const usual = typeof match === 'object' ? (['error', 'recovered'] as const) : isProgram(channel) ? PROGRAMS : PEOPLE
  return [...new Set<MessageKind>([...(on ?? usual), ...(channel === 'pagerduty' ? (['recovered'] as const) : [])])]
}

function checkKinds({ on, match, quiet, urgent }: NotifySpec, say: Say): void {
  const whole = typeof match === 'object' ? (on ?? []).filter(kind => !NODE_KINDS.includes(kind)) : []
  if (whole.length)
    say(
      'on',
      `${whole.join(', ')} ${whole.length > 1 ? 'are' : 'is'} about the whole run and not about nodes; put it into a rule without match`,
    )
  if (urgent && !quiet) say('urgent', 'means something only beside `quiet`')
  if (quiet && quiet.from === quiet.to)
    say('quiet', 'begins and ends at the same time; with nothing to tell at any hour write notify: []')
}

function resolveMatch(spec: Exclude<NonNullable<NotifySpec['match']>, 'unmatched'>, say: Say): NodeMatch {
  const list = (value: string | string[]) => (Array.isArray(value) ? value : [value])
  const { owner, group, tag, meta } = spec
  if (!owner && !group && !tag && !Object.keys(meta ?? {}).length)
    say('match', 'is empty, so no node would fit; write owner, group, tag or meta')
  return {
    ...(owner && { owner: list(owner) }),
    ...(group && { group: list(group) }),
    ...(tag && { tag: list(tag) }),
    ...(meta && { meta }),
  }
}

function checkTarget(channel: Channel, target: unknown, { channels, targets, bot }: ChannelSetup, say: Say): void {
  const named = typeof target === 'string' && channel !== 'slack'
  if (!channels.includes(channel) && !(named && targets[channel]?.includes(target))) {
    say(channel, `${channel} is not set up; add to the end of the file: notifications: { ${HOW[channel]} }`)
    return
  }
  if (!named) {
    if (typeof target === 'string' && bot && !/^[#@]|^[A-Z0-9]{8,}$/.test(target))
      say(channel, `"${target}" is not a channel of Slack; write its name with # ("#${target}") or its id`)
    return
  }
  const known = targets[channel] ?? []
  const where = channel === 'email' ? 'notifications.email_lists' : `notifications.${channel}.targets`
  if (!known.includes(target)) say(channel, `"${target}" is not in ${where}${meant(target, known)}`)
}

/** A kind that only rules for some nodes ask for. */
function unheard(rules: readonly NotifyRule[]): MessageKind | undefined {
  const routed = rules
    .filter(rule => typeof rule.match === 'object')
    .flatMap(rule => rule.on.filter(kind => NODE_KINDS.includes(kind)))
  return routed.find(
    kind => kind !== 'recovered' && !rules.some(rule => typeof rule.match !== 'object' && rule.on.includes(kind)),
  )
}

/** Who is told: channels, the rules that choose among them, and which failing nodes a rule is about. */
import type { MessageKind } from './reasons.ts'
import type { NodeResult } from './run.ts'

export const CHANNELS = ['email', 'slack', 'teams', 'pagerduty', 'webhook', 'events'] as const
export type Channel = (typeof CHANNELS)[number]

/** A failing node fits if it fits each of the given criteria; of the words of one criterion any will do. */
export interface NodeMatch {
  /** `meta.owner` of the node, or name or e-mail of its group's owner. */
  owner?: string[]
  group?: string[]
  tag?: string[]
  meta?: Record<string, string>
}

/** Every day, in a time zone; minutes after midnight. `to` before `from`: over midnight. */
export interface QuietHours {
  from: number
  to: number
  timezone: string
}

export interface NotifyRule {
  channel: Channel
  /** A channel of Slack, or one of the channel's further targets; empty for its own. */
  target: string
  on: MessageKind[]
  /** Only these of the failing nodes; `unmatched`: those that no other rule of the job takes. Absent: the whole run. */
  match?: NodeMatch | 'unmatched'
  /** How often a failure that lasts is told again; a number: seconds. Absent: every run. */
  repeat?: 'every' | 'daily' | 'never' | number
  /** What comes up meanwhile is told at their end. */
  quiet?: QuietHours
  /** Errors and missed runs do not wait for the end of the quiet hours. */
  urgent?: boolean
}

/** Kinds that can be about single nodes; the others are about the whole run. */
export const NODE_KINDS: readonly MessageKind[] = ['error', 'warn', 'recovered', 'source_stale']

/** `channel/target`, as in the key of a message. */
export const addressOf = ({ channel, target }: Pick<NotifyRule, 'channel' | 'target'>) => `${channel}/${target}`

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase()
const anyOf = (wanted: readonly string[] | undefined, found: readonly string[]) =>
  !wanted || wanted.some(want => found.some(each => same(want, each)))

export function fits(match: NodeMatch, node: NodeResult): boolean {
  const meta = Object.entries(match.meta ?? {})
  return (
    anyOf(match.owner, node.owners ?? []) &&
    anyOf(match.group, node.group === undefined ? [] : [node.group]) &&
    anyOf(match.tag, node.tags ?? []) &&
    meta.every(([key, value]) => Object.hasOwn(node.meta ?? {}, key) && same(value, node.meta?.[key] ?? ''))
  )
}

/** The nodes among these that a rule is about; `rules`: all of the job, for those that no other takes. */
export function nodesFor(rule: NotifyRule, rules: readonly NotifyRule[], nodes: readonly NodeResult[]): NodeResult[] {
  const { match } = rule
  if (match === undefined) return [...nodes]
  if (match !== 'unmatched') return nodes.filter(node => fits(match, node))
  const others = rules.flatMap(other => (typeof other.match === 'object' ? [other.match] : []))
  return nodes.filter(node => !others.some(other => fits(other, node)))
}

/** Which rules of a job tell of a run's end, of what kind, and of which nodes. Pure: asked twice it answers the same. */
import type { JobConfig } from '../../shared/config-model.ts'
import { zoneOf } from '../../shared/message-facts.ts'
import { nodesOfKind, staleSources } from '../../shared/message-nodes.ts'
import { addressOf, type Channel, type NotifyRule, nodesFor } from '../../shared/notify.ts'
import { quietUntil } from '../../shared/quiet.ts'
import type { MessageKind } from '../../shared/reasons.ts'
import { NO_NODES, type RunRecord, type Streak } from '../../shared/run.ts'
import { offsetAt } from '../../shared/schedule-zone.ts'

export interface Recipient {
  channel: Channel
  target: string
  kind: MessageKind
  /** Unique ids of the nodes it is about; absent: all. */
  nodes?: string[]
  /** End of its quiet hours. */
  notBefore?: Date
}

export interface Telling {
  job: JobConfig
  run: RunRecord
  /** Of the run's end. */
  kind: MessageKind
  streak: Streak | undefined
  /** Targets of PagerDuty with an incident of the job that nobody has resolved. */
  incidents: readonly string[]
  now: Date
}

/** One for each target and kind; of several rules for one target the nodes together, at the earliest time. */
export function recipients(telling: Telling): Recipient[] {
  const found = new Map<string, Recipient>()
  for (const rule of telling.job.notify) {
    const one = recipientOf(rule, telling)
    if (!one || !isDue(rule, one.kind, telling)) continue
    const key = `${one.kind} ${addressOf(one)}`
    const other = found.get(key)
    found.set(key, other ? merge(other, one) : one)
  }
  return [...found.values()]
}

/** Targets that hear of the failure, now or when it was told before: kept with the streak, for the recovery. */
export function heardOf(telling: Omit<Telling, 'streak' | 'incidents'>): string[] {
  if (telling.kind !== 'error') return []
  const rules = telling.job.notify.filter(rule => recipientOf(rule, { ...telling, streak: undefined, incidents: [] }))
  return [...new Set(rules.map(addressOf))].sort()
}

function recipientOf(rule: NotifyRule, telling: Telling): Recipient | undefined {
  const kind = kindFor(rule, telling)
  if (!kind) return undefined
  const nodes = nodesAbout(rule, kind, telling)
  if (nodes === 'none') return undefined
  const { channel, target } = rule
  const breaksThrough =
    (rule.urgent && (kind === 'error' || kind === 'missed')) || (channel === 'pagerduty' && kind === 'recovered')
  const notBefore = rule.quiet && !breaksThrough ? quietUntil(rule.quiet, telling.now) : undefined
  return { channel, target, kind, ...(nodes && { nodes }), ...(notBefore && { notBefore }) }
}

/** One kind a rule: "good again" in place of plain success, stale sources in place of a warning that is only about them. */
function kindFor(rule: NotifyRule, { run, kind, streak, incidents }: Telling): MessageKind | undefined {
  const good = kind === 'success' || kind === 'warn'
  const wants = (each: MessageKind) => rule.on.includes(each)
  if (good && wants('recovered') && isRecovered(rule, streak, incidents)) return 'recovered'
  const plain = wants(kind) ? kind : undefined
  const stale = wants('source_stale') && staleSources(run).length > 0
  if (!stale || (plain && plain !== 'warn' && plain !== 'success')) return plain
  return plain === 'warn' && (run.counts ?? NO_NODES).warn > 0 ? plain : 'source_stale'
}

function isRecovered(rule: NotifyRule, streak: Streak | undefined, incidents: readonly string[]): boolean {
  if (rule.channel === 'pagerduty') return incidents.includes(addressOf(rule))
  if (!streak?.failures) return false
  // Who hears of some nodes only was perhaps not told of a failure at all.
  return rule.match === undefined || !streak.told || streak.told.includes(addressOf(rule))
}

/** Undefined: the whole run. */
function nodesAbout(rule: NotifyRule, kind: MessageKind, { job, run }: Telling): string[] | 'none' | undefined {
  if (rule.match === undefined || kind === 'recovered') return undefined
  const all = nodesOfKind(kind, run)
  const own = nodesFor(rule, job.notify, all).map(node => node.uniqueId)
  if (rule.match !== 'unmatched') return own.length ? own : 'none'
  const { error, fail, warn } = run.counts ?? NO_NODES
  const total = kind === 'error' ? error + fail : kind === 'warn' ? warn : 0
  // Nothing about nodes, or more of them than the record keeps: whose those are, nobody knows.
  if (!all.length || total > all.length || own.length === all.length) return undefined
  return own.length ? own : 'none'
}

function merge(a: Recipient, b: Recipient): Recipient {
  const { nodes: _, notBefore: __, ...one } = a
  const times = [a.notBefore, b.notBefore].filter(each => each !== undefined).sort((x, y) => x.getTime() - y.getTime())
  const [first] = times
  return {
    ...one,
    ...(a.nodes && b.nodes && { nodes: [...new Set([...a.nodes, ...b.nodes])] }),
    ...(times.length === 2 && first && { notBefore: first }),
  }
}

/** Whether a failure that lasts is to be told again. What is not a failure is told each time. */
function isDue(rule: NotifyRule, kind: MessageKind, { job, run, streak }: Telling): boolean {
  const { repeat } = rule
  if (repeat === undefined || repeat === 'every' || run.retries?.length) return true
  const lasting = kind === 'error' ? lastingFailure(rule, streak) : kind === 'source_stale' ? streak?.stale : undefined
  const previous = lasting?.previous
  if (!lasting || previous === undefined) return true
  if (repeat === 'never') return false
  const end = run.endedAt ?? run.claimedAt
  if (repeat === 'daily') {
    const day = dayIn(rule.quiet?.timezone ?? zoneOf({ record: run, job }))
    return day(end) !== day(previous)
  }
  const window = (time: string) => Math.floor((Date.parse(time) - Date.parse(lasting.since)) / 1000 / repeat)
  return window(end) > window(previous)
}

/** Undefined: it is the first for this target, or says more than the ones before. */
function lastingFailure(rule: NotifyRule, streak: Streak | undefined): Streak | undefined {
  if (!streak || streak.failures < 2 || streak.deactivated) return undefined
  return streak.told?.includes(addressOf(rule)) ? streak : undefined
}

function dayIn(timezone: string): (time: string) => number {
  const offset = offsetAt(timezone)
  return time => Math.floor((Date.parse(time) / 60_000 + offset(Date.parse(time))) / 1440)
}

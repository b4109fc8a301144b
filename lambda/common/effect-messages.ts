/** The effect `messages`: who is told what about the end of a run. The notifier delivers. */
import type { Config, JobConfig } from '../../shared/config-model.ts'
import { fullName, PK, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Late } from '../../shared/message.ts'
import { addressOf } from '../../shared/notify.ts'
import { type MessageKind, reasonRow } from '../../shared/reasons.ts'
import type { RunRecord, Streak } from '../../shared/run.ts'
import type { EffectDeps } from './effects.ts'
import type { MessageItem } from './message-item.ts'
import { heardOf, type Recipient, recipients } from './recipients.ts'

type TellDeps = Pick<EffectDeps, 'notify' | 'now'> & { store: Pick<EffectDeps['store'], 'putMessage' | 'noteIncident'> }

export async function sendMessages(deps: EffectDeps, run: RunRecord): Promise<void> {
  const kind = kindOf(run)
  if (!kind) return
  const config = await deps.configs.load(run.config)
  const name = fullName(run.project, run.job)
  const job = config.jobs[name]
  const now = deps.now()
  // Only what a run did counts: one that was skipped or cancelled says nothing about the job.
  const counts = run.status === 'error' || run.status === 'success' || run.status === 'warn'
  const heard = job ? heardOf({ job, run, kind, now }) : []
  const streak = counts ? await deps.store.countStreak(run, run.status === 'error', job?.deactivateAfter, heard) : undefined
  if (!job) return deps.log('job of the run is not in its configuration', { runId: run.id })
  const incidents = await openIncidents(deps, job, kind)
  const told = recipients({ job, run: { ...run, ...(streak && { streak }) }, kind, streak, incidents, now })
  await tell(deps, config, run, told, streak && { streak })
}

async function openIncidents(deps: EffectDeps, job: JobConfig, kind: MessageKind): Promise<string[]> {
  if ((kind !== 'success' && kind !== 'warn') || !job.notify.some(rule => rule.channel === 'pagerduty')) return []
  return (await deps.store.job(fullName(job.project, job.name))).incidents ?? []
}

/** Writes the messages down, each once, and has them sent. `facts`: what was so when they were made. */
export async function tell(
  deps: TellDeps,
  config: Config,
  run: RunRecord,
  told: readonly Recipient[],
  facts: { streak?: Streak; late?: Late } = {},
): Promise<void> {
  const keys: string[] = []
  for (const recipient of told) {
    if (!config.channels[recipient.channel]) continue
    const item = messageOf(run, recipient, deps.now(), facts)
    await deps.store.putMessage(item)
    // After the message: whoever does this again finds it as it was.
    if (recipient.channel === 'pagerduty')
      await deps.store.noteIncident(fullName(run.project, run.job), addressOf(recipient), recipient.kind !== 'recovered')
    keys.push(item.pk)
  }
  if (keys.length) await deps.notify({ messages: keys })
}

function messageOf(
  run: RunRecord,
  recipient: Recipient,
  now: Date,
  { streak, late }: { streak?: Streak; late?: Late },
): MessageItem {
  const { channel, target, kind, nodes, notBefore } = recipient
  const first = kind === 'recovered' ? streak?.from?.run : undefined
  return {
    pk: PK.message(run.id, kind, channel, target, run.retries?.length),
    schemaVersion: SCHEMA_VERSION,
    runId: run.id,
    kind,
    channel,
    target,
    state: 'pending',
    tries: 0,
    createdAt: now.toISOString(),
    ...(notBefore && { leaseUntil: notBefore.toISOString() }),
    ...(streak && (streak.failures > 0 || streak.stale) && { streak }),
    ...(nodes && { nodes }),
    ...(late && { late }),
    ...(run.expiresAt !== undefined && { expiresAt: run.expiresAt }),
    ...(first !== undefined && { replyTo: PK.message(first, 'error', channel, target) }),
  }
}

/** Kind of message a run's end makes; undefined: nobody is told. */
function kindOf(run: RunRecord): MessageKind | undefined {
  if (run.status === 'success' || run.status === 'warn') return run.status
  return run.reason && reasonRow(run.reason).tells
}

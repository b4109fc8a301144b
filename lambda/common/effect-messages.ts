/** The effect `messages`: who is told what about the end of a run. The notifier delivers. */

import type { JobConfig } from '../../shared/config-model.ts'
import { fullName, PK, SCHEMA_VERSION } from '../../shared/contract.ts'
import { type MessageKind, reasonRow } from '../../shared/reasons.ts'
import type { RunRecord, Streak } from '../../shared/run.ts'
import type { EffectDeps } from './effects.ts'

export async function sendMessages(deps: EffectDeps, run: RunRecord): Promise<void> {
  const kind = kindOf(run)
  if (!kind) return
  // Only what a run did counts: one that was skipped or cancelled says nothing about the job.
  const counts = run.status === 'error' || run.status === 'success' || run.status === 'warn'
  const config = await deps.configs.load(run.config)
  const job = config.jobs[fullName(run.project, run.job)]
  const streak = counts ? await deps.store.countStreak(run, run.status === 'error', job?.deactivateAfter) : undefined
  if (!job) return deps.log('job of the run is not in its configuration', { runId: run.id })
  const keys: string[] = []
  for (const rule of recipients(job, kind, streak)) {
    if (!config.channels[rule.channel]) continue
    const pk = PK.message(run.id, rule.kind, rule.channel, rule.target, run.retries?.length)
    await deps.store.putMessage({
      pk,
      schemaVersion: SCHEMA_VERSION,
      runId: run.id,
      kind: rule.kind,
      channel: rule.channel,
      target: rule.target,
      state: 'pending',
      tries: 0,
      createdAt: deps.now().toISOString(),
      ...(streak && streak.failures > 0 && { streak }),
    })
    keys.push(pk)
  }
  if (keys.length) await deps.notify({ messages: keys })
}

/** Kind of message a run's end makes; undefined: nobody is told. */
function kindOf(run: RunRecord): MessageKind | undefined {
  if (run.status === 'success' || run.status === 'warn') return run.status
  return run.reason && reasonRow(run.reason).tells
}

/** One message for each rule that asks for it; "good again" takes the place of a plain success or warning. */
export function recipients(job: JobConfig, kind: MessageKind, streak: Streak | undefined) {
  const again = (kind === 'success' || kind === 'warn') && (streak?.failures ?? 0) > 0
  return job.notify.flatMap(rule => {
    const wanted = again && rule.on.includes('recovered') ? 'recovered' : kind
    return rule.on.includes(wanted) ? [{ channel: rule.channel, target: rule.target, kind: wanted }] : []
  })
}

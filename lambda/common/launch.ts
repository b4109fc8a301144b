/** A schedule fired: makes the run of it, and lets the dispatcher know. */
import type { ScheduleInput } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { type ClaimDeps, claimRun } from './claim.ts'
import type { Configs } from './config.ts'
import type { DispatchRequest, EffectsRequest, Invoke } from './invoke.ts'

export interface LaunchDeps extends ClaimDeps {
  configs: Configs
  dispatch: Invoke<DispatchRequest>
  finish: Invoke<EffectsRequest>
}
export interface LaunchAnswer {
  run: string
  status: RunRecord['status']
  reason: RunRecord['reason']
  existed: boolean
}

export async function launch(deps: LaunchDeps, event: unknown): Promise<LaunchAnswer> {
  const input = parseScheduleInput(event)
  const config = await deps.configs.load(deps.configs.current)
  const job = config.jobs[input.job]
  if (!job)
    throw new UserError(
      `schedule ${input.schedule} names job ${input.job}, which is not in the configuration ${deps.configs.current}`,
    )
  const cause = { kind: 'schedule', schedule: input.schedule, scheduledFor: input.scheduledFor } as const
  const { run, existed } = await claimRun(deps, { job, config: deps.configs.current, cause })
  if (run.status === 'queued') await deps.dispatch({ runs: [run.id] })
  else if (isFinal(run.status) && run.effects?.length) await deps.finish({ effects: [run.id] })
  return { run: run.id, status: run.status, reason: run.reason, existed }
}

/** Throws {@link UserError} on what is not the input of a schedule of ours: Scheduler then puts it into the dead-letter queue. */
export function parseScheduleInput(event: unknown): ScheduleInput {
  const { kind, job, schedule, scheduledFor } = (typeof event === 'object' && event !== null ? event : {}) as Record<
    string,
    unknown
  >
  const at = typeof scheduledFor === 'string' ? new Date(scheduledFor) : undefined
  if (kind !== 'schedule' || typeof job !== 'string' || typeof schedule !== 'string' || !at || Number.isNaN(at.getTime()))
    throw new UserError(
      'input is not that of a schedule: { kind: "schedule", job, schedule, scheduledFor } with a time in ISO 8601',
    )
  return { kind, job, schedule, scheduledFor: at.toISOString() }
}

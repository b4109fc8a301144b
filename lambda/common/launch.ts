/** Something happened that a job waits for: makes the run of it, and lets the dispatcher know. */
import type { Cause } from '../../shared/cause.ts'
import type { Config, JobConfig } from '../../shared/config-model.ts'
import { triggersOf } from '../../shared/config-trigger.ts'
import { fullName } from '../../shared/contract.ts'
import { UserError } from '../../shared/errors.ts'
import type { LaunchAnswer, LaunchInput, RequestInput } from '../../shared/launch-input.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { type ClaimDeps, claimRun } from './claim.ts'
import type { Configs } from './config.ts'
import type { DispatchRequest, EffectsRequest, Invoke } from './invoke.ts'
import { causeOfEvent, parseLaunchInput, pushOfCodeCommit } from './launch-input.ts'
import type { Store } from './store.ts'

export interface LaunchDeps extends ClaimDeps {
  store: ClaimDeps['store'] & Pick<Store, 'audit'>
  configs: Configs
  dispatch: Invoke<DispatchRequest>
  finish: Invoke<EffectsRequest>
}

export async function launch(deps: LaunchDeps, event: unknown): Promise<LaunchAnswer> {
  const input = parseLaunchInput(event)
  const config = await deps.configs.load(deps.configs.current)
  const job = config.jobs[input.job]
  if (!job) throw new UserError(`${input.kind} names job ${input.job}, which is not in the configuration ${deps.configs.current}`)
  const cause = causeOf(config, job, input)
  const overrides = input.kind === 'request' ? input.overrides : undefined
  const { run, existed } = await claimRun(deps, {
    job,
    config: deps.configs.current,
    cause,
    ...(overrides && { overrides }),
  })
  // Also for a run that existed: the one who made it may have died before this.
  if (run.status === 'queued') await deps.dispatch({ runs: [run.id] })
  else if (isFinal(run.status) && run.effects?.length) await deps.finish({ effects: [run.id] })
  if (input.kind === 'request' && !existed) await audit(deps, input, run)
  const { reason, message } = run
  return { run: run.id, status: run.status, ...(reason && { reason }), ...(message && { message }), existed }
}

/** As the api does for people. The run is made whether this succeeds or not. */
async function audit(deps: LaunchDeps, { job, caller }: RequestInput, run: RunRecord): Promise<void> {
  const at = deps.now().toISOString()
  const entry = {
    id: `${at}-${deps.random()}`,
    at,
    actor: actorOf(caller),
    operation: 'run',
    subject: run.id,
    job,
    ok: run.status !== 'skipped',
    answer: `Run ${run.id} of ${job}: ${run.message ?? run.status}`.slice(0, 1000),
  }
  await deps.store.audit(entry).catch(error => deps.log('audit entry was not written', { ...entry, error }))
}

/** Who knows the secret. */
const actorOf = (caller: string) => `secret:${caller}`

/** Throws {@link UserError} where the job does not wait for this (any more). */
function causeOf(config: Config, job: JobConfig, input: LaunchInput): Cause {
  switch (input.kind) {
    case 'schedule':
      return { kind: 'schedule', schedule: input.schedule, scheduledFor: input.scheduledFor }
    case 'event':
      if (!triggersOf(job, 'event').some(each => each.name === input.trigger)) throw unwanted(job, `event ${input.trigger}`)
      return causeOfEvent(input.trigger, input.event)
    case 'request':
      if (!triggersOf(job, 'request').some(each => each.secret.name === input.caller)) throw unwanted(job, 'request')
      return { kind: 'request', actor: actorOf(input.caller), idempotencyKey: input.idempotencyKey }
    case 'codecommit':
      return causeOfPush(config, job, pushOfCodeCommit(input))
    case 'commit':
      return causeOfPush(config, job, input)
  }
}

function causeOfPush(
  config: Config,
  job: JobConfig,
  { branch, sha, eventId }: { branch: string; sha: string; eventId: string },
): Cause {
  const own = config.environments[fullName(job.project, job.environment)]?.branch
  const repository = config.projects[job.project]?.repository
  if (triggersOf(job, 'commit').length === 0 || own !== branch || repository === undefined)
    throw unwanted(job, `commit on ${branch}`)
  return { kind: 'commit', repository, sha, eventId, branch }
}

const unwanted = (job: JobConfig, what: string) =>
  new UserError(`${fullName(job.project, job.name)} has no trigger for ${what} in the configuration in force`)

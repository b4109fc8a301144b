/** The one table of reasons: what each means for status, retries, exit code, messages, and what a person does next. Their short words: reason-labels.ts. */
// biome-ignore-all format: a table is read by its rows
import type { Reason } from './reason-labels.ts'

/** `never`: another attempt would end the same. The other classes name what a job's `retry.on` may allow. */
export const RETRY_CLASSES = ['never', 'infrastructure', 'transient', 'memory', 'resume'] as const
export type RetryClass = (typeof RETRY_CLASSES)[number]

export const MESSAGE_KINDS = ['error', 'warn', 'success', 'recovered', 'cancelled', 'missed', 'late', 'source_stale'] as const
export type MessageKind = (typeof MESSAGE_KINDS)[number]

/** Exit codes of `run --wait`: 0 success or warn, 1 dbt failed, 2 usage, 3 infrastructure, 130 interrupted. */
export const EXIT = { ok: 0, dbt: 1, usage: 2, infrastructure: 3, interrupted: 130 } as const

interface ReasonRow {
  status: 'error' | 'cancelled' | 'skipped' | 'warn'
  retry: RetryClass
  exit: (typeof EXIT)[keyof typeof EXIT]
  /** Kind of message it makes; undefined: nobody is told. */
  tells?: MessageKind
  /** What to do next, a sentence. */
  next: string
}

const row = (
  status: ReasonRow['status'],
  retry: RetryClass,
  exit: ReasonRow['exit'],
  tells: MessageKind | undefined,
  next: string,
): ReasonRow => ({ status, retry, exit, ...(tells && { tells }), next })

const { dbt, infrastructure } = EXIT

export const REASONS = {
  node_failures: row('error', 'resume', dbt, 'error', 'If it was the data, mend it and retry the run: only what is left is built, on the same commit. After a fix of the models, run the job again.'),
  test_failures: row('error', 'resume', dbt, 'error', 'Look at the failing rows. If it was the data, mend it and retry the run: only what is left is built. After a fix of the test, run the job again.'),
  freshness: row('error', 'never', dbt, 'error', 'Ask whoever loads the source; run the job again when the data has arrived.'),
  parse_error: row('error', 'never', dbt, 'error', 'Fix the project (`dbt parse` shows the same locally), push, and run the job again.'),
  command_refused: row('error', 'never', dbt, 'error', 'Correct the step in tidemill.yml (`dbt COMMAND --help` shows what it takes), deploy, and run the job again.'),
  deps_failed: row('error', 'transient', dbt, 'error', 'Check packages.yml and that the package host answers, then run the job again.'),
  profile_error: row('error', 'never', dbt, 'error', 'Check profile, target and secrets of the environment (`dbt debug` with the same profile), then run the job again.'),
  source_unavailable: row('error', 'transient', infrastructure, 'error', 'Check that the git host answers and the address in tidemill.yml is right, then retry the run.'),
  source_auth: row('error', 'never', infrastructure, 'error', 'Store a new token in the secret that `project.credentials` names, then retry the run.'),
  source_not_found: row('error', 'never', dbt, 'error', 'Correct branch, commit or folder in tidemill.yml or in the command, then run the job again.'),
  timeout: row('error', 'resume', dbt, 'error', 'Retry the run: it has its time anew, and only what is left is built. If it happens often, raise `timeout` of the job or make it faster.'),
  out_of_memory: row('error', 'memory', infrastructure, 'error', 'Retry the run: only what is left is built, with more memory. `retry: { on: [memory] }` does so by itself; `size.memory` gives every run more.'),
  disk_full: row('error', 'never', infrastructure, 'error', 'Make the run write less, or raise `size.disk` of the environment, then run the job again.'),
  spot_interrupted: row('error', 'infrastructure', infrastructure, 'error', 'Retry the run: only what is left is built, on capacity that is not taken back. Set `size.spot: false` if it happens often.'),
  infrastructure: row('error', 'infrastructure', infrastructure, 'error', 'Retry the run: only what is left is built. If it repeats, look at the AWS Health Dashboard.'),
  launch_capacity: row('error', 'never', infrastructure, 'error', 'Run the job again later, or give the network more subnets.'),
  launch_refused: row('error', 'never', infrastructure, 'error', 'Read the message of AWS; `tidemill deploy` repairs roles and task definitions that were changed by hand.'),
  start_image: row('error', 'never', infrastructure, 'error', 'Check that the image exists and the execution role may pull it; `tidemill deploy` builds it again.'),
  start_secret: row('error', 'never', infrastructure, 'error', 'Check that the secret exists, has the field, and lies in the same account and region.'),
  start_network: row('error', 'infrastructure', infrastructure, 'error', 'Check that the subnets reach the internet or have the VPC endpoints the runbook lists.'),
  lost: row('error', 'infrastructure', infrastructure, 'error', 'Look at the end of the log, then retry the run: only what is left is built.'),
  inconsistent: row('error', 'never', dbt, 'error', 'Read the log of the step: dbt said one thing and its results another; then run the job again.'),
  internal: row('error', 'never', infrastructure, 'error', 'Keep the log and report it; run the job again.'),
  user_cancelled: row('cancelled', 'resume', dbt, 'cancelled', 'Retry the run when it may go on: only what is left is built.'),
  overlap: row('skipped', 'never', infrastructure, undefined, 'Nothing, if this is expected; else make the job faster or its schedule wider.'),
  superseded: row('skipped', 'never', infrastructure, undefined, 'Nothing: the newer run does the work.'),
  paused: row('skipped', 'never', infrastructure, undefined, 'Resume the job when it may run again.'),
  expired: row('skipped', 'never', infrastructure, 'missed', 'Run the job by hand if the data is needed now; `start_within` says how late a run may start.'),
  missed: row('skipped', 'never', infrastructure, 'missed', 'See the runbook, "Missed run"; run the job by hand if the data is needed now.'),
} as const satisfies Record<Reason, ReasonRow>

export const reasonRow = (reason: Reason): ReasonRow => REASONS[reason]

/** Whether another attempt of the run is what a person may want next. */
export const offersRetry = (reason: Reason) => /retry the run/i.test(REASONS[reason].next)

/** Exit code of a command that waited for a run. */
export function exitCodeOf(status: string, reason: Reason | undefined): number {
  if (status === 'success' || status === 'warn') return EXIT.ok
  return reason ? REASONS[reason].exit : infrastructure
}

/** Ends of runs for golden messages: every reason in the words that the parts use, and a failure as it lasts. */
import type { MessageInput } from '../../shared/message.ts'
import type { Reason } from '../../shared/reason-labels.ts'
import type { MessageKind } from '../../shared/reasons.ts'
import { NO_NODES, type NodeCounts, type RunRecord } from '../../shared/run.ts'
import { ENDS, failedModel, failedTest, record, staleSource } from './message-records.ts'

interface ReasonEnd {
  message: string
  /** The task ran. */
  started?: true
  built?: NodeCounts
}
const some = { ...NO_NODES, success: 14, skipped: 11 }

export const REASON_ENDS: Partial<Record<Reason, ReasonEnd>> = {
  freshness: {
    message: '1 source did not pass the freshness check. raw.bookings: last loaded 26 h ago, limit 12 hours',
    started: true,
  },
  parse_error: {
    message:
      "dbt could not parse the project: Compilation Error Model 'model.harbour_line.fct_orders' (models/marts/fct_orders.sql) depends on a node named 'stg_ordrs' which was not found. Nothing was built.",
    started: true,
  },
  command_refused: {
    message: 'dbt does not take the command "dbt build --selct a" as it stands in the job: Error: No such option: --selct',
    started: true,
  },
  deps_failed: {
    message:
      'dbt deps could not install the packages: Runtime Error: Package dbt-labs/dbt_utils was not found in the package index',
    started: true,
  },
  profile_error: {
    message:
      'dbt build could not work with the warehouse: Database Error: password authentication failed for user "DBT_PROD". Nothing was built.',
    started: true,
  },
  source_unavailable: {
    message: 'github.com did not answer for 40 s (3 tries): Could not resolve host: github.com',
    started: true,
  },
  source_auth: { message: 'git refused the token in secret github-token for github.com/your-org/harbour-line.', started: true },
  source_not_found: {
    message: 'There is no branch "mian" in github.com/your-org/harbour-line (main, develop, release).',
    started: true,
  },
  timeout: {
    message: 'dbt build was stopped while building fct_bookings: the time limit of 30 min had passed.',
    started: true,
    built: some,
  },
  out_of_memory: {
    message: 'dbt build was stopped for lack of memory while building fct_bookings (peak 2,031 MB of 2,048 MB).',
    started: true,
    built: some,
  },
  disk_full: {
    message: 'The disk was full while dbt build ran. dbt: IO Error: No space left on device',
    started: true,
    built: some,
  },
  spot_interrupted: { message: 'AWS took the Spot capacity back. 2 attempts.', started: true, built: some },
  infrastructure: {
    message: 'The task was stopped by AWS: Host maintenance (InfrastructureHealth).',
    started: true,
    built: some,
  },
  launch_capacity: { message: 'AWS had no Fargate capacity in eu-central-1a, eu-central-1b for 30 min.' },
  launch_refused: { message: 'ECS refused the start: AccessDeniedException: not authorized to perform: iam:PassRole' },
  start_image: {
    message:
      'CannotPullContainerError: manifest for 123456789012.dkr.ecr.eu-central-1.amazonaws.com/tidemill:core-1.11 not found',
  },
  start_secret: { message: 'ResourceInitializationError: secret prod/snowflake: the field "password" is not in it' },
  start_network: { message: 'ResourceInitializationError: unable to pull registry auth: dial tcp: i/o timeout' },
  lost: { message: 'ECS does not know the task any more, and it left no result.', started: true },
  inconsistent: {
    message: 'dbt build ended with exit code 0, but its results show 1 failure: stg_fares: Conversion Error',
    started: true,
    built: some,
  },
  internal: { message: 'TypeError: the plan has no steps', started: true },
  user_cancelled: { message: 'Cancelled by ana after 2 min, during dbt build.', started: true, built: some },
  expired: { message: 'It waited for a free place of harbour_line/prod (10 of 10 in use).' },
  missed: {
    message:
      'Expected at 2026-11-22 02:00 Europe/Copenhagen, nothing by 2026-11-22T01:33Z. The schedule is enabled in the configuration.',
  },
}

const before = {
  sha: '77ab0e1'.padEnd(40, '0'),
  author: 'Ben Builder',
  subject: 'Autumn timetable',
  committedAt: '2026-11-20T15:00:00Z',
}
const from = { run: '20261121T010004-000000000001', commit: before }

export const VARIANTS: Record<
  string,
  { kind: MessageKind; record?: Partial<RunRecord>; nodes?: MessageInput['nodes'] & string[] }
> = {
  'error-new-commit': {
    kind: 'error',
    record: { streak: { failures: 1, since: '2026-11-22T01:11:43Z', good: { runs: 41, sha: before.sha } } },
  },
  'error-same-commit': {
    kind: 'error',
    record: { streak: { failures: 1, since: '2026-11-22T01:11:43Z', good: { runs: 41, sha: record.commit?.sha ?? '' } } },
  },
  'error-known': {
    kind: 'error',
    record: {
      streak: {
        failures: 4,
        since: '2026-11-21T07:11:43Z',
        from,
        good: { runs: 41, sha: '0f0f0f0'.padEnd(40, '0') },
        lastSha: before.sha,
      },
    },
  },
  'error-paused': {
    kind: 'error',
    record: {
      streak: { failures: 5, since: '2026-11-18T01:11:43Z', from, good: { runs: 41, sha: before.sha }, deactivated: true },
    },
  },
  'error-owner': {
    kind: 'error',
    nodes: [failedModel.uniqueId],
    record: {
      failures: [failedTest, failedModel, { ...failedModel, uniqueId: 'model.harbour_line.stg_other', name: 'stg_other' }],
      counts: { ...NO_NODES, success: 14, error: 2, fail: 1, skipped: 9 },
    },
  },
  'error-with-stale-source': {
    kind: 'error',
    record: {
      steps: [
        {
          index: 1,
          name: 'freshness',
          kind: 'freshness',
          command: 'dbt source freshness',
          status: 'warn',
          warnings: [staleSource],
        },
      ],
    },
  },
  'recovered-fixed': {
    kind: 'recovered',
    record: { streak: { failures: 3, since: '2026-11-21T06:11:43Z', from, lastSha: before.sha } },
  },
  'recovered-same-code': {
    kind: 'recovered',
    record: {
      streak: {
        failures: 1,
        since: '2026-11-22T00:11:43Z',
        from: { ...from, commit: record.commit ?? before },
        lastSha: record.commit?.sha ?? '',
      },
    },
  },
  'late-ended': { kind: 'late', record: { ...ENDS.success, status: 'success', endedAt: '2026-11-22T01:31:43Z' } },
}

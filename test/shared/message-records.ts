/** Records of runs as they end in each way, for the tests of messages. */
import type { JobConfig } from '../../shared/config-model.ts'
import type { MessageInput } from '../../shared/message.ts'
import type { MessageKind } from '../../shared/reasons.ts'
import { NO_NODES, type NodeResult, type RunRecord } from '../../shared/run.ts'

export const job: JobConfig = {
  project: 'harbour_line',
  name: 'nightly',
  environment: 'prod',
  description: '',
  schedules: [
    { name: 'default', cron: '0 2 * * *', expressions: ['cron(0 2 * * ? *)'], timezone: 'Europe/Copenhagen', enabled: true },
  ],
  after: null,
  steps: [{ name: 'build', args: ['build'] }],
  deps: true,
  freshness: 'warn',
  docs: true,
  publishes: ['state', 'docs'],
  timeoutSeconds: 1800,
  startWithinSeconds: 1800,
  overlap: 'queue',
  priority: 0,
  retry: { attempts: 2, on: ['infrastructure'] },
  notify: [{ channel: 'slack', target: '#harbour-data', on: ['error'] }],
}

export const record: RunRecord = {
  schemaVersion: 1,
  id: '20261122T010004-9f3ac2d1b7e4',
  project: 'harbour_line',
  environment: 'prod',
  job: 'nightly',
  status: 'success',
  cause: { kind: 'schedule', schedule: 'default', scheduledFor: '2026-11-22T01:00:00Z' },
  causeString: 'schedule harbour_line/nightly/default@2026-11-22T01:00Z',
  config: 'a'.repeat(64),
  priority: 0,
  claimedAt: '2026-11-22T01:00:04Z',
  startBy: '2026-11-22T01:30:00Z',
  startedAt: '2026-11-22T01:00:41Z',
  endedAt: '2026-11-22T01:11:43Z',
  attempts: [
    {
      number: 1,
      planKey: 'plans/harbour_line/prod/20261122T010004-9f3ac2d1b7e4/1.json',
      planSha256: 'b'.repeat(64),
      runTaskInput: '{}',
      taskArn: 'arn:aws:ecs:eu-central-1:123456789012:task/tidemill/0f1e2d3c4b5a69788796a5b4c3d2e1f0',
      capacity: 'FARGATE',
      cpu: 1024,
      memory: 2048,
      dispatchedAt: '2026-11-22T01:00:05Z',
      startedAt: '2026-11-22T01:00:41Z',
      stoppedAt: '2026-11-22T01:11:50Z',
    },
  ],
  launchTries: 0,
  commit: {
    sha: '4f2c1ab6d0e97c51a8b3f2e4d5c6b7a8f9e0d1c2',
    author: 'Ada Author',
    subject: 'Winter prices',
    committedAt: '2026-11-21T19:00:00Z',
  },
  dbtVersion: '1.11.16',
  counts: { ...NO_NODES, success: 24, 'no-op': 1 },
  steps: [],
}

export const failedModel: NodeResult = {
  uniqueId: 'model.harbour_line.stg_fares',
  name: 'stg_fares',
  resourceType: 'model',
  status: 'error',
  message:
    'Runtime Error in model stg_fares (models/staging/stg_fares.sql)\n  Conversion Error: Could not convert string "on request" to DECIMAL(8,2) when casting from source column price\n\n  LINE 10:   price::decimal(8, 2) as price\n                  ^\n  compiled code at target/compiled/harbour_line/models/staging/stg_fares.sql',
  path: 'models/staging/stg_fares.sql',
}
export const failedTest: NodeResult = {
  uniqueId: 'test.harbour_line.not_null_fct_bookings_route_id.0a1b2c3d4e',
  name: 'not_null_fct_bookings_route_id',
  resourceType: 'test',
  status: 'fail',
  message: 'Got 3 results, configured to fail if != 0',
  failures: 3,
  path: 'models/marts/marts.yml',
}

export const staleSource: NodeResult = {
  uniqueId: 'source.harbour_line.raw.bookings',
  name: 'raw.bookings',
  resourceType: 'source',
  status: 'error',
  message: 'last loaded 26 h ago, limit 12 h',
  path: 'models/sources.yml',
}

/** The end of a run of each kind. */
export const ENDS: Record<MessageKind, Partial<RunRecord>> = {
  error: {
    status: 'error',
    reason: 'node_failures',
    message: '1 model and 1 test failed',
    attempts: record.attempts.map(attempt => ({
      ...attempt,
      resume: { key: 'plans/harbour_line/prod/done.json', sha256: 'c'.repeat(64), commit: '4f2c1ab'.padEnd(40, '0'), left: 11 },
    })),
    counts: { ...NO_NODES, success: 14, error: 1, fail: 1, skipped: 9 },
    failures: [failedTest, failedModel],
    streak: { failures: 1, since: '2026-11-22T01:11:43Z' },
  },
  warn: {
    status: 'warn',
    counts: { ...NO_NODES, success: 23, warn: 1, 'no-op': 1 },
    failures: [{ ...failedTest, status: 'warn' }],
  },
  success: {},
  recovered: { streak: { failures: 3, since: '2026-11-21T06:11:43Z' } },
  cancelled: {
    status: 'cancelled',
    reason: 'user_cancelled',
    message: 'Cancelled by ana after 2 min, during dbt build.',
    cancel: { at: '2026-11-22T01:02:00Z', actor: 'arn:aws:sts::123456789012:assumed-role/Analyst/ana' },
    endedAt: '2026-11-22T01:02:31Z',
    counts: { ...NO_NODES, success: 6, skipped: 19 },
  },
  missed: {
    status: 'skipped',
    reason: 'missed',
    message: 'The schedule is enabled; the launcher answered AccessDeniedException.',
    attempts: [],
    endedAt: '2026-11-22T01:45:00Z',
  },
  late: { status: 'running' },
  source_stale: {
    status: 'warn',
    steps: [
      {
        index: 2,
        name: 'freshness',
        kind: 'freshness',
        command: 'dbt source freshness',
        status: 'warn',
        warnings: [staleSource, { ...staleSource, uniqueId: 'source.harbour_line.raw.fares', name: 'raw.fares' }],
      },
    ],
  },
}

export function input(kind: MessageKind, change: Partial<RunRecord> = {}): MessageInput {
  const { startedAt, commit, counts, dbtVersion, steps, ...waiting } = record
  const { endedAt, ...running } = record
  const begun = kind === 'missed' ? waiting : kind === 'late' ? running : record
  return {
    kind,
    record: { ...begun, ...ENDS[kind], ...change },
    job,
    jobName: 'nightly',
    usualSeconds: 720,
    cost: 0.0113,
    links: [],
    ...(kind === 'late' && { late: { seconds: 1500, usual: 720, longest: 840 } }),
  }
}

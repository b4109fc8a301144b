/** Runs, configurations and attempts for tests, with only what a test says different from a plain nightly job. */
import { createHash } from 'node:crypto'
import type { Cause } from '../../shared/cause.ts'
import type { Config, EnvironmentConfig, JobConfig } from '../../shared/config-model.ts'
import { causeString, makeRunId, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Attempt, RunRecord } from '../../shared/run.ts'

export const NOW = '2026-11-22T02:00:10.000Z'
export const at = (seconds: number) => new Date(Date.parse(NOW) + seconds * 1000).toISOString()

export const runId = (number: number, seconds = 0) => makeRunId(new Date(at(seconds)), number.toString(16).padStart(12, '0'))

export const scheduled = (scheduledFor = '2026-11-22T02:00:00.000Z', schedule = 'default'): Cause => ({
  kind: 'schedule',
  schedule,
  scheduledFor,
})
export const requested = (idempotencyKey: string): Cause => ({ kind: 'request', actor: 'local:ana', idempotencyKey })

export const jobOf = (over: Partial<JobConfig> = {}): JobConfig => ({
  project: 'shop',
  name: 'nightly',
  environment: 'prod',
  description: '',
  schedules: [{ name: 'default', cron: '0 2 * * *', expressions: ['cron(0 2 * * ? *)'], timezone: 'UTC', enabled: true }],
  after: null,
  steps: [{ name: 'build', args: ['build'] }],
  deps: true,
  freshness: 'off',
  docs: true,
  publishes: ['state', 'docs'],
  timeoutSeconds: 7200,
  startWithinSeconds: 1800,
  overlap: 'queue',
  priority: 0,
  retry: { attempts: 1, on: [] },
  notify: [{ channel: 'slack', target: '#data', on: ['error', 'warn', 'recovered', 'missed'] }],
  ...over,
})

export const environmentOf = (over: Partial<EnvironmentConfig> = {}): EnvironmentConfig => ({
  project: 'shop',
  name: 'prod',
  branch: 'main',
  dbt: { engine: 'core-1.11', adapters: ['duckdb'], image: null },
  target: 'prod',
  profiles: 'shop: {}',
  variables: { DBT_SCHEMA: 'main' },
  secrets: {},
  size: { cpu: 1024, memory: 2048, disk: 20, architecture: 'arm64', spot: false },
  awsCredentials: false,
  policies: [],
  maxRunning: 10,
  ...over,
})

export function configOf(jobs: readonly JobConfig[] = [jobOf()], environment: Partial<EnvironmentConfig> = {}): Config {
  return {
    schemaVersion: SCHEMA_VERSION,
    installation: 'tidemill',
    network: { kind: 'new' },
    images: { build: 'docker' },
    retention: { logs: 30, runs: 90 },
    channels: { email: { addresses: ['data@acme.example'] }, slack: { secret: { name: 'slack-webhook', field: null } } },
    projects: {
      shop: {
        name: 'shop',
        repository: 'https://github.com/acme/shop.git',
        folder: '.',
        credentials: { kind: 'none' },
        submodules: false,
      },
    },
    environments: { 'shop/prod': environmentOf(environment) },
    jobs: Object.fromEntries(jobs.map(job => [`${job.project}/${job.name}`, job])),
  }
}
export const hashOf = (config: Config) => createHash('sha256').update(JSON.stringify(config)).digest('hex')

export function runOf(number = 1, over: Partial<RunRecord> = {}): RunRecord {
  const cause = over.cause ?? scheduled()
  const job = `shop/${over.job ?? 'nightly'}`
  return {
    schemaVersion: SCHEMA_VERSION,
    id: runId(number),
    project: 'shop',
    environment: 'prod',
    job: 'nightly',
    status: 'queued',
    cause,
    causeString: causeString(job, cause),
    config: hashOf(configOf()),
    priority: 0,
    claimedAt: NOW,
    startBy: at(1790),
    attempts: [],
    launchTries: 0,
    ...over,
  }
}

export const taskArn = (number: number) =>
  `arn:aws:ecs:eu-central-1:111122223333:task/tidemill/${String(number).padStart(32, '0')}`

export const attemptOf = (number = 1, over: Partial<Attempt> = {}): Attempt => ({
  number,
  planKey: `plans/shop/prod/${runId(1)}/${number}.json`,
  planSha256: 'a'.repeat(64),
  runTaskInput: '{}',
  capacity: 'FARGATE',
  cpu: 1024,
  memory: 2048,
  dispatchedAt: NOW,
  ...over,
})

/** A complete configuration made by hand, so that these tests do not depend on how the file is read. */
import type { Config, EnvironmentConfig, JobConfig } from '../../shared/config-model.ts'

export const environment = (name: string, changes: Partial<EnvironmentConfig> = {}): EnvironmentConfig => ({
  project: 'ferry',
  name,
  branch: 'main',
  dbt: { engine: 'core-1.11', adapters: ['duckdb'], image: null },
  target: null,
  profiles: null,
  variables: {},
  secrets: {},
  size: { cpu: 1024, memory: 2048, disk: 20, architecture: 'arm64', spot: false },
  awsCredentials: false,
  policies: [],
  maxRunning: 10,
  ...changes,
})

export const job = (name: string, changes: Partial<JobConfig> = {}): JobConfig => ({
  project: 'ferry',
  name,
  environment: 'prod',
  description: '',
  schedules: [
    { name: 'default', cron: '0 2 * * *', expressions: ['cron(0 2 * * ? *)'], timezone: 'Europe/Berlin', enabled: true },
  ],
  after: null,
  steps: [{ name: 'build', args: ['build'] }],
  deps: true,
  freshness: 'off',
  docs: false,
  publishes: [],
  timeoutSeconds: 3600,
  startWithinSeconds: 1800,
  overlap: 'queue',
  priority: 0,
  retry: { attempts: 1, on: [] },
  notify: [],
  ...changes,
})

export function config(changes: Partial<Config> = {}): Config {
  const environments = [
    environment('prod', { secrets: { DBT_PASSWORD: { name: 'prod/warehouse', field: 'password' } } }),
    environment('staging', { size: { cpu: 512, memory: 1024, disk: 40, architecture: 'x86_64', spot: true } }),
  ]
  const jobs = [
    job('nightly'),
    job('hourly', { environment: 'staging', startWithinSeconds: 10 }),
    job('twice', {
      schedules: [
        {
          name: 'default',
          cron: '0 6 1 * 1',
          expressions: ['cron(0 6 1 * ? *)', 'cron(0 6 ? * 2 *)'],
          timezone: 'UTC',
          enabled: false,
        },
      ],
    }),
    job('after_nightly', { schedules: [], after: { job: 'ferry/nightly', status: ['success', 'warn'] } }),
  ]
  return {
    schemaVersion: 1,
    installation: 'tidemill',
    network: { kind: 'new' },
    images: { build: 'account' },
    retention: { logs: 30, runs: 400 },
    channels: { email: { addresses: ['data@acme.example'] }, slack: { secret: { name: 'slack-webhook', field: null } } },
    projects: {
      ferry: {
        name: 'ferry',
        repository: 'https://git.acme.example/ferry.git',
        folder: '.',
        credentials: { kind: 'token', secret: { name: 'git-token', field: null } },
        submodules: false,
      },
    },
    environments: Object.fromEntries(environments.map(each => [`${each.project}/${each.name}`, each])),
    jobs: Object.fromEntries(jobs.map(each => [`${each.project}/${each.name}`, each])),
    ...changes,
  }
}

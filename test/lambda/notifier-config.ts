/** A configuration of one environment and one job, for the tests of the notifier. */
import type { Config, EnvironmentConfig } from '../../shared/config-model.ts'
import { job } from '../shared/message-records.ts'

const environment: EnvironmentConfig = {
  project: 'harbour_line',
  name: 'prod',
  branch: 'main',
  dbt: { engine: 'core-1.11', adapters: ['duckdb'], image: null },
  target: 'prod',
  profiles: null,
  variables: {},
  secrets: {},
  size: { cpu: 1024, memory: 2048, disk: 20, architecture: 'arm64', spot: false },
  awsCredentials: false,
  policies: [],
  maxRunning: 1,
}

export const config = (
  channels: Partial<Config['channels']>,
  jobs: Config['jobs'] = { 'harbour_line/nightly': job },
): Config => ({
  schemaVersion: 1,
  installation: 'tidemill',
  network: { kind: 'new' },
  images: { build: 'account' },
  retention: { logs: 30, runs: 90 },
  channels: { email: null, slack: null, ...channels },
  projects: {},
  environments: { 'harbour_line/prod': environment },
  jobs,
})

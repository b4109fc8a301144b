/** Two versions of one configuration: in the second a job is gone and an environment has another name. */
import { join } from 'node:path'
import { duckdbEnvironment, makeDbtRepository, writeInstallation } from './project-files.ts'

const FILES = {
  'models/numbers.sql': "select 1 as id, '{{ var('day', 'none') }}' as day",
  // Long enough that a deployment passes meanwhile; the test stops it.
  'models/slow.sql': 'select count(sleep_ms(300000)) as n',
}
export function makeUpgradeProject(folder: string, webhook: string): void {
  makeDbtRepository(folder, 'upgrade', FILES)
  writeVersion(folder, 'before', { 'upgrade-webhook': webhook })
}

/** Without `secrets` those of the first stay. */
export function writeVersion(folder: string, version: 'before' | 'after', secrets?: Record<string, string>): void {
  const environment = (name: string) =>
    duckdbEnvironment(folder, { variables: { WAREHOUSE_PATH: join(folder, `${name}.duckdb`) } })
  const slow = ['dbt build --select numbers', 'dbt run --select slow']
  writeInstallation(folder, {
    name: 'upgrade',
    ...(secrets && { secrets }),
    project: { repository: `file://${folder}/repository` },
    environments: {
      prod: environment('prod'),
      ...(version === 'before' ? { staging: environment('staging') } : { test: environment('staging') }),
    },
    jobs: {
      staying: { steps: slow },
      daily: { steps: ['dbt run --select numbers'], docs: false },
      ...(version === 'before' && { leaving: { environment: 'staging', steps: slow } }),
    },
    everyJob: { notify: { slack: '#upgrade', on: ['success', 'error', 'cancelled', 'recovered'] } },
    notifications: { slack: { secret: 'upgrade-webhook' } },
  })
}

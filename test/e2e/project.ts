/** A dbt project whose jobs end in every way a run can end: the fixture of the end-to-end test. */
import { join } from 'node:path'
import { makeDbtRepository, writeInstallation } from './project-files.ts'

const FILES = {
  'models/numbers.sql': 'select 1 as id union all select 2',
  'models/doubled.sql': "select id * 2 as id from {{ ref('numbers') }}",
  'models/broken.sql': "select cast('forty' as integer) as id from {{ ref('numbers') }}",
  'models/below_broken.sql': "select * from {{ ref('broken') }}",
  'models/nullable.sql': 'select cast(null as integer) as id union all select 1',
  // Long enough to be stopped in the middle, short enough to end by itself should nobody stop it. It takes no processor.
  'models/slow.sql': 'select count(sleep_ms(90000)) as n',
  'models/sources.yml': `sources:
  - name: raw
    schema: main
    tables:
      - name: numbers
        config: { loaded_at_field: "timestamp '2026-01-01'", freshness: { warn_after: { count: 1, period: day } } }
`,
  'models/schema.yml': `models:
  - name: numbers
    columns: [{ name: id, data_tests: [unique, not_null] }]
  - name: doubled
    columns: [{ name: id, data_tests: [{ not_null: { name: doubled_has_ids } }] }]
  - name: nullable
    columns:
      - name: id
        data_tests:
          - not_null: { name: nullable_fails, tags: [strict] }
          - not_null: { name: nullable_warns, tags: [lenient], config: { severity: warn } }
`,
}

const KINDS = ['success', 'warn', 'error', 'cancelled', 'recovered', 'missed']
/** Each job with the way it ends. Every end of it tells the webhook. */
const JOBS = {
  good: { docs: true, publishes: ['state', 'docs'], steps: ['dbt build --select numbers doubled'] },
  mended: { docs: true, steps: ['dbt build --select numbers from_file'] },
  failing_model: { steps: ['dbt build --select numbers broken below_broken'] },
  failing_test: { steps: ['dbt build --select nullable --exclude tag:lenient'] },
  warning: { steps: ['dbt build --select nullable --exclude tag:strict'] },
  slow: { steps: ['dbt build --select numbers', 'dbt run --select slow'] },
  // In a table that another job has made.
  stale: { freshness: 'warn', steps: ['dbt run --select numbers'] },
  after_good: { after: { job: 'good', status: ['success'] }, steps: ['dbt build --select doubled'] },
  every_minute: { schedule: { cron: '* * * * *', timezone: 'Asia/Kathmandu' }, steps: ['dbt run --select numbers'] },
}

/** It fails until somebody puts the file there. */
export const missingFile = (folder: string) => join(folder, 'missing.csv')
const fromFile = (folder: string) => `select * from read_csv('${missingFile(folder)}')`

/** Makes repository, tidemill.yml and secrets below `folder`; `webhook` is where the Slack messages go. */
export function makeProject(folder: string, webhook: string): void {
  writeInstallation(folder, {
    name: 'chain',
    secrets: { 'chain-webhook': webhook, 'chain-teams': `${webhook}/teams` },
    project: { repository: makeDbtRepository(folder, 'chain', { ...FILES, 'models/from_file.sql': fromFile(folder) }).url },
    jobs: JOBS,
    everyJob: { notify: { slack: '#chain', on: KINDS } },
    // The second one gets tests only.
    notifications: { slack: { secret: 'chain-webhook' }, teams: { secret: 'chain-teams' } },
  })
}

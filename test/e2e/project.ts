/** A dbt project whose jobs end in every way a run can end: the fixture of the end-to-end test. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const FILES: Record<string, string> = {
  'dbt_project.yml': `name: chain
version: 1.0.0
profile: chain
model-paths: [models]
models: { +materialized: table }
`,
  'models/numbers.sql': 'select 1 as id union all select 2',
  'models/doubled.sql': "select id * 2 as id from {{ ref('numbers') }}",
  'models/broken.sql': "select cast('forty' as integer) as id from {{ ref('numbers') }}",
  'models/below_broken.sql': "select * from {{ ref('broken') }}",
  'models/nullable.sql': 'select cast(null as integer) as id union all select 1',
  // Long enough to be stopped in the middle, short enough to end by itself should nobody stop it.
  'models/slow.sql': 'select count(*) as n from range(200000) a, range(200000) b where (a.range * b.range) % 7 = 3',
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

const PROFILES = `chain:
  target: prod
  outputs:
    prod: { type: duckdb, path: "{{ env_var('WAREHOUSE_PATH') }}", threads: 2 }
`

const KINDS = ['success', 'warn', 'error', 'cancelled', 'recovered', 'missed']
/** Each job with the way it ends. Every end of it tells the webhook. */
const JOBS: Record<string, Record<string, unknown>> = {
  good: { docs: true, steps: ['dbt build --select numbers doubled'] },
  failing_model: { steps: ['dbt build --select numbers broken below_broken'] },
  failing_test: { steps: ['dbt build --select nullable --exclude tag:lenient'] },
  warning: { steps: ['dbt build --select nullable --exclude tag:strict'] },
  slow: { steps: ['dbt build --select numbers', 'dbt run --select slow'] },
  // In a table that another job has made.
  stale: { freshness: 'warn', steps: ['dbt run --select numbers'] },
  after_good: { after: { job: 'good', status: ['success'] }, steps: ['dbt build --select doubled'] },
  every_minute: { schedule: { cron: '* * * * *', timezone: 'Asia/Kathmandu' }, steps: ['dbt run --select numbers'] },
}

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=A. Author', '-c', 'user.email=author@example.com', ...args], { cwd: folder })

/** Makes repository, tidemill.yml and secrets below `folder`; `webhook` is where the Slack messages go. */
export function makeProject(folder: string, webhook: string): void {
  const repository = join(folder, 'repository')
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(repository, name)), { recursive: true })
    writeFileSync(join(repository, name), text)
  }
  git(repository, 'init', '-q', '-b', 'main')
  git(repository, 'add', '.')
  git(repository, 'commit', '-q', '-m', 'Numbers and their doubles')
  writeFileSync(join(folder, 'profiles.yml'), PROFILES)
  mkdirSync(join(folder, '.tidemill'))
  writeFileSync(
    join(folder, '.tidemill/secrets.yml'),
    `chain-webhook: ${JSON.stringify(webhook)}\nchain-teams: ${JSON.stringify(`${webhook}/teams`)}\n`,
    { mode: 0o600 },
  )
  const config = {
    version: 1,
    installation: 'chain',
    project: { name: 'chain', repository: `file://${repository}` },
    environments: {
      prod: {
        branch: 'main',
        dbt: { engine: 'core-1.11', adapters: ['duckdb'] },
        target: 'prod',
        profile: 'profiles.yml',
        variables: { WAREHOUSE_PATH: join(folder, 'warehouse.duckdb') },
        size: { cpu: 1, memory: '2 GB' },
        // DuckDB lets one process write at a time.
        max_running: 1,
      },
    },
    jobs: Object.fromEntries(
      Object.entries(JOBS).map(([name, job]) => [name, { environment: 'prod', notify: { slack: '#chain', on: KINDS }, ...job }]),
    ),
    // The second one gets tests only.
    notifications: { slack: { secret: 'chain-webhook' }, teams: { secret: 'chain-teams' } },
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'tidemill.yml'), JSON.stringify(config, null, 2))
}

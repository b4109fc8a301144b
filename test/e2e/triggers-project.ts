/** Jobs that wait for everything a job can wait for: the fixture of the end-to-end test of triggers. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const BUCKET = 'triggers-raw'
/** What the tests sign with: long enough, and nobody's. */
export const SECRETS = { 'git-hook': 'hook '.repeat(8).trim(), requests: 'requests '.repeat(4).trim() }

const FILES: Record<string, string> = {
  'dbt_project.yml': 'name: triggers\nversion: 1.0.0\nprofile: triggers\nmodel-paths: [models]\n',
  // Says in the log what the run was told.
  'models/told.sql': `{% if execute %}{% set told = ['TIDEMILL_CAUSE', 'TIDEMILL_COMMIT', 'TIDEMILL_JOB'] %}
{% for name in told %}{% do log('told ' ~ name ~ '=' ~ env_var(name, 'nothing'), info=true) %}{% endfor %}
{% do log('told file=' ~ var('file', 'nothing') ~ ' table=' ~ var('table', 'nothing') ~ ' day=' ~ var('day', 'nothing'), info=true) %}{% endif %}
select 1 as id`,
}
const PROFILES = `triggers:
  target: prod
  outputs:
    prod: { type: duckdb, path: "{{ env_var('WAREHOUSE_PATH') }}", threads: 1 }
`
const VARS = { file: 's3://{{ event_bucket }}/{{ event_key }}', table: '{{ detail.table }}' }
const JOBS: Record<string, Record<string, unknown>> = {
  pushed: { on: { commit: true } },
  asked: { on: { request: { secret: 'requests', overrides: ['vars'] } } },
  landed: { on: { s3: { bucket: BUCKET, prefix: 'orders/', suffix: '.csv' } }, vars: VARS },
  loaded: { on: { event: { source: 'acme.loader', 'detail-type': 'Load finished', detail: { table: 'orders' } } }, vars: VARS },
  left: {},
  right: {},
  joined: { after: { jobs: ['left', 'right'] } },
}

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=A. Author', '-c', 'user.email=author@example.com', ...args], { cwd: folder })

export const headOf = (folder: string, ref: string) => git(join(folder, 'repository'), 'rev-parse', ref).toString().trim()

export function makeTriggersProject(folder: string): void {
  const repository = join(folder, 'repository')
  for (const [name, text] of Object.entries(FILES)) {
    mkdirSync(dirname(join(repository, name)), { recursive: true })
    writeFileSync(join(repository, name), text)
  }
  git(repository, 'init', '-q', '-b', 'main')
  // So that a commit can be asked for by its hash, as from a host.
  git(repository, 'config', 'uploadpack.allowAnySHA1InWant', 'true')
  git(repository, 'add', '.')
  git(repository, 'commit', '-q', '-m', 'First')
  git(repository, 'commit', '-q', '--allow-empty', '-m', 'Second')
  writeFileSync(join(folder, 'profiles.yml'), PROFILES)
  mkdirSync(join(folder, '.tidemill'))
  writeFileSync(join(folder, '.tidemill/secrets.yml'), JSON.stringify(SECRETS), { mode: 0o600 })
  const config = {
    version: 1,
    installation: 'triggers',
    project: { name: 'shop', repository: `file://${repository}`, webhook: { secret: 'git-hook' } },
    environments: {
      prod: {
        branch: 'main',
        dbt: { engine: 'core-1.11', adapters: ['duckdb'] },
        target: 'prod',
        profile: 'profiles.yml',
        variables: { WAREHOUSE_PATH: join(folder, 'warehouse.duckdb') },
        size: { cpu: 1, memory: '2 GB' },
        max_running: 1,
      },
    },
    jobs: Object.fromEntries(
      Object.entries(JOBS).map(([name, job]) => [name, { environment: 'prod', steps: ['dbt run'], deps: false, ...job }]),
    ),
  }
  writeFileSync(join(folder, 'tidemill.yml'), JSON.stringify(config, null, 2))
}

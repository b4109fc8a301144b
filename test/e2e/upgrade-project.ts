/** Two versions of one configuration: in the second a job is gone and an environment has another name. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FILES: Record<string, string> = {
  'dbt_project.yml': 'name: upgrade\nversion: 1.0.0\nprofile: upgrade\nmodel-paths: [models]\nmodels: { +materialized: table }\n',
  'models/numbers.sql': "select 1 as id, '{{ var('day', 'none') }}' as day",
  // Long enough that a deployment passes meanwhile; the test stops it.
  'models/slow.sql': 'select count(*) as n from range(400000) a, range(400000) b where (a.range * b.range) % 7 = 3',
}
const PROFILES = `upgrade:
  target: prod
  outputs:
    prod: { type: duckdb, path: "{{ env_var('WAREHOUSE_PATH') }}", threads: 2 }
`

const git = (folder: string, ...args: string[]) =>
  execFileSync('git', ['-c', 'user.name=A. Author', '-c', 'user.email=author@example.com', ...args], { cwd: folder })

export function makeUpgradeProject(folder: string, webhook: string): void {
  const repository = join(folder, 'repository')
  mkdirSync(join(repository, 'models'), { recursive: true })
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(repository, name), text)
  git(repository, 'init', '-q', '-b', 'main')
  git(repository, 'add', '.')
  git(repository, 'commit', '-q', '-m', 'Numbers')
  writeFileSync(join(folder, 'profiles.yml'), PROFILES)
  mkdirSync(join(folder, '.tidemill'))
  writeFileSync(join(folder, '.tidemill/secrets.yml'), `upgrade-webhook: ${JSON.stringify(webhook)}\n`, { mode: 0o600 })
  writeConfig(folder, 'before')
}

export function writeConfig(folder: string, version: 'before' | 'after'): void {
  const environment = (name: string) => ({
    branch: 'main',
    dbt: { engine: 'core-1.11', adapters: ['duckdb'] },
    target: 'prod',
    profile: 'profiles.yml',
    variables: { WAREHOUSE_PATH: join(folder, `${name}.duckdb`) },
    size: { cpu: 1, memory: '2 GB' },
    max_running: 1,
  })
  const notify = { slack: '#upgrade', on: ['success', 'error', 'cancelled', 'recovered'] }
  const slow = ['dbt build --select numbers', 'dbt run --select slow']
  const staying = { environment: 'prod', steps: slow, notify }
  const daily = { environment: 'prod', steps: ['dbt run --select numbers'], docs: false, notify }
  const config = {
    version: 1,
    installation: 'upgrade',
    project: { name: 'upgrade', repository: `file://${join(folder, 'repository')}` },
    environments: {
      prod: environment('prod'),
      ...(version === 'before' ? { staging: environment('staging') } : { test: environment('staging') }),
    },
    jobs: { staying, daily, ...(version === 'before' && { leaving: { environment: 'staging', steps: slow, notify } }) },
    notifications: { slack: { secret: 'upgrade-webhook' } },
  }
  // JSON is YAML.
  writeFileSync(join(folder, 'tidemill.yml'), JSON.stringify(config, null, 2))
}

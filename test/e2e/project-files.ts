/** What the installations of the end-to-end tests have in common. JSON is YAML. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Files, makeRepository, type Repository } from '../container/project.ts'

/** An environment whose database is a file below `folder`. */
export const duckdbEnvironment = (folder: string, more: object = {}) => ({
  branch: 'main',
  dbt: { engine: 'core-1.11', adapters: ['duckdb'] },
  target: 'prod',
  profile: 'profiles.yml',
  variables: { WAREHOUSE_PATH: join(folder, 'warehouse.duckdb') },
  size: { cpu: 1, memory: '2 GB' },
  // DuckDB lets one process write at a time.
  max_running: 1,
  ...more,
})

/** The output of that database. */
export const DUCKDB = { type: 'duckdb', path: "{{ env_var('WAREHOUSE_PATH') }}", threads: 2 }

export interface InstallationFiles {
  /** Of the installation, the project and the dbt profile. */
  name: string
  secrets?: Record<string, unknown>
  /** Options of the project, with `repository`. */
  project: Record<string, unknown>
  jobs: Record<string, object>
  /** What every job has unless it says otherwise; its environment is `prod` without it. */
  everyJob?: object
  environments?: Record<string, object>
  /** Of the dbt profile; the first is its target. */
  outputs?: Record<string, object>
  notifications?: object
}

/** Writes tidemill.yml, dbt's profile and the secrets. */
export function writeInstallation(folder: string, files: InstallationFiles): void {
  const { name, secrets, project, jobs, everyJob, notifications, outputs = { prod: DUCKDB } } = files
  const config = {
    version: 1,
    installation: name,
    project: { name, ...project },
    environments: files.environments ?? { prod: duckdbEnvironment(folder) },
    jobs: Object.fromEntries(Object.entries(jobs).map(([job, own]) => [job, { environment: 'prod', ...everyJob, ...own }])),
    ...(notifications && { notifications }),
  }
  mkdirSync(join(folder, '.tidemill'), { recursive: true })
  const write = (path: string, value: object) =>
    writeFileSync(join(folder, path), JSON.stringify(value, null, 2), { mode: 0o600 })
  write('profiles.yml', { [name]: { target: Object.keys(outputs)[0], outputs } })
  if (secrets) write('.tidemill/secrets.yml', secrets)
  write('tidemill.yml', config)
}

/** `<folder>/repository` with a dbt project of the name, whose models are tables unless `more` says otherwise. */
export const makeDbtRepository = (folder: string, name: string, files: Files, more: object = {}): Repository =>
  makeRepository(folder, {
    'dbt_project.yml': JSON.stringify({ name, version: '1.0.0', profile: name, models: { '+materialized': 'table' }, ...more }),
    ...files,
  })

/** Jobs that wait for everything a job can wait for: the fixture of the end-to-end test of triggers. */
import type { Repository } from '../container/project.ts'
import { makeDbtRepository, writeInstallation } from './project-files.ts'

export const BUCKET = 'triggers-raw'
/** What the tests sign with: long enough, and nobody's. */
export const SECRETS = { 'git-hook': 'hook '.repeat(8).trim(), requests: 'requests '.repeat(4).trim() }

const FILES = {
  // Says in the log what the run was told.
  'models/told.sql': `{% if execute %}{% set told = ['TIDEMILL_CAUSE', 'TIDEMILL_COMMIT', 'TIDEMILL_JOB'] %}
{% for name in told %}{% do log('told ' ~ name ~ '=' ~ env_var(name, 'nothing'), info=true) %}{% endfor %}
{% do log('told file=' ~ var('file', 'nothing') ~ ' table=' ~ var('table', 'nothing') ~ ' day=' ~ var('day', 'nothing'), info=true) %}{% endif %}
select 1 as id`,
}
const VARS = { file: 's3://{{ event_bucket }}/{{ event_key }}', table: '{{ detail.table }}' }
const JOBS = {
  pushed: { on: { commit: true } },
  asked: { on: { request: { secret: 'requests', overrides: ['vars'] } } },
  landed: { on: { s3: { bucket: BUCKET, prefix: 'orders/', suffix: '.csv' } }, vars: VARS },
  loaded: { on: { event: { source: 'acme.loader', 'detail-type': 'Load finished', detail: { table: 'orders' } } }, vars: VARS },
  left: {},
  right: {},
  joined: { after: { jobs: ['left', 'right'] } },
}

let repository: Repository
export const headOf = (ref: string) => repository.git('rev-parse', ref)

export function makeTriggersProject(folder: string): void {
  repository = makeDbtRepository(folder, 'triggers', FILES)
  // So that a commit can be asked for by its hash, as from a host.
  repository.git('config', 'uploadpack.allowAnySHA1InWant', 'true')
  repository.git('commit', '-q', '--allow-empty', '-m', 'Second')
  writeInstallation(folder, {
    name: 'triggers',
    secrets: SECRETS,
    project: { name: 'shop', repository: repository.url, webhook: { secret: 'git-hook' } },
    jobs: JOBS,
    everyJob: { steps: ['dbt run'], deps: false },
  })
}

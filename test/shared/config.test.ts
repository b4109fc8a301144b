import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { formatProblems, requireConfig } from '../../shared/config.ts'
import { EXAMPLE } from '../../shared/config-reference-text.ts'
import { UserError } from '../../shared/errors.ts'
import { good, job, load, yaml } from './config-helper.ts'

test('the example of the reference becomes a complete configuration', () => {
  const { config, warnings } = good(EXAMPLE)
  assert.deepEqual(warnings, [])
  assert.deepEqual(config.projects.jaffle_shop, {
    name: 'jaffle_shop',
    repository: 'https://github.com/acme/jaffle-shop.git',
    folder: '.',
    credentials: { kind: 'token', secret: { name: 'github-token', field: null } },
    submodules: false,
    webhook: null,
    knownHosts: [],
  })
  assert.deepEqual(config.environments['jaffle_shop/prod'], {
    project: 'jaffle_shop',
    name: 'prod',
    branch: 'main',
    dbt: { engine: 'core-1.12', adapters: ['snowflake'], image: null },
    target: 'prod',
    profiles: null,
    variables: { DBT_WAREHOUSE: 'TRANSFORMING' },
    secrets: { SNOWFLAKE_PASSWORD: { name: 'prod/snowflake', field: 'password' } },
    size: { cpu: 1024, memory: 4096, disk: 20, architecture: 'arm64', fallbackArchitecture: null, spot: false },
    awsCredentials: false,
    policies: [],
    onGitOutage: 'fail',
    maxRunning: 10,
  })
  assert.deepEqual(config.jobs['jaffle_shop/nightly'], {
    project: 'jaffle_shop',
    name: 'nightly',
    environment: 'prod',
    description: '',
    schedules: [
      { name: 'default', cron: '0 2 * * *', expressions: ['cron(0 2 * * ? *)'], timezone: 'Europe/Berlin', enabled: true },
    ],
    after: null,
    afterAll: null,
    triggers: [],
    vars: {},
    steps: [{ name: 'build', args: ['build'] }],
    deps: true,
    freshness: 'warn',
    docs: true,
    docsStatic: false,
    docsRequired: false,
    state: 'off',
    publishes: ['state', 'docs'],
    keepDays: 365,
    timeoutSeconds: 7200,
    startWithinSeconds: 1800,
    overlap: 'queue',
    priority: 0,
    retry: {
      attempts: 2,
      on: ['infrastructure', 'transient'],
      patterns: [],
      backoff: { firstSeconds: 15, factor: 2, maxSeconds: 300 },
      withinSeconds: null,
      resume: true,
    },
    deactivateAfter: null,
    notify: [{ channel: 'slack', target: '#data-alerts', on: ['error', 'warn', 'recovered', 'missed'] }],
  })
  assert.deepEqual(config.jobs['jaffle_shop/hourly_orders']?.notify, [
    { channel: 'email', target: '', on: ['error', 'recovered', 'missed'] },
    { channel: 'slack', target: '', on: ['error', 'recovered', 'missed'] },
  ])
  assert.deepEqual(config.jobs['jaffle_shop/after_nightly']?.after, {
    job: 'jaffle_shop/nightly',
    status: ['success', 'warn'],
    partial: false,
  })
  assert.deepEqual(config.channels, {
    email: { addresses: ['data@example.com'] },
    slack: { secret: { name: 'slack-webhook', field: null } },
  })
  assert.deepEqual(config.network, { kind: 'new' })
  assert.deepEqual(config.retention, { logs: 30, runs: 365 })
})

test('the example project’s own file is good', () => {
  const folder = join(import.meta.dirname, '../../example')
  const { warnings } = good(readFileSync(join(folder, 'tidemill.yml'), 'utf8'), {
    'profiles.yml': readFileSync(join(folder, 'profiles.yml'), 'utf8'),
  })
  assert.deepEqual(warnings, [])
})

test('problems are printed as a list with line, column, option, and what to write', () => {
  const result = load(`version: 1
project: { name: shop, repository: "https://example.com/shop.git" }
environments:
  prod: { branch: main, dbt: { engine: core-1.11, adapters: [duckdb] } }
  staging: { branch: dev, dbt: { engine: core-1.11, adapters: [duckdb] } }
jobs:
  nightly:
    environment: prodd
    schedule: { cron: "0 2 * * *", timezone: Europe/Berlinn }
    stepz: [dbt build]
`)
  assert.ok(!result.ok)
  assert.equal(
    formatProblems(result.problems),
    `tidemill.yml: 3 problems
  8:18  jobs.nightly.environment         "prodd" is not an environment; did you mean "prod"? (prod, staging)
  9:46  jobs.nightly.schedule.timezone   "Europe/Berlinn" is not a time zone; did you mean "Europe/Berlin"?
  10:5  jobs.nightly.stepz               unknown key; did you mean "steps"?`,
  )
})

test('requireConfig throws the whole list as a calm error', () => {
  const input = { path: 'a/tidemill.yml', text: 'version: 3\njob: {}\n', read: () => undefined }
  assert.throws(
    () => requireConfig(input),
    (error: unknown) =>
      error instanceof UserError &&
      error.exitCode === 2 &&
      /a\/tidemill\.yml: \d problems/.test(error.message) &&
      /did you mean "jobs"/.test(error.message),
  )
})

test('who publishes: the only job with docs, the one that says so, or nobody with a warning', () => {
  const jobs = (first: string, second: string) =>
    good(
      yaml({
        jobs: `  a: { environment: prod, steps: [dbt build]${first} }\n  b: { environment: prod, steps: [dbt build]${second} }`,
      }),
    )
  assert.deepEqual(jobs(', docs: true', '').config.jobs['shop/a']?.publishes, ['state', 'docs'])
  const chosen = jobs(', docs: true', ', docs: true, publishes: [state, docs]')
  assert.deepEqual([chosen.config.jobs['shop/a']?.publishes, chosen.config.jobs['shop/b']?.publishes], [[], ['state', 'docs']])
  assert.deepEqual(jobs(', docs: true, publishes: [docs]', '').config.jobs['shop/a']?.publishes, ['docs'])
  assert.deepEqual(jobs(', docs: true, publishes: []', '').config.jobs['shop/a']?.publishes, [])
  const unclear = jobs(', docs: true', ', docs: true')
  assert.deepEqual(unclear.config.jobs['shop/b']?.publishes, [])
  assert.match(unclear.warnings[0]?.message ?? '', /2 jobs of prod make docs.*publishes: \[state, docs\]/)
})

test('freshness, notify: [] and a file without channels', () => {
  assert.equal(good(job('freshness: false')).config.jobs['shop/nightly']?.freshness, 'off')
  assert.equal(good(job('freshness: warn')).config.jobs['shop/nightly']?.freshness, 'warn')
  assert.deepEqual(good(job('notify: []')).config.jobs['shop/nightly']?.notify, [])
  const silent = good(yaml({ more: '' }))
  assert.deepEqual(silent.config.jobs['shop/nightly']?.notify, [])
  assert.match(silent.warnings[0]?.message ?? '', /nobody is told/)
})

test('jobs may share options by anchor and merge key', () => {
  const { config } = good(
    yaml({ jobs: '  a: &base { environment: prod, steps: [dbt build], timeout: 1h }\n  b: { <<: *base, timeout: 2h }' }),
  )
  assert.deepEqual([config.jobs['shop/a']?.timeoutSeconds, config.jobs['shop/b']?.timeoutSeconds], [3600, 7200])
})

test('a step that does not divide its field, and steps that are done anyway, are warned of', () => {
  const { warnings } = good(
    yaml({
      jobs: '  a: { environment: prod, schedule: { cron: "*/45 * * * *" }, steps: [dbt deps, dbt build, dbt docs generate] }',
    }),
  )
  assert.deepEqual(
    warnings.map(each => each.message.slice(0, 44)),
    [
      '*/45 fires at minutes 0, 45, not every 45 mi',
      'packages are installed before the steps anyw',
      'docs: true makes the docs from the build its',
    ],
  )
})

/** Several images in one installation: one with two adapters, whose jobs build into DuckDB and into PostgreSQL, and one with dbt 2. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startPostgres } from '../container/postgres.ts'
import { skipWithout } from '../need.ts'
import { type Installation, makeInstallation } from './installation.ts'

const skip = skipWithout('postgres')
const password = randomBytes(12).toString('hex')
let pair: Installation
let server: Awaited<ReturnType<typeof startPostgres>>
// Outside the work tree, which the server's own user may not be able to reach.
const serverFolder = mkdtempSync(join(tmpdir(), 'tidemill-pair-'))

const PROFILE = (port: number) => `pair:
  target: duck
  outputs:
    duck: { type: duckdb, path: "{{ env_var('WAREHOUSE_PATH') }}", schema: main }
    post:
      type: postgres
      host: 127.0.0.1
      port: ${port}
      user: shop
      password: "{{ env_var('POSTGRES_PASSWORD') }}"
      dbname: postgres
      schema: pair
`

function makePair(folder: string): void {
  const repository = join(folder, 'repository')
  mkdirSync(join(repository, 'models'), { recursive: true })
  writeFileSync(join(repository, 'dbt_project.yml'), 'name: pair\nversion: 1.0.0\nprofile: pair\nmodel-paths: [models]\n')
  writeFileSync(join(repository, 'models/one.sql'), "select '{{ target.type }}' as built_by")
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=A. Author', '-c', 'user.email=author@example.com', ...args], { cwd: repository })
  git('init', '-q', '-b', 'main')
  git('add', '.')
  git('commit', '-q', '-m', 'One')
  writeFileSync(join(folder, 'profiles.yml'), PROFILE(server.port))
  mkdirSync(join(folder, '.tidemill'))
  writeFileSync(join(folder, '.tidemill/secrets.yml'), `pair-postgres: ${password}\n`, { mode: 0o600 })
  const environment = (target: string, dbt: object = { engine: 'core-1.11', adapters: ['postgres', 'duckdb'] }) => ({
    branch: 'main',
    dbt,
    target,
    profile: 'profiles.yml',
    variables: { WAREHOUSE_PATH: join(folder, 'engine' in dbt && dbt.engine === 'oss-2.0' ? 'two.duckdb' : 'warehouse.duckdb') },
    secrets: { POSTGRES_PASSWORD: 'pair-postgres' },
  })
  const config = {
    version: 1,
    installation: 'pair',
    project: { name: 'pair', repository: `file://${repository}` },
    environments: {
      duck: environment('duck'),
      post: environment('post'),
      two: environment('duck', { engine: 'oss-2.0', adapters: ['duckdb'] }),
    },
    jobs: Object.fromEntries(['duck', 'post', 'two'].map(name => [name, { environment: name, steps: ['dbt build'] }])),
  }
  writeFileSync(join(folder, 'tidemill.yml'), JSON.stringify(config, null, 2))
}

if (!skip) {
  before(
    async () => {
      server = await startPostgres(serverFolder, password)
      pair = await makeInstallation(makePair, ['pair-postgres'])
    },
    { timeout: 400_000 },
  )
}
after(
  async () => {
    await pair?.close()
    server?.stop()
    rmSync(serverFolder, { recursive: true, force: true })
  },
  { timeout: 60_000 },
)

test('an image with two adapters builds into either database', { skip, timeout: 180_000 }, async () => {
  for (const [job, adapter] of [
    ['duck', 'duckdb'],
    ['post', 'postgres'],
  ] as const) {
    const { json, code } = await pair.tidemill('run', job, '--wait')
    assert.equal(code, 0, JSON.stringify(json))
    assert.equal(json.run.counts.success, 1)
    const log = JSON.stringify((await pair.tidemill('logs', json.run.id)).json)
    assert.match(log, new RegExp(`Registered adapter: ${adapter}=`))
  }
})

test('an environment with dbt 2 beside them', { skip, timeout: 120_000 }, async () => {
  const { json, code } = await pair.tidemill('run', 'two', '--wait')
  assert.equal(code, 0, JSON.stringify(json))
  assert.deepEqual([json.run.status, json.run.counts.success], ['success', 1])
  const log = JSON.stringify((await pair.tidemill('logs', json.run.id)).json)
  assert.match(log, /Running with dbt-core=2\./)
})

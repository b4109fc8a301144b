/** Several images in one installation: one with two adapters, whose jobs build into DuckDB and into PostgreSQL, and one with dbt 2. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { startPostgres } from '../container/postgres.ts'
import { skipWithout } from '../need.ts'
import { type Installation, makeInstallation } from './installation.ts'
import { DUCKDB, duckdbEnvironment, makeDbtRepository, writeInstallation } from './project-files.ts'

const skip = skipWithout('postgres')
const password = randomBytes(12).toString('hex')
let pair: Installation
let server: Awaited<ReturnType<typeof startPostgres>>
// Outside the work tree, which the server's own user may not be able to reach.
const serverFolder = mkdtempSync(join(tmpdir(), 'tidemill-pair-'))

function makePair(folder: string): void {
  const { url } = makeDbtRepository(folder, 'pair', { 'models/one.sql': "select '{{ target.type }}' as built_by" })
  const environment = (target: string, more: object = {}) =>
    duckdbEnvironment(folder, {
      dbt: { engine: 'core-1.11', adapters: ['postgres', 'duckdb'] },
      target,
      secrets: { POSTGRES_PASSWORD: 'pair-postgres' },
      ...more,
    })
  writeInstallation(folder, {
    name: 'pair',
    secrets: { 'pair-postgres': password },
    project: { repository: url },
    outputs: {
      duck: { ...DUCKDB, schema: 'main' },
      post: { ...server.output, password: "{{ env_var('POSTGRES_PASSWORD') }}", schema: 'pair' },
    },
    environments: {
      duck: environment('duck'),
      post: environment('post'),
      two: environment('duck', {
        dbt: { engine: 'oss-2.0', adapters: ['duckdb'] },
        variables: { WAREHOUSE_PATH: join(folder, 'two.duckdb') },
      }),
    },
    jobs: Object.fromEntries(['duck', 'post', 'two'].map(name => [name, { environment: name, steps: ['dbt build'] }])),
  })
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

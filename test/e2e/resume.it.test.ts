/** Runs that are cut off and go on, deployed into the emulator: by the retry policy, and by `tidemill retry` of the built command line. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Repository } from '../container/project.ts'
import { dbtVenv } from '../venv.ts'
import { type Answer, type Installation, makeInstallation } from './installation.ts'
import { makeDbtRepository, writeInstallation } from './project-files.ts'
import { logUntil, recordUntil } from './until.ts'

// Several flushes pass before the last one is built.
const SLEEP = 'select count(sleep_ms(3000))'
const FILES = {
  ...Object.fromEntries(
    ['a', 'b', 'c', 'd', 'e', 'f'].map((name, i, all) => [
      `models/long_${name}.sql`,
      `select (${SLEEP}) as n ${i === 0 ? '' : `from {{ ref('long_${all[i - 1]}') }}`}`,
    ]),
  ),
  'models/first.sql': 'select 1 as id',
  'models/waits.sql': "select value from delivered, {{ ref('first') }}",
  'models/below.sql': "select * from {{ ref('waits') }}",
}
const JOBS = {
  long: { steps: ['dbt build --select long_a+'], retry: { attempts: 2, on: ['memory'] } },
  waiting: { steps: ['dbt build --select first waits below'] },
}

let repository: Repository
function makeProject(folder: string, webhook: string): void {
  repository = makeDbtRepository(folder, 'resumed', FILES, {
    models: { '+materialized': 'table', '+post-hook': "insert into built values ('{{ this.identifier }}')" },
    'on-run-start': 'create table if not exists built (name varchar)',
  })
  writeInstallation(folder, {
    name: 'resumed',
    secrets: { 'resume-webhook': webhook },
    project: { repository: repository.url },
    jobs: JOBS,
    everyJob: { notify: { slack: '#resume', on: ['success', 'warn', 'error', 'cancelled', 'recovered', 'missed'] } },
    notifications: { slack: { secret: 'resume-webhook' } },
  })
}

const FIRST_BUILT = "select name from built where name = 'first'"

let cloud: Installation
before(
  async () => {
    cloud = await makeInstallation(makeProject, ['resume-webhook'])
  },
  { timeout: 300_000 },
)
after(() => cloud?.close(), { timeout: 60_000 })
const limit = { timeout: 240_000 }

async function sql(text: string): Promise<string[]> {
  const python = join(await dbtVenv('core-1.11', 'duckdb', 'postgres'), 'bin/python')
  const script = 'import duckdb, sys; [print(*row) for row in duckdb.connect(sys.argv[1]).execute(sys.argv[2]).fetchall()]'
  return execFileSync(python, ['-c', script, join(cloud.folder, 'warehouse.duckdb'), text], { encoding: 'utf8', timeout: 20_000 })
    .split('\n')
    .filter(Boolean)
}

test('fault 24: killed for memory, the run takes the next size by itself and builds only what is left', limit, async () => {
  const id = (await cloud.tidemill('run', 'long')).json.run.id
  const building = await recordUntil(cloud.cloud, id, record => record.status === 'running')
  assert.equal(building.attempts.length, 1)
  // Until the end of some models has reached the bucket.
  const builtIn = (log: string) => [
    ...new Set([...log.matchAll(/OK created sql table model main\.(long_\w)/g)].map(match => match[1])),
  ]
  const stored = builtIn(await logUntil(cloud.cloud, id, log => builtIn(log).length >= 2))
  assert.ok(stored.length < 6, `stored: ${stored}`)
  const fault = await fetch(`${cloud.cloud.ecsEndpoint}/_faults`, {
    method: 'POST',
    headers: { 'x-tidemill-key': cloud.cloud.accessKeyId },
    body: JSON.stringify({ task: building.attempts[0]?.taskArn, fault: { kind: 'out-of-memory' } }),
  })
  assert.equal(fault.status, 200, await fault.text())
  await recordUntil(cloud.cloud, id, record => record.status === 'success' || record.status === 'error')
  const { run } = (await cloud.tidemill('show', id)).json
  assert.equal(run.status, 'success', JSON.stringify(run))
  assert.deepEqual(
    run.attempts.map((attempt: Answer['json']) => [attempt.outcome.reason, attempt.memory, attempt.larger]),
    [
      ['out_of_memory', 2048, undefined],
      [undefined, 3072, 'stepped'],
    ],
  )
  const built = await sql('select name from built')
  for (const name of stored) assert.equal(built.filter(each => each === name).length, 1, `${name} once: ${built}`)
  assert.equal(new Set(built).size, 6)
  // The hook on-run-start counts as well, as in every run.
  assert.equal(run.counts.success, 7)
  assert.equal((await cloud.messagesOf(id, 1)).length, 1)
  assert.ok(run.attempts[0].resume.left <= 6 - stored.length, JSON.stringify(run.attempts[0].resume))

  const next = (await cloud.tidemill('run', 'long', '--step', 'dbt build --select first', '--wait')).json.run
  assert.deepEqual([next.attempts[0].memory, next.attempts[0].larger], [3072, 'remembered'])
})

test('tidemill retry: a failed run goes on after the data is mended, and tells each of its ends once', limit, async () => {
  const failed = (await cloud.tidemill('run', 'waiting', '--wait')).json.run
  assert.deepEqual([failed.status, failed.reason], ['error', 'node_failures'])
  const [told = ''] = await cloud.messagesOf(failed.id, 1)
  assert.match(told, new RegExp(`Only the 2 remaining nodes, on the same commit:\\\\n *tidemill retry ${failed.id}`))
  // What is pushed meanwhile is not this run's.
  repository.commit({ 'models/below.sql': 'select broken' }, 'second')

  const before = await sql(FIRST_BUILT)
  const again = await cloud.tidemill('retry', failed.id, '--wait')
  assert.equal(again.code, 1, 'nothing was mended')
  assert.equal(again.json.run.attempts.length, 2)
  await sql('create table delivered as select 5 as value')
  const good = await cloud.tidemill('retry', failed.id, '--wait')
  assert.equal(good.code, 0, JSON.stringify(good.json))
  const { run } = good.json
  assert.deepEqual([run.status, run.attempts.length, run.retries.length, run.commit.sha], ['success', 3, 2, failed.commit.sha])
  assert.deepEqual([run.counts.success, run.counts.error, run.counts.skipped], [4, 0, 0])
  assert.equal((await sql(FIRST_BUILT)).length, before.length, 'what had a success is not built again')
  const messages = await cloud.messagesOf(failed.id, 3)
  assert.equal(messages.length, 3)
  assert.match(messages[2] ?? '', /is good again/)

  const refused = await cloud.tidemill('retry', failed.id)
  assert.equal(refused.code, 2)
  assert.match(JSON.stringify(refused.json), /ended well \(success\)/)
})

test('tidemill retry: a cancelled run goes on', limit, async () => {
  const id = (await cloud.tidemill('run', 'long')).json.run.id
  await logUntil(cloud.cloud, id, log => log.includes('OK created sql table model main.long_a'))
  await cloud.tidemill('cancel', id)
  const cancelled = await recordUntil(cloud.cloud, id, record => record.status === 'cancelled')
  assert.ok(Number(cancelled.attempts[0]?.resume?.left) < 6, JSON.stringify(cancelled.attempts[0]))
  const { json, code } = await cloud.tidemill('retry', id, '--wait')
  assert.equal(code, 0, JSON.stringify(json))
  assert.deepEqual([json.run.status, json.run.cancel], ['success', undefined])
})

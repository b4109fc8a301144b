/**
 * The whole chain, deployed into the emulator as `cdk deploy` does it and driven by the command line as a user would:
 * a run of every ending, each with its record, its artifacts, its log and its message.
 */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { readBook, readRows } from '../../lambda/compactor/book.ts'
import { historyTests } from './history.ts'
import { type Answer, type Installation, makeInstallation } from './installation.ts'
import { messageFaults } from './messages.ts'
import { pageChecks } from './pages.ts'
import { restarts } from './restart.ts'
import { bucketOf } from './table.ts'
import { uiChecks } from './ui.ts'
import { logUntil, recordUntil, runsUntil, until } from './until.ts'

let chain: Installation
before(
  async () => {
    chain = await makeInstallation()
  },
  { timeout: 300_000 },
)
after(() => chain?.close(), { timeout: 60_000 })

const limit = { timeout: 180_000 }
const runOf = (answer: Answer) => answer.json.run
const nodes = (answer: Answer) => runOf(answer).counts

/** What `show` tells of the run when it is as wanted. */
async function showUntil(run: string, wanted: (record: Answer['json']) => boolean): Promise<Answer['json']> {
  await recordUntil(chain.cloud, run, wanted)
  return (await chain.tidemill('show', run)).json.run
}

async function logOf(run: string): Promise<string> {
  return JSON.stringify((await chain.tidemill('logs', run)).json)
}

test('a schedule in its own time zone starts a run without anybody asking', limit, async () => {
  await runsUntil(chain.cloud, 'every_minute', runs => runs.some(run => run.status === 'success'))
  const { runs } = (await chain.tidemill('runs', '--job', 'every_minute')).json
  const run = runs.find((run: Answer['json']) => run.status === 'success')
  assert.equal(run.cause.kind, 'schedule')
  // One claim a minute, at the minute it was scheduled for.
  assert.equal(new Set(runs.map((run: Answer['json']) => run.cause.scheduledFor)).size, runs.length)
  const lag = Date.parse(run.claimedAt) - Date.parse(run.cause.scheduledFor)
  assert.ok(lag >= 0 && lag < 30_000, `claimed ${lag} ms after its time`)
  assert.equal((await chain.tidemill('pause', 'every_minute')).code, 0)
})

test('a good run leaves record, log, artifacts, docs and state, says so once, and starts the job after it', limit, async () => {
  const answer = await chain.tidemill('run', 'good', '--wait')
  assert.equal(answer.code, 0, JSON.stringify(answer))
  const run = runOf(answer)
  assert.equal(run.status, 'success')
  assert.deepEqual(
    run.steps.map((step: Answer['json']) => [step.name, step.status]),
    [
      ['checkout', 'success'],
      // The project has no packages.
      ['deps', 'skipped'],
      ['build', 'success'],
      ['docs', 'success'],
    ],
  )
  // Two models, their three tests.
  assert.deepEqual([run.counts.success, run.counts.fail, run.counts.error], [5, 0, 0])
  assert.equal(run.commit.subject, 'first')

  const folder = join(chain.folder, 'artifacts')
  // The record is written behind the messages.
  for (let tries = 0; tries < 30 && !existsSync(join(folder, 'run.json')); tries++) {
    await chain.tidemill('artifacts', run.id, '--download', folder)
    if (!existsSync(join(folder, 'run.json'))) await sleep(500)
  }
  const results = JSON.parse(readFileSync(join(folder, '1/steps/2-build/run_results.json'), 'utf8'))
  assert.equal(results.results.length, 5)
  assert.equal(JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')).status, 'success')
  assert.ok(existsSync(join(folder, '1/steps/2-build/manifest.json')))
  assert.match(await logOf(run.id), /OK created sql table model main\.doubled/)

  assert.equal((await chain.messagesOf(run.id, 1)).length, 1)
  const { runs } = (await chain.tidemill('runs', '--job', 'after_good')).json
  assert.equal(runs.length, 1)
  assert.deepEqual(runs[0].cause, { kind: 'upstream', run: run.id, job: 'chain/good', status: 'success' })
  assert.equal((await showUntil(runs[0].id, record => record.status === 'success')).status, 'success')
})

test('the index of the history has the runs that ended', limit, async () => {
  const bucket = await bucketOf(chain.cloud)
  const { runs } = (await chain.tidemill('runs', '--job', 'good')).json
  const { index, row } = await until('the newest good run in the index', 30, async () => {
    const { index } = await readBook(bucket)
    const row = index.newest.find(each => each.id === runs[0].id)
    return row && { index, row }
  })
  assert.deepEqual([row.status, row.job, row.counts], ['success', 'good', { success: 5 }])
  const ofJob = await readRows(bucket, index.jobs.find(each => each.job === 'chain/good')?.page)
  assert.deepEqual(
    ofJob.map(each => each.id),
    [row.id],
  )
})

test('the history is written anew when it is asked for, and what there is of it is told', limit, async () => {
  const before = (await chain.tidemill('history')).json
  const answer = await chain.tidemill('history', 'rebuild')
  assert.equal(answer.code, 0, JSON.stringify(answer))
  const { runs, tail, days, left } = answer.json
  assert.ok(runs >= before.runs && tail === runs && days >= 1, JSON.stringify(answer.json))
  assert.deepEqual(left, [])
  const { entries } = (await chain.tidemill('audit')).json
  assert.ok(entries.some((entry: { operation: string }) => entry.operation === 'rebuild'))
})

test(
  'fault 19: a failing model ends the run as node_failures, with the words of the database in the message',
  limit,
  async () => {
    const answer = await chain.tidemill('run', 'failing_model', '--wait')
    assert.equal(answer.code, 1)
    const run = runOf(answer)
    assert.deepEqual([run.status, run.reason], ['error', 'node_failures'])
    assert.deepEqual([nodes(answer).error, nodes(answer).skipped], [1, 1])
    assert.equal(run.failures[0].name, 'broken')
    const messages = await chain.messagesOf(run.id, 1)
    assert.equal(messages.length, 1)
    assert.match(messages[0] ?? '', /Could not convert string 'forty' to INT32/)
    assert.match(messages[0] ?? '', /models\/broken\.sql/)
  },
)

test('fault 20: a failing test ends the run as test_failures, a warning as warn', limit, async () => {
  const failed = await chain.tidemill('run', 'failing_test', '--wait')
  assert.equal(failed.code, 1)
  assert.deepEqual([runOf(failed).status, runOf(failed).reason], ['error', 'test_failures'])
  assert.equal(nodes(failed).fail, 1)
  assert.equal(runOf(failed).failures[0].failures, 1)
  const warned = await chain.tidemill('run', 'warning', '--wait')
  assert.equal(warned.code, 0)
  assert.equal(runOf(warned).status, 'warn')
  assert.equal(nodes(warned).warn, 1)
  assert.equal((await chain.messagesOf(runOf(failed).id, 1)).length, 1)
  assert.equal((await chain.messagesOf(runOf(warned).id, 1)).length, 1)
})

/** Process of a run's task, as the process-backed ECS keeps it. */
function runnerOf(run: string): number {
  const { tasks } = chain.cloud.paths
  const records = readdirSync(tasks)
    .filter(name => name.endsWith('.json'))
    .map(name => JSON.parse(readFileSync(join(tasks, name), 'utf8')))
  const record = records.find(({ request }) => request.startedBy === `${run}/1`)
  assert.ok(record?.process, `no task of ${run}`)
  return record.process.pid
}

/** Starts the slow job and waits until dbt builds the slow model. */
async function startSlow(): Promise<string> {
  const { id } = runOf(await chain.tidemill('run', 'slow'))
  await logUntil(chain.cloud, id, log => log.includes('START sql table model main.slow'))
  return id
}

test('a cancelled run stops dbt, keeps what was built, and tells once', limit, async () => {
  const id = await startSlow()
  assert.equal((await chain.tidemill('cancel', id)).code, 0)
  const run = await showUntil(id, record => record.status === 'cancelled')
  assert.equal(run.reason, 'user_cancelled')
  assert.match(run.cancel.actor, /^local:/)
  assert.equal(run.steps.find((step: Answer['json']) => step.name === 'build').status, 'success')
  assert.equal((await chain.messagesOf(id, 1)).length, 1)
})

test(
  'fault 24: a runner killed with -9 leaves the end of its log, brought from CloudWatch, and the nodes it finished',
  limit,
  async () => {
    const id = await startSlow()
    process.kill(runnerOf(id), 'SIGKILL')
    const run = await showUntil(id, record => record.status === 'error')
    assert.ok(['infrastructure', 'lost', 'out_of_memory'].includes(run.reason), run.reason)
    assert.equal(run.attempts[0].exitCode, 137)
    const log = await logOf(id)
    assert.match(log, /START sql table model main\.slow/)
    assert.match(log, /OK created sql table model main\.numbers/)
    assert.equal(run.counts.success, 3)
    assert.equal((await chain.messagesOf(id, 1)).length, 1)
  },
)

historyTests(() => chain)
messageFaults(() => chain)
uiChecks(() => chain)
pageChecks(() => chain)
restarts(() => chain)

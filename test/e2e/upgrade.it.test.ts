/** A new version is deployed over the one before while runs are open, and people go on working with it. */
import assert from 'node:assert/strict'
import { appendFileSync, cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Answer, type Installation, makeInstallation } from './installation.ts'
import { recordUntil } from './until.ts'
import { makeUpgradeProject, writeVersion } from './upgrade-project.ts'

const dist = join(import.meta.dirname, '../../dist')
let app: Installation
before(
  async () => {
    app = await makeInstallation(makeUpgradeProject, ['upgrade-webhook'], codeOfBefore)
  },
  { timeout: 300_000 },
)
after(() => app?.close(), { timeout: 60_000 })

const limit = { timeout: 420_000 }

/** The same functions as another version of them: CloudFormation replaces the code of each. */
function codeOfBefore(folder: string): string {
  const old = join(folder, 'before', 'dist')
  cpSync(dist, old, { recursive: true })
  for (const name of readdirSync(join(old, 'lambda')))
    appendFileSync(join(old, 'lambda', name, 'index.js'), '\n// the version before\n')
  return old
}

const show = async (run: string) => (await app.tidemill('show', run)).json.run
const until = (run: string, wanted: (record: Answer['json']) => boolean) => recordUntil(app.cloud, run, wanted, 110)
const started = async (...args: string[]): Promise<string> => {
  const answer = await app.tidemill('run', ...args)
  return answer.json.run?.id ?? assert.fail(JSON.stringify(answer))
}
/** Ends the process of a run's task as the kernel would. */
function kill(run: string): void {
  const { tasks } = app.cloud.paths
  const records = readdirSync(tasks).filter(name => name.endsWith('.json'))
  const all = records.map(name => JSON.parse(readFileSync(join(tasks, name), 'utf8')))
  const { process: runner } = all.find(({ request }) => request.startedBy === `${run}/1`) ?? assert.fail(`no task of ${run}`)
  process.kill(runner.pid, 'SIGKILL')
}

test(
  'fault 47: open runs end under what they were claimed with, each told once: new version, job removed, environment renamed',
  limit,
  async () => {
    const staying = await started('staying')
    const leaving = await started('leaving')
    const waiting = await started('leaving', '--step', 'dbt build --select numbers')
    for (const run of [staying, leaving]) await until(run, record => record.status === 'running')
    assert.equal((await show(waiting)).status, 'queued')
    const { config: claimedWith } = await show(waiting)

    writeVersion(app.folder, 'after')
    const deployed = await app.tidemill('deploy')
    assert.equal(deployed.code, 0, deployed.stderr)
    assert.match(deployed.stderr, /3 runs are open; they end under the configuration with which they were claimed/)
    assert.match(
      deployed.stderr,
      /Job upgrade\/leaving is removed: no new run of it starts; 1 waiting run still starts, 1 run under way goes on/,
    )
    assert.match(deployed.stderr, /Environment upgrade\/staging is removed|Environment upgrade\/staging becomes upgrade\/test/)
    assert.deepEqual(
      (await Promise.all([staying, leaving, waiting].map(show))).map(run => run.status),
      ['running', 'running', 'queued'],
    )

    assert.equal((await app.tidemill('cancel', staying)).code, 0)
    kill(leaving)
    assert.equal((await until(staying, run => run.status === 'cancelled')).reason, 'user_cancelled')
    await until(leaving, run => run.status === 'error')
    const last = await until(waiting, run => run.status === 'success')
    assert.equal(last.config, claimedWith)
    for (const run of [staying, leaving, waiting]) assert.equal((await app.messagesOf(run, 1)).length, 1)
    const refused = await app.tidemill('run', 'leaving')
    assert.deepEqual([refused.code, /There is no job "leaving"/.test(refused.json.error.message)], [2, true])
  },
)

test('the configurations are kept with who deployed them, and the difference is said', limit, async () => {
  const { deployments } = (await app.tidemill('config', 'history')).json
  assert.equal(deployments.length, 2)
  for (const { by } of deployments) assert.match(by, /^local:/)
  const { changes } = (await app.tidemill('config', 'diff')).json
  const whole = changes.filter((change: Answer['json']) => change.option === undefined)
  assert.deepEqual(whole, [
    { where: 'environments.upgrade/staging', before: 'removed' },
    { where: 'environments.upgrade/test', after: 'added' },
    { where: 'jobs.upgrade/leaving', before: 'removed' },
  ])
  assert.match((await app.tidemill('config', 'diff', 'current', 'file')).json.changes.length.toString(), /^0$/)
})

test('backfill: a run a slice with its own variable, and the same command again makes none', limit, async () => {
  const words = [
    'backfill',
    'daily',
    '--from',
    '2026-03-28',
    '--to',
    '2026-03-29',
    '--timezone',
    'Europe/Berlin',
    '--var',
    'day={{ start }}',
  ]
  const first = await app.tidemill(...words)
  assert.equal(first.code, 0, JSON.stringify(first))
  assert.deepEqual(
    first.json.runs.map((each: Answer['json']) => [each.slice, each.status]),
    [
      ['2026-03-28', 'success'],
      ['2026-03-29', 'success'],
    ],
  )
  const { runs } = (await app.tidemill('runs', '--job', 'daily')).json
  assert.deepEqual(
    // Both may have been asked for within a second, and then have no order.
    runs.map((run: Answer['json']) => run.overrides.vars.day).sort(),
    ['2026-03-28', '2026-03-29'],
  )
  const again = await app.tidemill(...words)
  assert.deepEqual(
    again.json.runs.map((each: Answer['json']) => each.run),
    first.json.runs.map((each: Answer['json']) => each.run),
  )
})

test('rerun --exact has the commit, the parameters, the configuration and the image of the run', limit, async () => {
  const [before] = (await app.tidemill('runs', '--job', 'daily')).json.runs
  const answer = await app.tidemill('rerun', before.id, '--exact', '--wait')
  assert.equal(answer.code, 0, JSON.stringify(answer))
  const { run } = answer.json
  assert.deepEqual([run.rerunOf, run.commit.sha, run.config], [{ run: before.id, exact: true }, before.commit.sha, before.config])
  assert.deepEqual(run.overrides, { ...before.overrides, commit: before.commit.sha })
  // The price of a run stands on so many requests of the runner beside its parts, docs and caches (shared/machinery-cost.ts).
  const { files } = (await app.tidemill('artifacts', run.id)).json
  const stored = files.filter((file: Answer['json']) => !/\/parts\//.test(file.name)).length
  assert.ok(stored > 2 && stored <= 17, `${stored} objects beside the parts`)
  assert.match(run.attempts[0].imageDigest, /^sha256:[0-9a-f]{64}$/)
  assert.equal(run.attempts[0].imageDigest, before.attempts[0].imageDigest)
})

test(
  'a paused environment is in status, with who and since when; the trail has every operation, also the refused',
  limit,
  async () => {
    assert.equal((await app.tidemill('pause', '--environment', 'prod')).code, 0)
    assert.equal((await app.tidemill('run', 'daily')).code, 3)
    const status = await app.tidemill('status')
    const daily = status.json.jobs.find((job: Answer['json']) => job.job === 'upgrade/daily')
    assert.deepEqual([daily.state, daily.paused.by], ['paused', 'environment'])
    assert.match(daily.paused.actor, /^local:/)
    const next = await app.tidemill('next', '--deployed')
    assert.equal(next.json.paused.length, 2)
    assert.equal((await app.tidemill('resume', '--environment', 'prod')).code, 0)
    const { entries } = (await app.tidemill('audit')).json
    assert.ok(entries.every((entry: Answer['json']) => /^local:/.test(entry.actor)))
    assert.deepEqual(
      entries.slice(0, 4).map((entry: Answer['json']) => [entry.operation, entry.ok]),
      [
        ['resume', true],
        ['run', false],
        ['pause', true],
        ['rerun', true],
      ],
    )
  },
)

/** Faults of starting, ending and time, injected into one installation that is deployed into the emulator. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { PK } from '../../shared/contract.ts'
import { taskFamily } from '../../shared/resource-names.ts'
import { type Answer, type Installation, makeInstallation } from './installation.ts'
import { DUCKDB, duckdbEnvironment, makeDbtRepository, writeInstallation } from './project-files.ts'
import { type Backstage, makeBackstage } from './table.ts'
import { recordUntil, until } from './until.ts'

const HOURLY = { every: '1h' }
const JOBS = {
  plain: { schedule: HOURLY },
  skipping: { overlap: 'skip' },
  refused: {},
  lost: { retry: { attempts: 1, on: [] } },
  found: {},
  told: {},
  silent: { schedule: HOURLY, start_within: '1m' },
}

function makeProject(folder: string, webhook: string): void {
  writeInstallation(folder, {
    name: 'faults',
    secrets: { 'faults-webhook': webhook },
    project: { repository: makeDbtRepository(folder, 'faults', { 'models/one.sql': 'select 1 as id' }).url },
    // In memory: several runs at the same moment do not get into each other's way.
    outputs: { prod: { ...DUCKDB, path: ':memory:' } },
    environments: {
      prod: duckdbEnvironment(folder, { size: { cpu: 1, memory: '2 GB', spot: true }, max_running: 4 }),
    },
    jobs: JOBS,
    everyJob: {
      notify: { slack: '#faults', on: ['success', 'warn', 'error', 'cancelled', 'missed'] },
      steps: ['dbt run'],
      deps: false,
    },
    notifications: { slack: { secret: 'faults-webhook' } },
  })
}

let it: Installation
let behind: Backstage
const family = taskFamily('faults', 'faults', 'prod')
before(
  async () => {
    it = await makeInstallation(makeProject, ['faults-webhook'])
    behind = await makeBackstage(it.cloud, 'faults')
  },
  { timeout: 300_000 },
)
after(() => it?.close(), { timeout: 60_000 })
const limit = { timeout: 180_000 }

const recordOf = (run: string, wanted: (record: Answer['json']) => unknown): Promise<Answer['json']> =>
  recordUntil(it.cloud, run, wanted)
const isOver = (record: Answer['json']) => !['queued', 'starting', 'running'].includes(record.status)
const claimed = async (job: string) => (await it.tidemill('run', job)).json.run.id as string

test('fault 01: the same scheduled time twice at the same moment: one run, one task, one message', limit, async () => {
  const scheduledFor = new Date(Math.floor(Date.now() / 60_000) * 60_000).toISOString()
  const input = { kind: 'schedule', job: 'faults/plain', schedule: 'default', scheduledFor }
  const answers = (await Promise.all([1, 2, 3].map(() => behind.call('launcher', input)))) as { run: string; existed: boolean }[]
  assert.equal(new Set(answers.map(answer => answer.run)).size, 1)
  assert.equal(answers.filter(answer => !answer.existed).length, 1)
  const run = await recordOf(answers[0]?.run ?? '', isOver)
  assert.equal(run.status, 'success', JSON.stringify(run))
  assert.equal((await behind.tasksOf(run.id)).length, 1)
  assert.equal((await it.messagesOf(run.id, 1)).length, 1)
})

test('fault 03: no Spot capacity: on-demand after a back-off, with the words of ECS in the record', limit, async () => {
  const refused = await behind.arm({ fault: { kind: 'capacity' }, match: { family } })
  const run = await recordOf(await claimed('refused'), isOver)
  assert.deepEqual([run.status, run.attempts.length, run.attempts[0].capacity], ['success', 1, 'FARGATE'])
  assert.match(run.lastLaunchError, /apacity/)
  assert.equal(await refused(), 1)
})

test('fault 31: events that come five times, RUNNING after STOPPED: one end, one message', limit, async () => {
  const repeated = await behind.arm({ fault: { kind: 'duplicate-events', times: 5 }, match: { family } })
  const reordered = await behind.arm({ fault: { kind: 'reorder-events' }, match: { family } })
  const run = await recordOf(await claimed('told'), isOver)
  assert.deepEqual([run.status, run.attempts.length], ['success', 1])
  assert.equal((await it.messagesOf(run.id, 1)).length, 1)
  assert.deepEqual([(await repeated()) > 0, (await reordered()) > 0], [true, true])
  assert.equal((await recordOf(run.id, isOver)).status, 'success')
})

test('fault 07: the task was started and never noted: the sweeper finds it, and there is no second one', limit, async () => {
  await behind.arm({ fault: { kind: 'drop-events' }, match: { family } })
  const id = await claimed('found')
  await recordOf(id, record => record.attempts[0]?.taskArn)
  const { attempts } = (await behind.item(PK.run(id))) as { attempts: Record<string, unknown>[] }
  const { taskArn, ...attempt } = attempts[0] ?? {}
  await behind.change(PK.run(id), { attempts: [{ ...attempt, dispatchedAt: new Date(Date.now() - 600_000).toISOString() }] })
  await behind.call('sweeper', {})
  const run = await recordOf(id, record => record.attempts[0]?.taskArn)
  assert.equal(run.attempts[0].taskArn, taskArn)
  assert.equal((await behind.tasksOf(id)).length, 1)
})

test('fault 11: two runs of a job at the same moment: one runs, the other is skipped', limit, async () => {
  const answers = await Promise.all([it.tidemill('run', 'skipping', '--wait'), it.tidemill('run', 'skipping', '--wait')])
  const runs = answers.map(answer => answer.json.run)
  assert.deepEqual(runs.map(run => run.status).sort(), ['skipped', 'success'], JSON.stringify(runs))
  assert.equal(runs.find(run => run.status === 'skipped').reason, 'overlap')
  assert.equal((await Promise.all(runs.map(run => behind.tasksOf(run.id)))).flat().length, 1)
})

test('fault 33: ECS has forgotten the task and no event ever came: lost, told once, its places free', limit, async () => {
  const forgotten = await behind.arm({ fault: { kind: 'forget' }, match: { family } })
  const id = await claimed('lost')
  await until('the task is forgotten', 30, async () => (await forgotten()) > 0)
  assert.equal(await forgotten(), 1)
  await sleep(500)
  const { attempts } = (await behind.item(PK.run(id))) as { attempts: Record<string, unknown>[] }
  assert.ok(attempts[0]?.taskArn && !attempts[0].outcome, 'nobody has ended it')
  await behind.change(PK.run(id), { attempts: [{ ...attempts[0], dispatchedAt: new Date(Date.now() - 600_000).toISOString() }] })
  await Promise.all([behind.call('sweeper', {}), behind.call('sweeper', {})])
  const run = await recordOf(id, isOver)
  assert.deepEqual([run.status, run.reason], ['error', 'lost'])
  assert.equal((await it.messagesOf(id, 1)).length, 1)
  const { running } = await behind.item(PK.job('faults/lost'))
  assert.equal(running, undefined)
})

test(
  'fault 35: the finisher died after the end and before what follows it: the sweeper does all of it, once',
  limit,
  async () => {
    const [first] = await behind.scan('MSG#')
    assert.ok(first)
    const id = String(first.runId)
    const told = (await it.messagesOf(id, 1)).length
    const effects = new Set(['history', 'docs', 'state', 'downstream', 'dispatch', 'messages'])
    const index = { openKey: 'OPEN#0', openSort: `END#${id}`, endedAt: new Date(Date.now() - 600_000).toISOString() }
    await behind.change(PK.run(id), { effects, ...index })
    await Promise.all([behind.call('sweeper', {}), behind.call('sweeper', {})])
    const item = await behind.item(PK.run(id))
    assert.deepEqual([item.effects, item.openKey], [undefined, undefined])
    assert.equal((await it.messagesOf(id, told)).length, told, 'nothing is told twice')
  },
)

test('fault 43: scheduled runs that never appeared: one record and one message, with how many', limit, async () => {
  const ago = (hours: number) => new Date(Date.now() - hours * 3600_000).toISOString()
  // As if the sweeper had last looked three hours ago, and everything had been deployed long before.
  await behind.call('sweeper', {})
  for (const deployment of await behind.scan('DEPLOYMENT#')) await behind.change(String(deployment.pk), { since: ago(9) })
  const { configs } = (await behind.item(PK.sweep)) as { configs?: object[] }
  const since = configs?.map(each => ({ ...each, since: ago(9) }))
  await behind.change(PK.sweep, { checkedUntil: ago(3), ...(since && { configs: since }) })
  await Promise.all([behind.call('sweeper', {}), behind.call('sweeper', {})])
  const { runs } = (await it.tidemill('runs', '--job', 'silent')).json
  // Beside the one of its schedule, if an hour has just begun.
  const missed = runs.filter((run: Answer['json']) => run.status === 'skipped')
  assert.deepEqual(
    missed.map((run: Answer['json']) => run.reason),
    ['missed'],
  )
  assert.match(missed[0].message, /1 earlier time was|2 earlier times were/)
  assert.equal((await it.messagesOf(missed[0].id, 1)).length, 1)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from '../../lambda/common/launch.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import type { ScheduleConfig } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { at, configOf, hashOf, jobOf } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const outcomeOf = (run: RunRecord) => [run.status, run.reason].filter(Boolean).join('/')
const told = (cloud: FakeCloud) => cloud.message().map(message => message.kind)
/** Sweeps every 5 minutes for so long. */
async function sweepFor(cloud: FakeCloud, minutes: number): Promise<void> {
  for (let passed = 0; passed < minutes; passed += 5) {
    await sweep(cloud.deps)
    cloud.advance(300)
  }
}
const hourly: ScheduleConfig = {
  name: 'default',
  cron: '30 * * * *',
  expressions: ['cron(30 * * * ? *)'],
  timezone: 'UTC',
  enabled: true,
}
const causeAt = (time: string) => `schedule shop/nightly/default@${time}`

test(
  'fault 43: a scheduled run that never appeared is missed, told once, within 15 minutes of start_within',
  options,
  async () => {
    const cloud = makeCloud(configOf([jobOf({ schedules: [hourly] })]))
    await sweepFor(cloud, 60)
    assert.deepEqual(told(cloud), [])
    // Due at 02:30, start_within 30 min: by 03:15 it has to be told.
    await sweepFor(cloud, 15)
    assert.deepEqual(told(cloud), ['missed'])
    const [message] = cloud.message()
    const run = await cloud.run(message?.runId ?? '')
    assert.deepEqual([outcomeOf(run), run.causeString], ['skipped/missed', causeAt('2026-11-22T02:30Z')])
    assert.match(run.message ?? '', /02:30 UTC/)
    const late = await launch(cloud.deps, {
      kind: 'schedule',
      job: 'shop/nightly',
      schedule: 'default',
      scheduledFor: '2026-11-22T02:30:00Z',
    })
    assert.deepEqual([late.existed, late.run], [true, run.id])
  },
)

test('fault 43: runs that appeared, paused jobs, disabled and new schedules are not missed', options, async () => {
  const cloud = makeCloud(
    configOf([jobOf({ schedules: [hourly] }), jobOf({ name: 'off', schedules: [{ ...hourly, enabled: false }] })]),
  )
  await sweepFor(cloud, 20)
  await cloud.store.pause('shop/nightly', { at: at(0), actor: 'local:ana' })
  await launch(cloud.deps, { kind: 'schedule', job: 'shop/nightly', schedule: 'default', scheduledFor: '2026-11-22T02:30:00Z' })
  await sweepFor(cloud, 60)
  assert.deepEqual(told(cloud), [])
  // Deployed after the firing: the first look is at 02:00:10, its 02:00 is not asked for.
  const fresh = makeCloud(configOf([jobOf()]))
  await sweepFor(fresh, 120)
  assert.deepEqual(told(fresh), [])
})

test('fault 47: a schedule that a deployment changed is not missed for its old time', options, async () => {
  const cloud = makeCloud(configOf([jobOf({ schedules: [hourly] })]))
  await sweepFor(cloud, 40)
  const changed = configOf([jobOf({ schedules: [{ ...hourly, cron: '32 * * * *', expressions: ['cron(32 * * * ? *)'] }] })])
  cloud.put(KEY.config(hashOf(changed)), changed)
  cloud.deps.configs = { ...cloud.deps.configs, current: hashOf(changed) }
  await sweepFor(cloud, 40)
  assert.deepEqual(told(cloud), [])
  await sweepFor(cloud, 60)
  assert.deepEqual(told(cloud), ['missed'])
})

test('fault 43: a sweeper that was away tells of the newest missed time and counts the others', options, async () => {
  const cloud = makeCloud(configOf([jobOf({ schedules: [hourly] })]))
  await sweep(cloud.deps)
  cloud.advance(5 * 3600)
  await sweep(cloud.deps)
  assert.deepEqual(told(cloud), ['missed'])
  const [message] = cloud.message()
  const run = await cloud.run(message?.runId ?? '')
  assert.match(run.message ?? '', /3 earlier times were missed too/)
  assert.equal(run.causeString, causeAt('2026-11-22T05:30Z'))
})

test(
  'fault 43: the times missed before the first turn of the sweeper are told if the schedule was deployed long before them',
  options,
  async () => {
    // Deployed at 02:00; CloudFormation may be making schedules until 02:30. The first turn is at 05:10.
    for (const [cron, expected] of [
      ['29', 2],
      ['31', 3],
    ] as const) {
      const cloud = makeCloud(
        configOf([jobOf({ schedules: [{ ...hourly, cron: `${cron} * * * *`, expressions: [`cron(${cron} * * * ? *)`] }] })]),
      )
      await cloud.store.putDeployment({ id: `${at(0)}-request`, hash: cloud.config, at: at(0), by: 'ana' })
      cloud.advance(190 * 60)
      await sweepFor(cloud, 15)
      assert.deepEqual(told(cloud), ['missed'])
      const run = await cloud.run(cloud.message()[0]?.runId ?? '')
      assert.equal(run.causeString, causeAt(`2026-11-22T04:${cron}Z`))
      assert.match(run.message ?? '', expected === 3 ? /2 earlier times were missed too/ : /1 earlier time was missed too/)
    }
  },
)

test('fault 44: a local time that comes twice is missed only if neither came', options, async () => {
  const berlin: ScheduleConfig = {
    name: 'default',
    cron: '30 2 * * *',
    expressions: ['cron(30 2 * * ? *)'],
    timezone: 'Europe/Berlin',
    enabled: true,
  }
  for (const [delivered, expected] of [
    ['2026-10-25T00:30:00Z', []],
    ['2026-10-25T01:30:00Z', []],
    [undefined, ['missed']],
  ] as const) {
    const cloud = makeCloud(configOf([jobOf({ schedules: [berlin] })]))
    cloud.advance((Date.parse('2026-10-24T22:00:00Z') - Date.parse(at(0))) / 1000)
    await sweepFor(cloud, 151)
    if (delivered)
      await launch(cloud.deps, { kind: 'schedule', job: 'shop/nightly', schedule: 'default', scheduledFor: delivered })
    await sweepFor(cloud, 180)
    assert.deepEqual(
      told(cloud)
        .filter(kind => kind === 'missed')
        .slice(0, 1),
      delivered ? [] : expected,
    )
  }
})

test(
  'fault 43: what a broken schedule leaves out while its job or environment is paused is not missed; what it left out before is',
  options,
  async () => {
    for (const pause of ['job', 'environment'] as const) {
      const cloud = makeCloud(configOf([jobOf({ schedules: [hourly] })]))
      await sweepFor(cloud, 40)
      const by = { at: cloud.deps.now().toISOString(), actor: 'local:ana' }
      if (pause === 'job') await cloud.store.pause('shop/nightly', by)
      else await cloud.store.pauseEnvironment('shop/prod', by)
      await sweepFor(cloud, 180)
      assert.deepEqual(told(cloud), ['missed'])
      assert.equal((await cloud.run(cloud.message()[0]?.runId ?? '')).causeString, causeAt('2026-11-22T02:30Z'))
    }
  },
)

test(
  'fault 43: a sweeper that dies after its claim, and one at the same moment, tell of the missed times once',
  options,
  async () => {
    const cloud = makeCloud(configOf([jobOf({ schedules: [hourly] })]))
    await sweep(cloud.deps)
    cloud.advance(5 * 3600)
    const { write } = cloud.deps.store.sweep
    cloud.deps.store.sweep.write = async () => {
      throw new Error('dead')
    }
    await assert.rejects(sweep(cloud.deps))
    cloud.deps.store.sweep.write = write
    await Promise.all([sweep(cloud.deps), sweep(cloud.deps)])
    assert.deepEqual(told(cloud), ['missed'])
  },
)

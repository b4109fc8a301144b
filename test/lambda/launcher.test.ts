import assert from 'node:assert/strict'
import { test } from 'node:test'
import { launch } from '../../lambda/common/launch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { UserError } from '../../shared/errors.ts'
import { makeCloud } from '../fakes/cloud.ts'

const options = { timeout: 10_000 }
const firing = (scheduledFor = '2026-11-22T02:00:00Z') => ({
  kind: 'schedule',
  job: 'shop/nightly',
  schedule: 'default',
  scheduledFor,
})

test('a schedule makes a waiting run and pokes the dispatcher with it', options, async () => {
  const cloud = makeCloud()
  const answer = await launch(cloud.deps, firing())
  const run = await cloud.run(answer.run)
  assert.deepEqual([run.status, run.config, run.startBy], ['queued', cloud.config, '2026-11-22T02:30:00.000Z'])
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: { runs: [run.id] } }])
})

test(
  'fault 01: the same scheduled time twice, also at the same moment, is one run; the second call answers with the first',
  options,
  async () => {
    const cloud = makeCloud()
    const answers = await Promise.all(Array.from({ length: 20 }, () => launch(cloud.deps, firing())))
    assert.equal(new Set(answers.map(answer => answer.run)).size, 1)
    assert.equal(answers.filter(answer => !answer.existed).length, 1)
    // Seconds of a delivery are no other firing.
    assert.equal((await launch(cloud.deps, firing('2026-11-22T02:00:41Z'))).existed, true)
    assert.equal((await launch(cloud.deps, firing('2026-11-22T02:01:00Z'))).existed, false)
  },
)

test('fault 02: a delivery hours late is skipped as expired, and people are told', options, async () => {
  const cloud = makeCloud()
  cloud.advance(4 * 3600)
  const answer = await launch(cloud.deps, firing())
  const run = await cloud.run(answer.run)
  assert.deepEqual([run.status, run.reason, run.attempts.length], ['skipped', 'expired', 0])
  assert.match(run.message ?? '', /240 min later/)
  assert.deepEqual(cloud.calls, [{ to: 'finish', payload: { effects: [run.id] } }])
  await finish(cloud.deps, cloud.calls[0]?.payload)
  assert.deepEqual(
    cloud.message().map(message => [message.runId, message.kind, message.target]),
    [[run.id, 'missed', '#data']],
  )
})

test('fault 13: a run of a paused job is skipped with who paused it', options, async () => {
  const cloud = makeCloud()
  await cloud.store.pause('shop/nightly', { at: '2026-11-20T10:00:00.000Z', actor: 'local:ana' })
  const answer = await launch(cloud.deps, firing())
  assert.deepEqual([answer.status, answer.reason], ['skipped', 'paused'])
  assert.match((await cloud.run(answer.run)).message ?? '', /local:ana/)
})

test('what is no input of a schedule is refused by name', options, async () => {
  const cloud = makeCloud()
  for (const input of [undefined, {}, { ...firing(), scheduledFor: 'soon' }, { ...firing(), job: 'shop/gone' }])
    await assert.rejects(launch(cloud.deps, input), UserError)
  assert.deepEqual(cloud.calls, [])
})

test('fault 01: a launcher that died before the poke is repeated, and pokes', options, async () => {
  const cloud = makeCloud()
  cloud.crashAfter(1)
  await assert.rejects(launch(cloud.deps, firing()), /dead before write 2/)
  cloud.crashAfter(undefined)
  const answer = await launch(cloud.deps, firing())
  assert.equal(answer.existed, true)
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: { runs: [answer.run] } }])
})

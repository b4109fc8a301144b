import assert from 'node:assert/strict'
import { test } from 'node:test'
import { findLate } from '../../lambda/sweeper/late.ts'
import { lateAfterSeconds, usualOf } from '../../shared/usual.ts'
import { makeCloud } from '../fakes/cloud.ts'
import { at, attemptOf, configOf, jobOf, requested, runOf } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const telling = jobOf({ notify: [{ channel: 'slack', target: '#data', on: ['error', 'late'] }] })

/** Five good runs of about 10 minutes, and one that has been running for so long. */
function world(seconds: number, job = telling) {
  const cloud = makeCloud(configOf([job]))
  for (let number = 1; number <= 5; number++)
    cloud.store.plant(
      runOf(number, {
        status: 'success',
        startedAt: at(-86_400 * number),
        endedAt: at(-86_400 * number + 540 + 60 * number),
        cause: requested(`${number}`),
        causeString: `request ${number}`,
        config: cloud.config,
      }),
    )
  cloud.store.plant(
    runOf(9, {
      status: 'running',
      startedAt: at(-seconds),
      attempts: [attemptOf(1, { startedAt: at(-seconds) })],
      config: cloud.config,
    }),
  )
  return cloud
}

test('a run that takes longer than any before and half as long again is told once, with the numbers', options, async () => {
  const cloud = world(1200)
  for (let turn = 0; turn < 3; turn++) await findLate(cloud.deps, cloud.store.open, () => true)
  const messages = cloud.message()
  assert.deepEqual(
    messages.map(({ kind, channel, target, late }) => ({ kind, channel, target, late })),
    [{ kind: 'late', channel: 'slack', target: '#data', late: { seconds: 1200, usual: 720, longest: 840 } }],
  )
  assert.ok((await cloud.run(messages[0]?.runId ?? '')).lateAt)
})

test(
  'a run that is a little slower is not told, nor one whose job does not ask for it or whose steps somebody changed',
  options,
  async () => {
    const none = async (cloud: ReturnType<typeof world>) => {
      await findLate(cloud.deps, cloud.store.open, () => true)
      assert.deepEqual(cloud.message(), [])
    }
    await none(world(1080))
    await none(world(9000, jobOf()))
    const changed = world(9000)
    const [run] = await changed.store.runs([runOf(9).id])
    if (run) changed.store.plant({ ...run, overrides: { steps: ['dbt build --full-refresh'] } })
    await none(changed)
  },
)

test('what is late: longer than the longest, half as long again, and five minutes more; three good runs are needed to know', () => {
  assert.equal(lateAfterSeconds({ usual: 60, longest: 70 }), 360)
  assert.equal(lateAfterSeconds({ usual: 3600, longest: 4000 }), 5400)
  assert.equal(lateAfterSeconds({ usual: 3600, longest: 9000 }), 9000)
  const good = runOf(1, { status: 'success', startedAt: at(0), endedAt: at(60) })
  assert.equal(usualOf([good, good]), undefined)
  assert.equal(usualOf([good, good, runOf(2, { status: 'error', startedAt: at(0), endedAt: at(1) })]), undefined)
})

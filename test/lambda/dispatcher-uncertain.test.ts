import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeClients } from '../../lambda/common/clients.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { runId } from '../fakes/records.ts'
import { request, withRuns } from './dispatcher-fixture.ts'

const lost = { kind: 'unknown', words: 'TimeoutError' } as const
const busy = { kind: 'busy', words: 'InvalidParameterException: Rate exceeded' } as const
const refused = { kind: 'refused', words: 'AccessDeniedException' } as const

for (const [what, after] of [
  ['throttled', busy],
  ['refused', refused],
] as const) {
  test(`fault 05: the answer of RunTask is lost and the next call is ${what}: the run keeps its places, no other takes them`, async () => {
    const cloud = await withRuns([request(1), request(2)])
    cloud.ecs.answers.push(start => {
      start()
      return lost
    }, after)
    await dispatch(cloud.deps, { runs: [runId(1)] })
    assert.equal((await cloud.run(runId(1))).status, 'starting')
    assert.deepEqual((await cloud.store.job('shop/nightly')).running, [runId(1)])
    assert.equal((await cloud.run(runId(2))).status, 'queued')
    assert.equal(cloud.ecs.tasks.size, 1)
    await dispatch(cloud.deps, { repair: [runId(1)] })
    assert.equal((await cloud.run(runId(1))).attempts[0]?.taskArn, [...cloud.ecs.tasks.values()][0]?.taskArn)
  })

  test(`fault 07: the dispatcher died after RunTask and the repeated call is ${what}: the run keeps its places`, async () => {
    const cloud = await withRuns([request(1)])
    cloud.ecs.answers.push(lost, lost, lost)
    await dispatch(cloud.deps, {})
    cloud.ecs.answers.push(after)
    await dispatch(cloud.deps, { repair: [runId(1)] })
    const run = await cloud.run(runId(1))
    assert.deepEqual([run.status, run.attempts.length], ['starting', 1])
    assert.deepEqual((await cloud.store.job('shop/nightly')).running, [runId(1)])
  })
}

test('fault 04: the client of RunTask repeats no call by itself: a refusal says that no task was made', async () => {
  assert.equal(await makeClients.ecsOnce().config.maxAttempts(), 1)
})

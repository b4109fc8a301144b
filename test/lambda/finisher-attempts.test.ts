import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finish } from '../../lambda/finisher/finish.ts'
import { KEY } from '../../shared/contract.ts'
import { reasonRow } from '../../shared/reasons.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { ID, messages, outcomeOf, report, result, started, startNext } from './finisher-fixture.ts'

const options = { timeout: 10_000 }
/** A run whose task was started by the dispatcher. */
const retry = { retry: { attempts: 2, on: ['infrastructure', 'memory'] } } as const
test(
  'fault 22: a lost Spot task gets another attempt on-demand, with its places kept; the message waits for the last',
  options,
  async () => {
    const { cloud, task } = await started({ ...retry, retry: { attempts: 2, on: ['infrastructure'] } })
    await finish(
      cloud.deps,
      taskEvent(task, stopOf(143, { stopCode: 'SpotInterruption', stoppedReason: 'Your Spot Task was interrupted.' })),
    )
    const waiting = await cloud.run(ID)
    assert.deepEqual(
      [waiting.status, waiting.attempts.length, waiting.attempts[0]?.outcome?.reason],
      ['queued', 1, 'spot_interrupted'],
    )
    assert.deepEqual((await cloud.store.job('shop/nightly')).running, [ID])
    assert.deepEqual(messages(cloud), [])
    await finish(cloud.deps, taskEvent(task, stopOf(143, { stopCode: 'SpotInterruption' })))
    assert.equal((await cloud.run(ID)).attempts.length, 1)
    const next = await startNext(cloud)
    assert.equal(next.startedBy, `${ID}/2`)
    await finish(cloud.deps, taskEvent(task, stopOf(143)))
    assert.equal((await cloud.run(ID)).status, 'starting')
    report(cloud, result({ attempt: 2 }))
    await finish(cloud.deps, taskEvent(next, stopOf(0)))
    assert.equal(outcomeOf(await cloud.run(ID)), 'success')
    assert.equal((cloud.json(KEY.statePointer('shop', 'prod')) as { run: string }).run, ID)
  },
)

test(
  'fault 08: a pull that failed for a moment is tried twice more, whatever the job says, then told once',
  options,
  async () => {
    const { cloud, task } = await started()
    const words = 'CannotPullContainerError: pull image manifest has been retried 5 time(s): dial tcp 1.2.3.4:443: i/o timeout'
    const failedStart = { lastStatus: 'STOPPED', stopCode: 'TaskFailedToStart', stoppedReason: words, version: 4, containers: [] }
    await finish(cloud.deps, taskEvent(task, failedStart))
    await finish(cloud.deps, taskEvent(await startNext(cloud), failedStart))
    assert.deepEqual(messages(cloud), [])
    await finish(cloud.deps, taskEvent(await startNext(cloud), failedStart))
    const run = await cloud.run(ID)
    assert.deepEqual([outcomeOf(run), run.attempts.length], ['error/start_network', 3])
    assert.deepEqual(messages(cloud), ['error slack #data'])
  },
)

test('fault 09: an image that is not there is not tried again; the end names it', options, async () => {
  const { cloud, task } = await started({ retry: { attempts: 3, on: ['infrastructure', 'transient'] } })
  const image = '123456789012.dkr.ecr.eu-central-1.amazonaws.com/tidemill:core-1.11'
  const stoppedReason = `CannotPullContainerError: failed to resolve ref "${image}": not found`
  const failedStart = { lastStatus: 'STOPPED', stopCode: 'TaskFailedToStart', stoppedReason, version: 4, containers: [] }
  await finish(cloud.deps, taskEvent(task, failedStart))
  const run = await cloud.run(ID)
  assert.deepEqual([outcomeOf(run), run.attempts.length], ['error/start_image', 1])
  assert.ok(run.message?.includes(image), run.message)
  assert.match(reasonRow('start_image').next, /image exists.*tidemill deploy/)
  assert.deepEqual(messages(cloud), ['error slack #data'])
})

test('cancelled while the end was judged: no other attempt, it ends as cancelled', options, async () => {
  const { cloud, task } = await started({ retry: { attempts: 3, on: ['infrastructure'] } })
  const original = cloud.deps.store.nextAttempt
  cloud.deps.store.nextAttempt = async (...args) => {
    await cloud.store.askCancel(ID, { at: '2026-11-22T02:03:00.000Z', actor: 'local:ana' })
    return original(...args)
  }
  await finish(cloud.deps, taskEvent(task, stopOf(143, { stopCode: 'SpotInterruption' })))
  assert.equal(outcomeOf(await cloud.run(ID)), 'cancelled/user_cancelled')
})

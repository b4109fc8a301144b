import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MessageItem } from '../../lambda/common/message-item.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { composeMessage } from '../../lambda/notifier/compose.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { KEY } from '../../shared/contract.ts'
import { renderText } from '../../shared/message-text.ts'
import { NO_NODES, type RunRecord } from '../../shared/run.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { runId } from '../fakes/records.ts'
import { ID, messages, outcomeOf, report, result, started } from './finisher-fixture.ts'

const options = { timeout: 10_000 }
const failed = { outcome: 'error', reason: 'node_failures', message: '2 of 9 models failed' } as const

test('a good run: record, docs, state, and nobody is told', options, async () => {
  const { cloud, task } = await started()
  await finish(cloud.deps, taskEvent(task, { lastStatus: 'RUNNING', version: 3, startedAt: '2026-11-22T02:01:00.000Z' }))
  assert.equal((await cloud.run(ID)).status, 'running')
  report(cloud, result())
  await finish(cloud.deps, taskEvent(task, stopOf(0)))
  const run = await cloud.run(ID)
  assert.deepEqual([outcomeOf(run), run.counts?.success, run.commit?.author, run.effects], ['success', 9, 'Ana', undefined])
  assert.deepEqual([run.startedAt, run.attempts[0]?.exitCode, run.attempts[0]?.eventVersion], ['2026-11-22T02:01:00.000Z', 0, 9])
  assert.deepEqual((await cloud.store.job('shop/nightly')).running, [])
  assert.deepEqual(cloud.store.environmentRuns('shop/prod'), [])
  const record = cloud.json(KEY.record(run)) as RunRecord
  assert.deepEqual([record.status, record.id], ['success', ID])
  assert.deepEqual([run.docsAttempt, (cloud.json(KEY.docsPointer('shop', 'prod')) as { run: string }).run], [1, ID])
  const state = cloud.json(KEY.statePointer('shop', 'prod')) as { run: string; files: string[] }
  assert.deepEqual([state.run, state.files], [ID, ['manifest.json', 'run_results.json']])
  assert.deepEqual(cloud.json(`${KEY.stateRun('shop', 'prod', ID)}manifest.json`), { made: 1 })
  assert.deepEqual(messages(cloud), [])
  assert.deepEqual(cloud.calls, [{ to: 'dispatch', payload: {} }])
})

test('a failed run tells who asked for it, once, and publishes no state', options, async () => {
  const { cloud, task } = await started({
    notify: [
      { channel: 'slack', target: '#data', on: ['error'] },
      { channel: 'email', target: '', on: ['success', 'error'] },
      { channel: 'slack', target: '#other', on: ['success'] },
    ],
  })
  report(
    cloud,
    result({ ...failed, failures: [{ uniqueId: 'model.shop.a', name: 'a', resourceType: 'model', status: 'error' }] }),
  )
  await finish(cloud.deps, taskEvent(task, stopOf(1)))
  const run = await cloud.run(ID)
  assert.deepEqual([outcomeOf(run), run.message, run.failures?.length], ['error/node_failures', '2 of 9 models failed', 1])
  assert.deepEqual(messages(cloud), ['error slack #data', 'error email '])
  const { failures, since, first } = cloud.message()[0]?.streak ?? {}
  assert.deepEqual({ failures, since, first }, { failures: 1, since: run.endedAt, first: true })
  assert.deepEqual(cloud.calls.find(call => call.to === 'notify')?.payload, {
    messages: cloud.message().map(message => message.pk),
  })
  assert.equal(cloud.json(KEY.statePointer('shop', 'prod')), undefined)
})

test('fault 41: of 500 failing nodes the record names the first twenty and counts all, in one message', options, async () => {
  const { cloud, task } = await started()
  const nodes = Array.from({ length: 500 }, (_, i) => ({ uniqueId: `model.shop.m${i}`, name: `m${i}` }))
  const failures = nodes.map(node => ({ ...node, resourceType: 'model', status: 'error' as const, message: 'm'.repeat(100) }))
  report(cloud, result({ ...failed, failures, counts: { ...NO_NODES, error: 500, success: 20 } }))
  await finish(cloud.deps, taskEvent(task, stopOf(1)))
  const { counts, failures: kept } = await cloud.run(ID)
  assert.deepEqual([counts?.error, kept?.length, kept?.at(-1)?.name], [500, 20, 'm19'])
  assert.deepEqual(messages(cloud), ['error slack #data'])
  const deps = { ...cloud.deps, runsBefore: async () => [], consoleUrl: undefined }
  const text = renderText(await composeMessage(deps, cloud.message()[0] as MessageItem))
  assert.match(text, /^\+ 495 more$/m)
})

test('fault 31: STOPPED ten times, also at the same moment: one end, one message', options, async () => {
  const { cloud, task } = await started()
  report(cloud, result(failed))
  await Promise.all(Array.from({ length: 10 }, () => finish(cloud.deps, taskEvent(task, stopOf(1)))))
  for (let i = 0; i < 3; i++) await finish(cloud.deps, taskEvent(task, stopOf(1)))
  assert.equal(cloud.lines.filter(line => line.includes('"run ended"')).length, 1)
  assert.deepEqual(messages(cloud), ['error slack #data'])
  assert.equal((await cloud.store.job('shop/nightly')).streak?.failures, 1)
})

test('fault 32: RUNNING after STOPPED changes nothing', options, async () => {
  const { cloud, task } = await started()
  report(cloud, result())
  await finish(cloud.deps, taskEvent(task, stopOf(0)))
  const before = await cloud.run(ID)
  await finish(cloud.deps, taskEvent(task, { lastStatus: 'RUNNING', version: 3 }))
  assert.deepEqual(await cloud.run(ID), before)
})

test('fault 34: tasks of others and unknown fields are ignored', options, async () => {
  const { cloud, task } = await started()
  const before = await cloud.run(ID)
  const foreign = { ...task, taskArn: `${task.taskArn.slice(0, -1)}9` }
  for (const event of [
    undefined,
    {},
    { detail: 'x' },
    { detail: { taskArn: 7 } },
    taskEvent({ ...task, startedBy: 'ecs-svc/123' }, stopOf(0)),
    taskEvent({ ...task, startedBy: `${runId(9)}/1` }, stopOf(0)),
    taskEvent({ ...task, startedBy: `${ID}/2` }, stopOf(0)),
    taskEvent(foreign, stopOf(0)),
  ])
    await finish(cloud.deps, event)
  assert.deepEqual(await cloud.run(ID), before)
  const odd = taskEvent(task, stopOf(0))
  report(cloud, result())
  await finish(cloud.deps, {
    ...odd,
    detail: { ...odd.detail, containers: [{}, null, ...odd.detail.containers], new: { deep: [1] } },
  })
  assert.equal(outcomeOf(await cloud.run(ID)), 'success')
})

test('fault 05: the end comes before the dispatcher has stored the task', options, async () => {
  const { cloud, task } = await started()
  const run = await cloud.run(ID)
  const { taskArn: _, ...attempt } = run.attempts[0] ?? assert.fail()
  cloud.store.plant({ ...run, attempts: [attempt] })
  report(cloud, result())
  await finish(cloud.deps, taskEvent(task, stopOf(0)))
  assert.deepEqual([outcomeOf(await cloud.run(ID)), (await cloud.run(ID)).attempts[0]?.taskArn], ['success', task.taskArn])
})

test('fault 35: the finisher dies after each of its writes: the next delivery completes it, nothing twice', options, async () => {
  const follower = {
    name: 'after',
    after: { job: 'shop/nightly', status: ['error', 'success'] },
    schedules: [],
  } satisfies Partial<JobConfig>
  const job = { notify: [{ channel: 'slack', target: '#data', on: ['success'] }] } satisfies Partial<JobConfig>
  const untouched = await started(job, [follower])
  report(untouched.cloud, result())
  await finish(untouched.cloud.deps, taskEvent(untouched.task, stopOf(0)))
  let crashes = 0
  for (let writes = 0; ; writes++) {
    const { cloud, task } = await started(job, [follower])
    report(cloud, result())
    cloud.crashAfter(writes)
    await finish(cloud.deps, taskEvent(task, stopOf(0))).catch(() => undefined)
    const died = cloud.lines.some(line => line.includes('dead before write')) || (await cloud.run(ID)).status !== 'success'
    cloud.crashAfter(undefined)
    await finish(cloud.deps, taskEvent(task, stopOf(0)))
    const run = await cloud.run(ID)
    assert.deepEqual([outcomeOf(run), run.effects], ['success', undefined], `after write ${writes}`)
    assert.deepEqual(messages(cloud), ['success slack #data'], `after write ${writes}`)
    assert.equal((await cloud.store.job('shop/nightly')).streak?.lastRun, ID)
    const followers = (await cloud.store.open('WAIT#')).length
    assert.equal(followers, 1, `followers after write ${writes}`)
    const keys = (from: FakeCloud) => [...from.objects.keys()].filter(key => !key.startsWith('config/')).sort()
    assert.deepEqual(keys(cloud), keys(untouched.cloud), `objects after write ${writes}`)
    if (!died) break
    crashes++
  }
  assert.ok(crashes >= 12, `${crashes} crashes were injected`)
})

test('fault 35: an effect that fails holds up no other and stays open', options, async () => {
  const { cloud, task } = await started()
  report(cloud, result(failed))
  cloud.deps.bucket.write = async () => {
    throw new Error('AccessDenied')
  }
  await finish(cloud.deps, taskEvent(task, stopOf(1)))
  assert.deepEqual((await cloud.run(ID)).effects, ['history'])
  assert.deepEqual(messages(cloud), ['error slack #data'])
})

test('a run that was ended elsewhere: its effects are done when asked for', options, async () => {
  const { cloud } = await started()
  cloud.store.plant({ ...(await cloud.run(ID)), status: 'skipped', reason: 'expired', effects: ['messages', 'dispatch'] })
  await finish(cloud.deps, { effects: [ID, runId(77), 5] })
  assert.deepEqual(messages(cloud), ['missed slack #data'])
  assert.equal((await cloud.run(ID)).effects, undefined)
})

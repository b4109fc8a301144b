import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { textOf } from '../../lambda/common/bucket.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import type { JobConfig } from '../../shared/config-model.ts'
import { KEY, logGroup, logStream } from '../../shared/contract.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import { NO_NODES, type RunRecord } from '../../shared/run.ts'
import { type FakeCloud, type FakeTask, makeCloud, stopOf, taskEvent } from '../fakes/cloud.ts'
import { configOf, hashOf, jobOf, runId, runOf } from '../fakes/records.ts'

const options = { timeout: 10_000 }
const ID = runId(1)

interface Started {
  cloud: FakeCloud
  task: FakeTask
}

/** A run whose task was started by the dispatcher. */
async function started(
  job: Partial<JobConfig> = {},
  others: Partial<JobConfig>[] = [],
  over: Partial<RunRecord> = {},
): Promise<Started> {
  const config = configOf([jobOf(job), ...others.map(jobOf)])
  const cloud = makeCloud(config)
  await cloud.store.claim({ ...runOf(1), config: hashOf(config), ...over })
  return { cloud, task: await startNext(cloud) }
}
async function startNext(cloud: FakeCloud): Promise<FakeTask> {
  await dispatch(cloud.deps, {})
  cloud.calls.length = 0
  const task = [...cloud.ecs.tasks.values()].at(-1)
  assert.ok(task)
  return task
}

const steps: RunnerResult['steps'] = [
  { index: 0, name: 'checkout', kind: 'checkout', command: 'git', status: 'success' },
  {
    index: 2,
    name: 'build',
    kind: 'dbt',
    command: 'dbt build',
    status: 'success',
    artifacts: ['manifest.json', 'run_results.json'],
  },
]
const result = (over: Partial<RunnerResult> = {}): RunnerResult => ({
  schemaVersion: 1,
  run: ID,
  attempt: 1,
  outcome: 'success',
  commit: { sha: '4f2c1ab'.padEnd(40, '0'), author: 'Ana', subject: 'rename', committedAt: '2026-11-21T20:00:00.000Z' },
  steps,
  counts: { ...NO_NODES, success: 9 },
  failures: [],
  startedAt: '2026-11-22T02:01:05.000Z',
  endedAt: '2026-11-22T02:09:50.000Z',
  artifactsIncomplete: false,
  docsUploaded: true,
  parts: 3,
  ...over,
})
function report(cloud: FakeCloud, given: RunnerResult): void {
  const prefix = KEY.attempt(runOf(1), given.attempt)
  cloud.put(KEY.result(prefix), given)
  for (const name of ['manifest.json', 'run_results.json'])
    cloud.put(`${KEY.step(prefix, 2, 'build')}${name}`, { made: given.attempt })
}
const failed = { outcome: 'error', reason: 'node_failures', message: '2 of 9 models failed' } as const
const messages = (cloud: FakeCloud) => cloud.message().map(message => `${message.kind} ${message.channel} ${message.target}`)
const outcomeOf = (run: RunRecord) => [run.status, run.reason].filter(Boolean).join('/')

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
  assert.equal((cloud.json(KEY.docsPointer('shop', 'prod')) as { run: string }).run, ID)
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
  assert.deepEqual(cloud.message()[0]?.streak, { failures: 1, since: run.endedAt })
  assert.deepEqual(cloud.calls.find(call => call.to === 'notify')?.payload, {
    messages: cloud.message().map(message => message.pk),
  })
  assert.equal(cloud.json(KEY.statePointer('shop', 'prod')), undefined)
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

const part = (...lines: object[]) => gzipSync(lines.map(line => `${JSON.stringify(line)}\n`).join(''))
const log = (text: string, second: number) => ({
  type: 'log',
  at: new Date(Date.parse('2026-11-22T02:05:00Z') + second * 1000).toISOString(),
  step: 2,
  text,
})
const node = (name: string, status: string) => ({
  type: 'node',
  step: 2,
  uniqueId: `model.shop.${name}`,
  name,
  resourceType: 'model',
  status,
})
const progress = {
  type: 'progress',
  schemaVersion: 1,
  run: ID,
  attempt: 1,
  part: 1,
  at: '2026-11-22T02:05:00Z',
  nodes: {},
  steps: [steps[0], { ...steps[1], status: 'running' }],
}

test('fault 24: the runner was killed: results from its parts, the end of the log from CloudWatch', options, async () => {
  const { cloud, task } = await started()
  const prefix = KEY.attempt(runOf(1), 1)
  cloud.put(
    KEY.part(prefix, 1),
    part(progress, log('1 of 4 START a', 0), node('a', 'success'), log('2 of 4 OK b', 1), node('b', 'error')),
  )
  cloud.put(KEY.part(prefix, 2), part(progress, log('3 of 4 START c', 2), { type: 'unknown' }))
  const stream = `${logGroup('tidemill', 'shop', 'prod')} ${logStream(task.taskArn)}`
  const lines = ['1 of 4 START a', '2 of 4 OK b', '3 of 4 START c', 'allocating', 'allocating more']
  cloud.streams.set(
    stream,
    lines.map((message, index) => ({ timestamp: Date.parse('2026-11-22T02:05:00Z') + index * 1000, message })),
  )
  await finish(cloud.deps, taskEvent(task, stopOf(137, {}, 'OutOfMemoryError: Container killed due to memory usage')))
  const run = await cloud.run(ID)
  assert.deepEqual([outcomeOf(run), run.artifactsIncomplete], ['error/out_of_memory', true])
  assert.match(run.message ?? '', /2 GB/)
  assert.deepEqual([run.counts?.success, run.counts?.error, run.failures?.map(each => each.name)], [1, 1, ['b']])
  assert.deepEqual(
    run.steps?.map(step => step.status),
    ['success', 'error'],
  )
  const tail = textOf(cloud.objects.get(KEY.tail(prefix))?.body ?? new Uint8Array(), 1e6)
  assert.deepEqual(
    tail
      ?.trim()
      .split('\n')
      .slice(1)
      .map(line => JSON.parse(line).text),
    ['allocating', 'allocating more'],
  )
  assert.deepEqual(messages(cloud), ['error slack #data'])
})

test(
  'fault 26: a good end that the bucket would not take is read from the log; without its word it is no success',
  options,
  async () => {
    for (const [last, expected] of [
      ['success: 9 models', 'success'],
      ['Done.', 'error/inconsistent'],
    ] as const) {
      const { cloud, task } = await started()
      const stream = `${logGroup('tidemill', 'shop', 'prod')} ${logStream(task.taskArn)}`
      cloud.streams.set(stream, [
        { timestamp: 1, message: 'dbt build' },
        { timestamp: 2, message: last },
      ])
      await finish(cloud.deps, taskEvent(task, stopOf(0)))
      const run = await cloud.run(ID)
      assert.deepEqual([outcomeOf(run), run.artifactsIncomplete], [expected, true])
    }
  },
)

test('fault 50: a forged result cannot end another run, and what does not fit is left out', options, async () => {
  const { cloud, task } = await started()
  cloud.put(KEY.result(KEY.attempt(runOf(1), 1)), { ...result(), run: runId(2) })
  await finish(cloud.deps, taskEvent(task, stopOf(0)))
  assert.equal(outcomeOf(await cloud.run(ID)), 'error/inconsistent')
  const other = await started()
  const steps_ = [{ ...steps[1], name: '../../../../state/shop/other' }, { index: -1 }, null]
  const forged = { ...result(), steps: steps_, message: 'x'.repeat(1e5), counts: { success: -5, evil: 1 }, notify: ['#ceo'] }
  other.cloud.put(KEY.result(KEY.attempt(runOf(1), 1)), forged)
  await finish(other.cloud.deps, taskEvent(other.task, stopOf(0)))
  const run = await other.cloud.run(ID)
  assert.deepEqual([run.status, run.steps, run.counts, run.message?.length], ['success', [], NO_NODES, 2000])
  assert.deepEqual(
    [...other.cloud.objects.keys()].filter(key => key.startsWith('state/')),
    [],
  )
})

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

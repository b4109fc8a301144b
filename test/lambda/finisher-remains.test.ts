import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { lastWords } from '../../container/runner/last-words.ts'
import { textOf } from '../../lambda/common/bucket.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { KEY } from '../../shared/contract.ts'
import { parseResult } from '../../shared/parse-result.ts'
import type { RunnerResult } from '../../shared/plan.ts'
import { logGroup, logStream } from '../../shared/resource-names.ts'
import { NO_NODES } from '../../shared/run.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { runId, runOf } from '../fakes/records.ts'
import { ID, messages, outcomeOf, result, started, steps } from './finisher-fixture.ts'

const options = { timeout: 10_000 }
/** A run whose task was started by the dispatcher. */
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
    // As the runner writes them.
    lines.map((text, index) => {
      const timestamp = Date.parse('2026-11-22T02:05:00Z') + index * 1000
      return { timestamp, message: `${new Date(timestamp - 300).toISOString()} ${text}` }
    }),
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

const stream = (task: { taskArn: string }) => `${logGroup('tidemill', 'shop', 'prod')} ${logStream(task.taskArn)}`

test(
  'fault 26: an end that the bucket would not take is read from the log; without its word it is no success',
  options,
  async () => {
    const failure = {
      uniqueId: 'model.shop.b',
      name: 'b',
      resourceType: 'model',
      status: 'error',
      message: 'Binder Error',
    } as const
    const failed = result({
      outcome: 'error',
      reason: 'node_failures',
      message: '1 of 9 models failed. b: Binder Error',
      failures: [failure],
    })
    for (const [last, exit, expected, failures] of [
      [lastWords(result()), 0, 'success', []],
      [lastWords(failed), 1, 'error/node_failures', ['b']],
      // Of another attempt, or with an exit code that says otherwise: it is not believed.
      [lastWords(result({ attempt: 2 })), 0, 'error/inconsistent', []],
      [lastWords(result()), 1, 'error/internal', []],
      ['Done.', 0, 'error/inconsistent', []],
    ] as const) {
      const { cloud, task } = await started()
      cloud.streams.set(stream(task), [
        { timestamp: 1, message: 'dbt build' },
        { timestamp: 2, message: last },
      ])
      await finish(cloud.deps, taskEvent(task, stopOf(exit)))
      const run = await cloud.run(ID)
      assert.deepEqual([outcomeOf(run), run.artifactsIncomplete], [expected, true])
      assert.deepEqual(run.failures?.map(node => node.name) ?? [], failures)
      if (exit === 1 && failures.length > 0) assert.match(run.message ?? '', /b: Binder Error/)
    }
  },
)

test('fault 26: the last word fits a line of the log driver, however much there is to say', options, () => {
  const failures = Array.from({ length: 20 }, (_, i) => ({
    uniqueId: `model.shop.${i}`,
    name: 'n'.repeat(500),
    resourceType: 'model',
    status: 'error' as const,
    message: 'x'.repeat(2000),
  }))
  const many = Array.from(
    { length: 200 },
    (_, index) => ({ ...steps[1], index, command: 'c'.repeat(2000) }) as RunnerResult['steps'][number],
  )
  const text = lastWords(result({ outcome: 'error', reason: 'node_failures', message: 'm'.repeat(2000), failures, steps: many }))
  assert.ok(Buffer.byteLength(text) < 16 * 1024, `${Buffer.byteLength(text)} bytes`)
  assert.equal(parseResult(text, ID, 1)?.reason, 'node_failures')
})

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

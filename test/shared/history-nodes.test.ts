import assert from 'node:assert/strict'
import { test } from 'node:test'
import { collectNodes, missingFailures } from '../../shared/history-nodes.ts'
import type { NodeLine } from '../../shared/plan.ts'
import { LIMIT } from '../../shared/run.ts'
import { at, attemptOf, runOf } from '../fakes/records.ts'

const line = (name: string, over: Partial<NodeLine> = {}): NodeLine => ({
  type: 'node',
  step: 1,
  uniqueId: `model.shop.${name}`,
  name,
  resourceType: 'model',
  status: 'success',
  ...over,
})
const finish = (lines: [number, NodeLine][], fresh?: number) => {
  const collector = collectNodes(fresh)
  for (const [attempt, each] of lines) collector.add(attempt, each)
  return collector.finish()
}

test('each node is as it was last: of a later step, then of a later attempt; in order of the starts', () => {
  const { nodes } = finish([
    [1, line('b', { startedAt: at(2) })],
    [1, line('a', { status: 'error', startedAt: at(1) })],
    [1, line('skipped', { status: 'skipped' })],
    [1, line('c', { step: 2, status: 'error', startedAt: at(5) })],
    [2, line('a', { startedAt: at(9) })],
    [2, line('c', { step: 1, startedAt: at(8) })],
  ])
  assert.deepEqual(
    nodes.map(node => [node.name, node.status, node.step, node.attempt, node.earlierFailures]),
    [
      ['b', 'success', 1, 1, undefined],
      ['c', 'error', 2, 1, undefined],
      ['a', 'success', 1, 2, 1],
      ['skipped', 'skipped', 1, 1, undefined],
    ],
  )
})

test('a failure counts once an attempt; of attempts that were done again only that counts', () => {
  const failed = line('a', { status: 'fail' })
  const { nodes } = finish(
    [
      [1, failed],
      [1, { ...failed, owners: ['ana'] }],
      [1, line('only_then')],
      [2, failed],
      [3, line('a')],
    ],
    1,
  )
  assert.deepEqual(
    nodes.map(node => [node.name, node.status, node.earlierFailures]),
    [['a', 'success', 2]],
  )
})

test('of too much first messages are left out, then nodes, and it says how many', { timeout: 10_000 }, () => {
  const message = 'x'.repeat(LIMIT.nodeMessage)
  const many = Array.from({ length: 20_000 }, (_, n): [number, NodeLine] => [1, line(`${n}`, { message, startedAt: at(n) })])
  const { nodes, dropped } = finish(many)
  assert.deepEqual([nodes.length, dropped], [20_000, 0])
  assert.ok(nodes[0]?.message && !nodes.at(-1)?.message)
  const long = 'y'.repeat(500)
  const worse = finish(Array.from({ length: 30_000 }, (_, n) => [1, line(`${n}${long}`, { path: long, relation: long })]))
  assert.ok(worse.dropped > 0 && worse.nodes.length + worse.dropped === 30_000, `${worse.dropped}`)
})

test('failures that only the record knows are added', () => {
  const { type: _, step: __, ...node } = line('a', { status: 'error' })
  const run = runOf(1, {
    attempts: [attemptOf(1), attemptOf(2)],
    steps: [{ index: 3, name: 'build', kind: 'dbt', command: 'dbt build', status: 'error' }],
    failures: [node, { ...node, uniqueId: 'model.shop.b' }],
  })
  const known = { ...node, step: 3, attempt: 1 }
  assert.deepEqual(missingFailures(run, [known]), [{ ...node, uniqueId: 'model.shop.b', step: 3, attempt: 2 }])
})

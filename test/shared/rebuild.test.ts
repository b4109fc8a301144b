import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePartLine, parseResult } from '../../shared/parse-result.ts'
import type { LogLine, NodeLine } from '../../shared/plan.ts'
import { linesBehind, makeRebuilder, parseOutputLine } from '../../shared/rebuild.ts'
import { LIMIT, NO_NODES } from '../../shared/run.ts'
import { at, runId } from '../fakes/records.ts'

const log = (text: string, second: number): LogLine => ({ type: 'log', at: at(second), step: 1, text })
const texts = (lines: readonly LogLine[]) => lines.map(line => line.text).join(' ')

test('fault 24: only what CloudWatch has beyond the parts is brought', () => {
  const all = ['a', 'b', '', 'c', '', 'd', 'e'].map((text, second) => log(text, second))
  assert.equal(texts(linesBehind(all.slice(0, 4), all)), ' d e')
  assert.equal(texts(linesBehind(all.slice(0, 5), all)), 'd e')
  assert.deepEqual(linesBehind(all, all), [])
  assert.equal(texts(linesBehind([], all)), texts(all))
  // CloudWatch's window begins in the middle of the parts.
  assert.equal(texts(linesBehind(all.slice(0, 5), all.slice(3))), 'd e')
  // Trailing blanks are not kept by every log driver.
  assert.equal(texts(linesBehind([log('a ', 0)], [log('a', 0), log('b', 1)])), 'b')
})

test('fault 46: when the log driver lost the place, what is later than the parts is brought', () => {
  assert.equal(texts(linesBehind([log('a', 0), log('b', 5)], [log('x', 4), log('y', 6)])), 'y')
})

test('a line of the output is the one of the parts, without the moment before it', () => {
  const timestamp = Date.parse('2026-11-22T02:00:05Z')
  const moment = '2026-11-22T02:00:01.250Z'
  assert.deepEqual(parseOutputLine(`${moment} 1 of 4 START a\n`, timestamp), { at: moment, text: '1 of 4 START a' })
  assert.deepEqual(parseOutputLine(moment, timestamp), { at: moment, text: '' })
  const printed = { at: '2026-11-22T02:00:05.000Z', text: 'printed past the runner' }
  assert.deepEqual(parseOutputLine(printed.text, timestamp), printed)
})

test('of a repeated line the last place counts', () => {
  const lines = ['tick', 'tick', 'tock', 'tick', 'tick', 'end'].map((text, second) => log(text, second))
  assert.equal(texts(linesBehind([log('tick', 3), log('tick', 4)], lines)), 'end')
})

test('a rebuilt run counts each node by its last status and ends the step that was running', () => {
  const rebuilder = makeRebuilder()
  const node = (name: string, status: NodeLine['status']): NodeLine => ({
    type: 'node',
    step: 1,
    uniqueId: name,
    name,
    resourceType: 'model',
    status,
  })
  const step = { index: 1, name: 'build', kind: 'dbt', command: 'dbt build', status: 'running' } as const
  rebuilder.add({
    type: 'progress',
    schemaVersion: 1,
    run: runId(1),
    attempt: 1,
    part: 1,
    at: at(0),
    steps: [step],
    nodes: { done: 0, total: 9, running: [] },
  })
  for (const line of [node('a', 'error'), node('a', 'success'), node('b', 'fail'), node('c', 'skipped')]) rebuilder.add(line)
  for (let i = 0; i < 500; i++) rebuilder.add(log(`line ${i}`, i))
  const { counts, failures, steps, lastLines } = rebuilder.finish()
  assert.deepEqual(counts, { ...NO_NODES, success: 1, fail: 1, skipped: 1 })
  assert.deepEqual(
    failures.map(each => each.name),
    ['b'],
  )
  assert.deepEqual([steps[0]?.status, steps[0]?.counts?.fail], ['error', 1])
  assert.deepEqual([lastLines.length, lastLines.at(-1)?.text], [50, 'line 499'])
})

const minimal = { schemaVersion: 1, run: runId(1), attempt: 1, outcome: 'success' }

test('fault 50: a result counts only for its own attempt', () => {
  const parse = (value: unknown) => parseResult(typeof value === 'string' ? value : JSON.stringify(value), runId(1), 1)
  assert.equal(parse(minimal)?.outcome, 'success')
  for (const bad of [
    '',
    '{',
    'null',
    '[]',
    '7',
    { ...minimal, run: runId(2) },
    { ...minimal, attempt: 2 },
    { ...minimal, attempt: '1' },
    { ...minimal, outcome: 'skipped' },
    { ...minimal, schemaVersion: undefined },
  ])
    assert.equal(parse(bad), undefined, JSON.stringify(bad))
})

test('fault 50: what a container writes is bounded and checked field by field', () => {
  const node = { uniqueId: 'm', status: 'error', message: 'x'.repeat(1e5), executionSeconds: -1, failures: 1.5 }
  const step = {
    index: 1,
    name: 'build',
    kind: 'dbt',
    status: 'error',
    artifacts: ['manifest.json', '../x', 7],
    exitCode: 'no',
    reason: 'evil',
  }
  const result = parseResult(
    JSON.stringify({
      ...minimal,
      failures: Array.from({ length: 500 }, () => node),
      steps: [step, { ...step, name: 'a/b' }, { ...step, kind: 'shell' }, 'x'],
      counts: { success: 3, fail: 'x', evil: 1 },
      commit: { sha: '"; DROP', author: 'a' },
      peakMemoryBytes: -1,
      reason: '__proto__',
      startedAt: 'yesterday',
    }),
    runId(1),
    1,
  )
  assert.equal(result?.failures.length, LIMIT.failures)
  assert.deepEqual(result?.failures[0], {
    uniqueId: 'm',
    name: 'm',
    resourceType: '',
    status: 'error',
    message: 'x'.repeat(LIMIT.nodeMessage),
  })
  assert.deepEqual(result?.steps, [
    { index: 1, name: 'build', kind: 'dbt', status: 'error', command: '', artifacts: ['manifest.json'] },
  ])
  assert.deepEqual(result?.counts, { ...NO_NODES, success: 3 })
  assert.deepEqual(
    [result?.commit, result?.peakMemoryBytes, result?.reason, result?.startedAt],
    [undefined, undefined, undefined, ''],
  )
})

test('lines of a part that are none are left out', () => {
  for (const bad of [
    '',
    'x',
    '{}',
    '{"type":"log"}',
    '{"type":"node","uniqueId":"a","status":"odd"}',
    '{"type":"log","at":"x","text":"y"}',
  ])
    assert.equal(parsePartLine(bad), undefined, bad)
  assert.deepEqual(parsePartLine(JSON.stringify(log('a', 0))), log('a', 0))
})

import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { MERGED_KEY, mergeResults, writeDoneResults } from '../../container/runner/merged-results.ts'
import type { NodeResult } from '../../shared/run.ts'
import { makeFolder } from './project.ts'

const done: NodeResult[] = [
  {
    uniqueId: 'model.shop.a',
    name: 'a',
    resourceType: 'model',
    status: 'success',
    message: 'OK',
    rowsAffected: 3,
    executionSeconds: 2,
  },
  { uniqueId: 'test.shop.t.1', name: 't', resourceType: 'test', status: 'success' },
  { uniqueId: 'test.shop.w.1', name: 'w', resourceType: 'test', status: 'warn', failures: 2 },
  { uniqueId: 'model.shop.thin', name: 'thin', resourceType: 'model', status: 'success', materialized: 'ephemeral' },
  { uniqueId: 'operation.shop.hook', name: 'hook', resourceType: 'operation', status: 'success' },
]
/** As Python's json writes it. */
const python = (value: unknown) =>
  JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ').replaceAll('[ ]', '[]').replaceAll('{ }', '{}')

async function merge(t: { after(fn: () => void): void }, text: string) {
  const folder = makeFolder(fn => t.after(fn))
  writeFileSync(join(folder, 'run_results.json'), text)
  return JSON.parse(readFileSync(await mergeResults(join(folder, 'run_results.json'), folder, done), 'utf8'))
}

for (const [name, env, results] of [
  ['', { TIDEMILL: 'run/2/1' }, [{ unique_id: 'model.shop.b', status: 'success' }]],
  [' that are none', { TIDEMILL: 'run/2/1' }, []],
  [' with keys in their texts', { 'x "env": {': 'y "results": [' }, [{ unique_id: 'model.shop.b', message: '"results": []' }]],
  [' without a stamp', {}, [{ unique_id: 'model.shop.b', status: 'error' }]],
] as const)
  for (const [writer, write] of [
    ['1.x', python],
    ['2.x', JSON.stringify],
  ] as const)
    test(`results${name} of dbt ${writer} are kept as they are, and those of earlier attempts stand before them`, async t => {
      const own = { metadata: { dbt_version: '1.11.16', env }, results, elapsed_time: 1, args: { which: 'build' } }
      const merged = await merge(t, write(own))
      assert.deepEqual(merged.results.slice(3), results)
      assert.deepEqual(
        merged.results.slice(0, 3).map((each: Record<string, unknown>) => [each.unique_id, each.status, each.failures]),
        [
          ['model.shop.a', 'success', null],
          ['test.shop.t.1', 'pass', 0],
          ['test.shop.w.1', 'warn', 2],
        ],
      )
      assert.deepEqual(merged.metadata.env, { [MERGED_KEY]: '3', ...env })
      assert.deepEqual([merged.elapsed_time, merged.args], [1, own.args])
    })

test('a file of another form is not guessed at', async t => {
  await assert.rejects(merge(t, '{"results": [], "metadata": {"env": {}}}'), /another form/)
  await assert.rejects(merge(t, '{}'), /another form/)
})

test('results of a step that nothing is left of have the hooks as well', async t => {
  const folder = makeFolder(fn => t.after(fn))
  const facts = { version: '1.11.16', stamp: 'run/3/1', args: { which: 'run' }, now: new Date('2026-11-22T01:00:00Z') }
  await writeDoneResults(folder, done, facts)
  const written = JSON.parse(readFileSync(join(folder, 'run_results.json'), 'utf8'))
  assert.deepEqual(written.metadata.env, { TIDEMILL: 'run/3/1', [MERGED_KEY]: '4' })
  assert.equal(written.results.length, 4)
})

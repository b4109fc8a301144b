/** Recorded events and results of dbt 2.0.0a4, read as the runner reads them. The project is that of engine-v2.it.test.ts. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readResults } from '../../container/runner/artifacts.ts'
import { parseEvent } from '../../container/runner/dbt-events.ts'
import { createLedger } from '../../container/runner/ledger.ts'
import { withoutUntold } from '../../container/runner/node-result.ts'

const FIXTURES = join(import.meta.dirname, '../fixtures/dbt-2.0')

function replay(name: string) {
  const ledger = createLedger((_, nodePath) => nodePath)
  const told = []
  for (const line of readFileSync(join(FIXTURES, `${name}.ndjson`), 'utf8')
    .trimEnd()
    .split('\n')) {
    const node = ledger.take(parseEvent(line))
    if (node) told.push(node)
  }
  return { ledger, told }
}

test('a failing build: each node with its end, and the failure with the words that came before it', () => {
  const { ledger, told } = replay('failing')
  assert.equal(ledger.dbtVersion(), '2.0.0-alpha.4')
  assert.equal(ledger.phase(), 'running')
  assert.deepEqual(ledger.progress().running, [])
  assert.deepEqual(Object.fromEntries(told.map(node => [node.name, node.status])), {
    orders: 'success',
    totals: 'success',
    finds_rows: 'fail',
    broken: 'error',
    after_broken: 'skipped',
  })
  const broken = told.find(node => node.name === 'broken')
  assert.match(
    broken?.message ?? '',
    /^\[DbDriverFailed \(dbt1308\)\]: Database Error in model broken.*Could not convert string 'forty' to INT32/s,
  )
  assert.doesNotMatch(broken?.message ?? '', /<unknown>|^\[error\]/)
  const { path, materialized, startedAt, endedAt, executionSeconds } = broken ?? {}
  assert.deepEqual([path, materialized], ['models/broken.sql', 'table'])
  assert.ok(startedAt?.endsWith('Z') && endedAt?.endsWith('Z') && (executionSeconds ?? 0) > 0)
  assert.equal(told.find(node => node.name === 'finds_rows')?.failures, 1)
})

test('results of a failing build are those that were told, with more in them', async () => {
  const { told } = replay('failing')
  const results = (await readResults(join(FIXTURES, 'failing'), 'run_results.json', 'run/1/2')) ?? []
  assert.deepEqual(withoutUntold(results, told), results)
  assert.deepEqual(
    new Map(results.map(node => [node.uniqueId, node.status])),
    new Map(told.map(node => [node.uniqueId, node.status])),
  )
  assert.equal(results.find(node => node.name === 'finds_rows')?.message, undefined, 'its status once more is no message')
  assert.equal(await readResults(join(FIXTURES, 'failing'), 'run_results.json', 'run/1/3'), undefined)
})

test('a project that does not parse: every node is an error in the results, and none of them counts', async () => {
  const { ledger, told } = replay('not-parsed')
  assert.deepEqual([ledger.phase(), told], ['started', []])
  assert.match(ledger.errors()[0] ?? '', /Ref 'nowhere' not found.*\n +--> models\/lost\.sql:1:15$/s)
  const results = (await readResults(join(FIXTURES, 'not-parsed'), 'run_results.json', 'run/1/2')) ?? []
  assert.ok(results.length > 0 && results.every(node => node.status === 'error'))
  assert.deepEqual(withoutUntold(results, told), [])
})

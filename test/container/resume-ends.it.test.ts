import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseResult } from '../../shared/parse-result.ts'
import { startBucket } from './bucket.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { CHAIN, childrenOf, ledgerOf, nextPlan, succeeded } from './resume-fixture.ts'
import { makePlan, startRunner, step } from './runner.ts'

test('fault 45: dbt alone is killed; the runner tells all it knows, and the next attempt does the rest', {
  timeout: 150_000,
}, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const plan = makePlan(makeRepository(folder, CHAIN), folder)
  const first = startRunner(bucket, plan, folder)
  t.after(() => first.child.kill('SIGKILL'))
  await first.said('START sql table model main.e ')
  for (const pid of childrenOf(first.child.pid ?? 0)) process.kill(pid, 'SIGKILL')
  const end = await first.end
  assert.equal(end.result?.outcome, 'error', end.output)
  assert.equal(end.result?.artifactsIncomplete, false)
  const done = succeeded(end.lines)
  assert.ok(done.includes('model.shop.d'), 'what had ended is stored, whenever the last flush was')
  const next = nextPlan(bucket, plan, [ledgerOf(bucket, plan)])
  const rest = await startRunner(bucket, next.plan, folder).end
  assert.equal(rest.result?.outcome, 'success', rest.output)
  const again = succeeded(rest.lines)
  assert.deepEqual(
    again.filter(id => done.includes(id) && !id.startsWith('operation.')),
    [],
  )
  assert.equal(again.filter(id => !/^operation\.|\.thin$/.test(id)).length, next.left)
})

test('fault 26: the bucket refuses for good: the last line on stdout is the end of the run', { timeout: 150_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  bucket.refuse((method, key) => method === 'PUT' && !key.startsWith('plans/'))
  const files = { ...SHOP, 'models/broken.sql': "select cast('forty' as integer) as n" }
  const plan = makePlan(makeRepository(folder, files), folder, { steps: [step(0, 'checkout'), step(1, 'dbt', ['run'])] })
  const end = await startRunner(bucket, plan, folder).end
  assert.ok(bucket.refused > 0)
  assert.equal(end.result, undefined)
  const word = parseResult(end.output.trimEnd().split('\n').at(-1) ?? '', plan.run.id, 1)
  assert.deepEqual([word?.outcome, word?.reason, word?.artifactsIncomplete], ['error', 'node_failures', true], end.output)
  assert.deepEqual(
    word?.failures.map(node => node.name),
    ['broken'],
  )
  assert.deepEqual([word?.counts.success, word?.counts.error], [2, 1])
  assert.equal(end.code, 1)
})

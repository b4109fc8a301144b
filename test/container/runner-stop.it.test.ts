import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { PartLine } from '../../shared/plan.ts'
import { startBucket } from './bucket.ts'
import { runWith, writeResults } from './in-process.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, type RunnerEnd, runToLimit, startRunner } from './runner.ts'

const OPTIONS = { timeout: 120_000 }
/** Takes DuckDB minutes, and can be interrupted. */
const SLOW = { ...SHOP, 'models/slow.sql': "select count(sleep_ms(600000)) as n from {{ ref('orders') }}" }

async function start(t: { after(fn: () => void): void }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const plan = makePlan(makeRepository(folder, SLOW), folder)
  const runner = startRunner(bucket, plan, folder)
  t.after(() => runner.child.kill('SIGKILL'))
  return { runner, bucket, plan }
}

for (const [signal, code] of [
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)
  test(`fault 22: ${signal} while dbt runs a query`, OPTIONS, async t => {
    const { runner, bucket, plan } = await start(t)
    await runner.said('START sql table model main.slow')
    const stoppedAt = Date.now()
    runner.child.kill(signal)
    const end = await runner.end
    // 1.5 to 5 s on an idle machine; the query takes minutes.
    assert.ok(Date.now() - stoppedAt < 60_000, `took ${Date.now() - stoppedAt} ms`)
    assert.equal(end.code, code, end.output)
    assert.equal(end.result?.outcome, 'cancelled')
    assert.equal(end.result?.reason, 'user_cancelled')
    assert.match(end.result?.message ?? '', new RegExp(`received ${signal}`))
    assert.ok(end.lines.some(line => line.type === 'node' && line.name === 'orders' && line.status === 'success'))
    assert.equal(end.result?.artifactsIncomplete, false)
    assert.ok(bucket.objects.has(`${plan.prefixes.attempt}steps/2-build/manifest.json`))
    assert.ok(bucket.objects.has(`${plan.prefixes.attempt}steps/2-build/log.txt`))
  })

test('fault 25: the time limit passes while dbt runs a query', { timeout: 240_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const plan = makePlan(makeRepository(folder, SLOW), folder)
  const shown = (end: RunnerEnd) => end.lines.some(line => line.type === 'progress' && line.nodes.running.includes('slow'))
  const end = await runToLimit(plan, shown, () => startRunner(bucket, plan, folder).end)
  assert.equal(end.code, 1, end.output)
  assert.deepEqual([end.result?.outcome, end.result?.reason], ['error', 'timeout'])
  assert.match(end.result?.message ?? '', /stopped while building slow: the time limit of \d+ s had passed/)
  assert.ok(shown(end), 'progress shows what runs')
})

/** A process that has ended and that nobody has asked about yet counts as ended. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

test('fault 23: dbt ignores the interrupt, and what it started does too', { timeout: 30_000 }, async t => {
  const stop = new AbortController()
  const script = `trap '' INT TERM; sh -c 'trap "" INT TERM; while :; do sleep 0.2; done' & echo "child $!"; while :; do sleep 0.2; done`
  let child = 0
  const { result } = await runWith(t, script, stop.signal, 500, line => {
    child ||= Number(/child (\d+)/.exec(line)?.[1] ?? 0)
    if (child > 0) stop.abort({ kind: 'signal', signal: 'SIGTERM' })
  })
  assert.equal(result.reason, 'user_cancelled')
  assert.match(result.message ?? '', /did not react to the interrupt and was killed/)
  assert.ok(child > 0, 'it has started another process')
  for (let tries = 0; tries < 100 && isRunning(child); tries++) await new Promise(resolve => setTimeout(resolve, 100))
  assert.ok(!isRunning(child), 'what dbt started is gone')
})

test('fault 45: dbt is killed, not by us', { timeout: 30_000 }, async t => {
  const { result } = await runWith(t, 'kill -9 $$', new AbortController().signal, 500)
  assert.equal(result.outcome, 'error')
  assert.equal(result.reason, 'infrastructure')
  assert.match(result.message ?? '', /ended by SIGKILL, which nobody here had sent/)
})

test('fault 21: dbt says all is well and leaves nothing', { timeout: 30_000 }, async t => {
  const { result, stored } = await runWith(t, 'exit 0', new AbortController().signal, 500)
  assert.equal(result.reason, 'inconsistent')
  assert.ok(stored.some(key => key.endsWith('steps/2-build/log.txt')))
})

const contradictions = [
  [
    'dbt ends with 0, and its results show an error',
    `${writeResults({ orders: 'success', totals: 'error' })}\nexit 0`,
    /exit code 0, but its results show 1 failure: totals: as told/,
  ],
  [
    'dbt ends with 1, and nothing in its results is a failure',
    `${writeResults({ orders: 'success' })}\nexit 1`,
    /exit code 1, although none of its results is a failure/,
  ],
  [
    'dbt ends with 0, and the results are of another step',
    `${writeResults({ orders: 'success' }).replace('$DBT_ENV_CUSTOM_ENV_TIDEMILL', 'another/1/2')}\nexit 0`,
    /it left no run_results\.json of this step/,
  ],
] as const
for (const [name, script, message] of contradictions)
  test(`fault 21: ${name}`, { timeout: 30_000 }, async t => {
    const { result } = await runWith(t, script)
    assert.deepEqual([result.outcome, result.reason], ['error', 'inconsistent'])
    assert.match(result.message ?? '', message)
  })

test('fault 29: a flood of lines, a line of 1 MB and bytes that are no text: nothing is lost, no part is large', {
  timeout: 90_000,
}, async t => {
  const line = 'a line of sixty characters, as a chatty macro may print them'
  const script = `head -c 1000000 /dev/zero | tr '\\0' x; echo; printf '\\377\\376 bytes\\n'; yes '${line}' | head -n 100000; exit 3`
  const { result, parts, said } = await runWith(t, script)
  assert.deepEqual([result.reason, result.artifactsIncomplete, result.parts], ['profile_error', false, parts.length])
  const stored = parts.flatMap(part =>
    part
      .trimEnd()
      .split('\n')
      .map(each => JSON.parse(each) as PartLine),
  )
  const texts = stored.flatMap(each => (each.type === 'log' ? each.text : []))
  for (const lines of [texts, said.map(each => each.slice(each.indexOf(' ') + 1))]) {
    assert.equal(lines.filter(each => each === line).length, 100_000)
    assert.ok(lines.includes('x'.repeat(1_000_000)), 'the long line is whole')
    assert.ok(lines.includes('\ufffd\ufffd bytes'), 'bytes that are no text have their place')
  }
  // One of 1 MB, but that of a long line has room for three bytes a character.
  const largest = Math.max(...parts.map(part => part.length))
  assert.ok(largest < 4 * 1024 * 1024, `the largest of ${parts.length} parts has ${largest} characters`)
})

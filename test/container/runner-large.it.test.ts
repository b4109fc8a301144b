/** The runner as it is shipped, with more output and a larger manifest than it could hold. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { bundleRunner } from '../../bench/start.ts'
import { startBucket } from './bucket.ts'
import { makeDbt, writeResults } from './in-process.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const LINES = 4_000_000
const LINE =
  'models/staging/stg_payments.sql: a line of some hundred characters, as a chatty macro prints it for each row of a table'
const PASSWORD = 'mill-of-the-tide-77'
const MANIFEST_LINES = 1_000_000
const NODE =
  '"model.shop.orders": {"name": "orders", "resource_type": "model", "raw_code": "select 1 as id, 10 as amount", "original_file_path": "models/orders.sql", "unique_id": "model.shop.orders", "config": {"materialized": "table"}},'
/** What a runner with nothing to do needs, and some more. */
const MOST_MEGABYTES = 150

test('fault 29: a log of 480 MB and a manifest of 220 MB: memory stays flat, nothing is lost', { timeout: 280_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const steps = [step(0, 'checkout'), step(1, 'dbt', ['run'])]
  const plan = makePlan(makeRepository(folder, SHOP), folder, { steps, secrets: ['SHOP_PASSWORD'], timeoutSeconds: 270 })
  const script = `
(printf '{"nodes": {'; yes '${NODE}' | head -n ${MANIFEST_LINES}; printf '"last": {"password": "%s"}}}' "$SHOP_PASSWORD") > "$DBT_TARGET_PATH/manifest.json"
echo '{"info": {"name": "FoundStats", "level": "info", "msg": "Found 2 models"}, "data": {}}'
head -c 1000000 /dev/zero | tr '\\0' x; echo
printf '\\377\\376 no text \\033[31mred\\033[0m\\n'
yes '${LINE}' | head -n ${LINES}
echo "the end of $SHOP_PASSWORD"
${writeResults({ orders: 'success' })}
exit 0`
  const bundle = await bundleRunner(folder)
  const env = { PATH: makeDbt(folder, script), SHOP_PASSWORD: PASSWORD }
  // Its lines are read part by part below: all at once they are more than this process should hold.
  const unread = { ...bucket, keys: () => [] }
  const runner = startRunner(unread, plan, folder, env, ['--max-semi-space-size=4', bundle])
  t.after(() => runner.child.kill('SIGKILL'))
  // Nobody needs the copy for CloudWatch here, and this process has to hold what it reads.
  runner.child.stdout?.removeAllListeners('data').resume()
  let peak = 0
  const watch = setInterval(() => {
    peak = Math.max(peak, peakMegabytes(runner.child.pid ?? 0))
  }, 100)
  const end = await runner.end
  clearInterval(watch)
  assert.equal(end.result?.outcome, 'success', end.result?.message)
  assert.equal(end.result?.artifactsIncomplete, false)
  assert.ok(peak > 20 && peak < MOST_MEGABYTES, `peak ${peak} MB`)
  const seen = { lines: 0, longest: 0, password: 0, rest: [] as string[] }
  for (const key of bucket.keys(`${plan.prefixes.attempt}parts/`))
    for (const row of bucket.text(key).trimEnd().split('\n')) {
      if (row.includes(LINE)) seen.lines++
      else if (row.length < 1_000) seen.rest.push(row)
      if (row.includes(PASSWORD)) seen.password++
      seen.longest = Math.max(seen.longest, row.length)
    }
  assert.deepEqual([seen.lines, seen.password], [LINES, 0])
  assert.ok(seen.longest > 1_000_000)
  for (const text of ['\ufffd\ufffd no text red', 'the end of ***'])
    assert.ok(
      seen.rest.some(row => row.includes(`"text":"${text}"`)),
      text,
    )
  const manifest = bucket.text(`${plan.prefixes.attempt}steps/1-run/manifest.json`)
  assert.ok(manifest.length > 200_000_000 && manifest.endsWith('"last": {"password": "***"}}}'))
})

function peakMegabytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Memory runs out for real: the kernel kills dbt, or the runner itself, in a control group with a limit. */
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Plan } from '../../shared/plan.ts'
import { startBucket } from './bucket.ts'
import { limitMemory } from './memory-limit.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { childrenOf, killGroups, ledgerOf, nextPlan } from './resume-fixture.ts'
import { makePlan, type RunnerEnd, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 150_000 }
const MEGABYTES = 600
/** Memory of the process itself, past what the database keeps to. The waits let what was done before reach the bucket, and the peak be seen. */
const HOG = `
import time

def model(dbt, session):
    dbt.ref("totals")
    time.sleep(6)
    held = [b"x" * 2**20 for _ in range(${MEGABYTES})]
    time.sleep(3)
    return session.sql(f"select {len(held)} as held")
`

async function setUp(t: { after(fn: () => void): void; skip(why: string): void }, name: string) {
  const limit = limitMemory(name, MEGABYTES)
  if (!limit) {
    t.skip('needs the right to make a control group with a memory limit')
    return undefined
  }
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => {
    bucket.close()
    limit.remove()
  })
  const repository = makeRepository(folder, {
    ...SHOP,
    'models/hog.py': HOG,
    'models/after.sql': "select * from {{ ref('hog') }}",
  })
  const plan = makePlan(repository, folder, { memory: MEGABYTES, steps: [step(0, 'checkout'), step(1, 'dbt', ['build'])] })
  const start = (with_: Plan) => {
    const runner = startRunner(bucket, with_, folder)
    limit.add(runner.child.pid ?? 0)
    t.after(() => runner.child.kill('SIGKILL'))
    return runner
  }
  return { limit, folder, bucket, plan, start }
}

const built = ({ lines }: RunnerEnd) =>
  lines.flatMap(line => (line.type === 'node' && line.status === 'success' ? [line.uniqueId] : []))

/** The next attempt has more memory and does the rest. */
async function goesOn({ limit, bucket, plan, start }: NonNullable<Awaited<ReturnType<typeof setUp>>>, done: string[]) {
  limit.setMegabytes(3 * MEGABYTES)
  const next = nextPlan(bucket, plan, [ledgerOf(bucket, plan)])
  const end = await start({ ...next.plan, memory: 3 * MEGABYTES }).end
  assert.equal(end.result?.outcome, 'success', end.output)
  const ran = built(end)
  assert.deepEqual(ran.filter(id => !id.startsWith('operation.')).sort(), ['model.shop.after', 'model.shop.hog'])
  assert.ok(done.includes('model.shop.totals'))
  const peak = end.result?.peakMemoryBytes ?? 0
  assert.ok(peak > MEGABYTES * 2 ** 20 && peak < 3 * MEGABYTES * 2 ** 20, `peak ${peak}`)
}

test(
  'fault 45: the kernel kills dbt for memory, the runner lives and says so; the next attempt with more does the rest',
  OPTIONS,
  async t => {
    const set = await setUp(t, 'dbt')
    if (!set) return
    const end = await set.start(set.plan).end
    assert.ok(set.limit.kills() > 0, 'the kernel has killed')
    assert.equal(end.result?.reason, 'out_of_memory', end.output)
    assert.match(
      end.result?.message ?? '',
      /dbt build was stopped for lack of memory while building hog \(peak \d+ MB of 600 MB\)/,
    )
    assert.equal(end.result?.artifactsIncomplete, false)
    await goesOn(set, built(end))
  },
)

test(
  'fault 24: the kernel kills the runner for memory; what it had stored is what the next attempt with more goes by',
  OPTIONS,
  async t => {
    const set = await setUp(t, 'runner')
    if (!set) return
    const runner = set.start(set.plan)
    await runner.said('START python table model main.hog')
    // The kernel takes the largest, unless another is marked.
    writeFileSync(`/proc/${runner.child.pid}/oom_score_adj`, '1000')
    const ended = new Promise<string | null>(resolve => runner.child.once('exit', (_, signal) => resolve(signal)))
    // dbt outlives its parent here; in a container it ends with PID 1.
    const dbt = childrenOf(runner.child.pid ?? 0)
    assert.equal(await ended, 'SIGKILL')
    killGroups(dbt)
    const end = await runner.end
    assert.ok(set.limit.kills() > 0, 'the kernel has killed')
    assert.equal(end.result, undefined)
    assert.ok(end.lines.some(line => line.type === 'log' && /START python table model main\.hog/.test(line.text)))
    rmSync(join(set.folder, 'work'), { recursive: true, force: true })
    await goesOn(set, built(end))
  },
)

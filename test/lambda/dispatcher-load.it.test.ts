import assert from 'node:assert/strict'
import { test } from 'node:test'
import { finalise } from '../../lambda/common/finalise.ts'
import { launch } from '../../lambda/common/launch.ts'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { START_INTERVAL_MS } from '../../lambda/dispatcher/drain.ts'
import { PK, parseStartedBy } from '../../shared/contract.ts'
import { countCapacity, LIMIT_OF_PARTITION } from '../fakes/capacity.ts'
import { makeCloud } from '../fakes/cloud.ts'
import { configOf, jobOf, NOW } from '../fakes/records.ts'

const RUNS = 10_000
/** The dispatcher's, as the stack sets it. */
const LAMBDA_MS = 300_000
const TASK_MS = 30_000

/** Events in the order of their time; time passes only while somebody sleeps. */
function makeTimeline(start: number) {
  let clock = start
  const events: { at: number; run(): Promise<void> }[] = []
  /** Sorted by time from the end, so that the next is taken off cheaply. */
  const add = (at: number, run: () => Promise<void>) => {
    let index = events.length
    while (index > 0 && (events[index - 1]?.at ?? 0) <= at) index--
    events.splice(index, 0, { at, run })
  }
  const sleep = async (milliseconds: number) => {
    const until = clock + milliseconds
    for (let next = events.at(-1); next && next.at <= until; next = events.at(-1)) {
      events.pop()
      clock = Math.max(clock, next.at)
      await next.run()
    }
    clock = Math.max(clock, until)
  }
  return { now: () => clock, add, sleep, left: () => events.length }
}

test('10,000 claims within one minute: all start once, in order, 15 a second, over several dispatchers, and no partition of the table is throttled', {
  timeout: 1_800_000,
}, async () => {
  // The worst case for the table: one environment, whose set of running ids changes with every start and end.
  const jobs = Array.from({ length: RUNS }, (_, index) => jobOf({ name: `j${index}` }))
  const cloud = makeCloud(configOf(jobs, { maxRunning: 500 }))
  const time = makeTimeline(Date.parse(NOW))
  const capacity = countCapacity(cloud.store.table, time.now)
  const starts: { run: string; at: number }[] = []
  let dispatchers = 0
  let over = 0
  const deps = {
    ...cloud.deps,
    now: () => new Date(time.now()),
    sleep: time.sleep,
    log: () => {},
    // A poke, and the next dispatcher's call, come a moment later and by themselves.
    dispatch: async (payload: object) => time.add(time.now() + 50, () => startDispatcher(payload)),
    finish: async () => {},
  }
  const { run: runTask } = cloud.ecs
  cloud.ecs.run = async input => {
    const owner = parseStartedBy(input.startedBy)
    starts.push({ run: owner?.run ?? '', at: time.now() })
    time.add(time.now() + TASK_MS, () => endRun(owner?.run ?? ''))
    return runTask(input)
  }
  async function startDispatcher(payload: object): Promise<void> {
    const from = time.now()
    const before = starts.length
    await dispatch({ ...deps, timeLeft: () => LAMBDA_MS - (time.now() - from) }, payload)
    assert.ok(time.now() - from <= LAMBDA_MS, `a dispatcher took ${time.now() - from} ms`)
    if (starts.length > before) dispatchers++
  }
  async function endRun(id: string): Promise<void> {
    const run = await cloud.run(id)
    const end = { status: 'success' } as const
    const attempt = { stoppedAt: deps.now().toISOString(), outcome: end }
    assert.ok(await finalise(deps, run, end, { attempt }))
    // What follows the end is another function's, and of no partition that this is about.
    const { effects: _, openKey: __, openSort: ___, ...done } = cloud.store.table.items.get(PK.run(id)) ?? {}
    cloud.store.table.plant(done)
    over++
    await deps.dispatch({})
  }
  for (const [index, job] of jobs.entries())
    time.add(time.now() + Math.floor((index * 60_000) / RUNS), async () => {
      const input = { kind: 'schedule', job: `shop/${job.name}`, schedule: 'default', scheduledFor: '2026-11-22T02:00:00Z' }
      await launch(deps, input)
    })
  const from = time.now()
  while (time.left()) await time.sleep(1000)

  assert.equal(new Set(starts.map(start => start.run)).size, RUNS, 'each started')
  assert.deepEqual([starts.length, cloud.ecs.tasks.size, over], [RUNS, RUNS, RUNS], 'each once, and ended')
  assert.deepEqual(cloud.store.environmentRuns('shop/prod'), [])
  assert.equal((await cloud.store.open('')).length, 0)
  const late = starts.filter((start, index) => index > 0 && start.run.slice(0, 15) < (starts[index - 1]?.run ?? '').slice(0, 15))
  assert.deepEqual(late, [], 'by the second of the claim, nobody is overtaken')
  const took = (starts.at(-1)?.at ?? 0) - from
  assert.ok(took < RUNS * START_INTERVAL_MS * 1.05, `${took / 1000} s`)
  const window = starts.map((start, index) => (starts[index + 15]?.at ?? Number.POSITIVE_INFINITY) - start.at)
  // The next dispatcher knows nothing of the last start of the one before.
  assert.ok(Math.min(...window) >= 1000 - START_INTERVAL_MS, `15 starts within ${Math.min(...window)} ms`)
  assert.ok(dispatchers >= 3, `${dispatchers} dispatchers`)
  const { write, read } = capacity.most
  assert.ok(write.units <= LIMIT_OF_PARTITION.write, `${write.units} writes in one second to ${write.partition}`)
  assert.ok(read.units <= LIMIT_OF_PARTITION.read, `${read.units} reads in one second from ${read.partition}`)
  console.log(
    `  ${took / 1000} s, ${dispatchers} dispatchers, ${capacity.requests / RUNS} requests a run, peak writes ${write.units} (${write.partition}), reads ${read.units} (${read.partition})`,
  )
})

/** A compactor whose work takes longer than its function may run: each step has its turn, and what kills it holds up nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PK } from '../../shared/contract.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { Crash } from '../fakes/cloud.ts'
import { assertWhole, type Compactor, endedRun, makeCompactor, withRuns } from './compactor-fixture.ts'

const options = { timeout: 20_000 }
const LIMIT_SECONDS = 600

/** Each call of the bucket takes as long as `seconds` says; a function that would run longer than it may is ended. */
function withTime(made: Compactor, seconds: (operation: string, key: string) => number) {
  const { bucket, now, store } = made.deps
  let end = Number.POSITIVE_INFINITY
  type Act = (...args: unknown[]) => Promise<unknown>
  const slow = <T extends object>(calls: T, timeOf: (operation: string, key: string) => number) =>
    Object.fromEntries(
      Object.entries(calls).map(([operation, act]: [string, Act]) => [
        operation,
        async (...args: unknown[]) => {
          made.cloud.advance(timeOf(operation, String(args[0])))
          if (now().getTime() > end) throw new Crash('the time of the function is over')
          return act(...args)
        },
      ]),
    ) as T
  made.deps.bucket = slow(bucket, seconds)
  made.deps.store = { ...store, compactLease: slow(store.compactLease, () => 0) }
  made.deps.timeLeft = () => end - now().getTime()
  /** Calls that follow each other, as Lambda makes them; one that died is called again by the sweeper, when its lease is over. */
  return async (event: object, most: number): Promise<{ calls: number; deaths: number }> => {
    let deaths = 0
    made.calls.push(event)
    for (let calls = 0; ; calls++) {
      const left = made.calls.shift() ?? ((await store.compactLease.left(now().toISOString())) ? {} : undefined)
      if (left === undefined) return { calls, deaths }
      assert.ok(calls < most, `not done after ${calls} calls`)
      end = now().getTime() + LIMIT_SECONDS * 1000
      await made.poke(left).catch((error: unknown) => {
        if (!(error instanceof Crash)) throw error
        deaths++
      })
      if (now().getTime() > end) made.cloud.advance(301)
    }
  }
}

const packed = (made: Compactor) => made.index().days.map(day => [day.date, day.packed])

test('a step that takes all of the time has had its turn: the next compactor goes on behind it', options, async () => {
  const { made, runs } = await withRuns([-6, -5, -4], 2)
  const looked: string[] = []
  const call = withTime(made, (operation, key) => {
    if (operation === 'list' && key === HISTORY_KEY.root) looked.push('garbage')
    if (operation === 'folders' && key === 'docs/') looked.push('outputs')
    // The listing alone leaves less than is kept back; so does each day.
    return operation === 'list' && key === HISTORY_KEY.root
      ? 450
      : key.startsWith('history/v1/runs/') && operation === 'write'
        ? 430
        : 0
  })
  const { deaths } = await call({ daily: true }, 8)
  assert.deepEqual([looked, deaths], [['garbage', 'outputs'], 0])
  assert.deepEqual(packed(made), [
    ['2026-11-18', 2],
    ['2026-11-17', 2],
    ['2026-11-16', 2],
  ])
  await assertWhole(made, runs)
})

test('a day that kills the function is left out until the next day; the others are compacted', options, async () => {
  const { made, runs } = await withRuns([-6, -5, -4], 2)
  let kills = 0
  let large = '2026-11-17'
  const call = withTime(made, (operation, key) => {
    if (operation !== 'read' || !key.startsWith(`history/v1/nodes/day=${large}/`)) return 0
    kills++
    return 1000
  })
  const day = async () => call({ daily: true }, 8)
  assert.equal((await day()).deaths, 2, 'it may have died of anything: once more')
  assert.deepEqual(packed(made), [
    ['2026-11-18', 2],
    ['2026-11-17', undefined],
    ['2026-11-16', 2],
  ])
  await assertWhole(made, runs)
  const before = kills
  made.cloud.advance(86_400)
  await day()
  assert.ok(kills > before, 'it is tried again on the next day')
  large = ''
  made.cloud.advance(86_400)
  assert.equal((await day()).deaths, 0)
  assert.deepEqual(
    packed(made).map(([, count]) => count),
    [2, 2, 2],
  )
  await assertWhole(made, runs)
})

test('the work of a day that is asked for while the one before goes on is done after it', options, async () => {
  const { made, runs } = await withRuns([-6, -5], 1)
  let garbage = 0
  let asked = false
  const call = withTime(made, (operation, key) => {
    if (operation === 'list' && key === HISTORY_KEY.root) garbage++
    if (operation === 'folders' && !asked) {
      asked = true
      void made.deps.store.compactLease.note(['daily'])
    }
    return 0
  })
  await call({ daily: true }, 4)
  assert.equal(garbage, 2)
  await assertWhole(made, runs)
})

test(
  'runs that end while the history is written anew are shown meanwhile, and a day too large for one call is gone on with',
  options,
  async () => {
    const made = makeCompactor()
    const runs = Array.from({ length: 60 }, (_, n) => endedRun(n, -3 * 24 * 60 + n))
    const late = endedRun(9000, 0)
    let shown: number | undefined
    let writes = 0
    const call = withTime(made, (operation, key) => {
      if (operation !== 'write' || !key.endsWith('/run.json')) return 0
      writes++
      shown ??= made.index()?.newest[0]?.id === late.id ? writes : undefined
      return 8.5
    })
    for (const run of [...runs, late]) await made.finish(run)
    await made.deps.store.compactLease.note([late.id])
    writes = 0
    const { deaths, calls } = await call({ rebuild: { from: '2026-11-19', to: '2026-11-22' } }, 12)
    assert.equal(deaths, 0)
    assert.ok(calls > 1, `${calls} calls`)
    assert.ok(shown !== undefined && shown <= runs.length, `shown after ${shown} runs were written anew`)
    assert.equal(writes, runs.length + 1)
    await assertWhole(made, [...runs, late])
  },
)

test(
  'runs that cannot be written anew for once are tried again, and no run but the broken one is left out',
  options,
  async () => {
    const { made, runs } = await withRuns([-3], 3)
    const [first] = runs
    assert.ok(first)
    const { write, replace } = made.deps.bucket
    let fails = 1
    made.deps.bucket.replace = async (...args) => {
      if (fails-- > 0) throw new Error('injected: SlowDown')
      return replace(...args)
    }
    made.deps.bucket.write = async (key, ...rest) => {
      if (key.endsWith(`${first.id}/run.json`)) throw new Error('injected: always')
      return write(key, ...rest)
    }
    const note = { rebuild: { from: '2026-11-19', to: '2026-11-22' } }
    await assert.rejects(made.poke(note), /SlowDown/)
    const { doing } = made.cloud.store.table.items.get(PK.compactLease) ?? {}
    assert.ok((doing as Set<string>).has(`rebuild/2026-11-19/2026-11-22/${first.id}`))
    await made.poke({})
    assert.ok(made.cloud.lines.some(line => line.includes('files of a run could not be written anew') && line.includes(first.id)))
    assert.equal(made.day('2026-11-19').length, 3)
  },
)

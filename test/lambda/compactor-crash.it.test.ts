import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunRecord } from '../../shared/run.ts'
import { Crash, makeCloud } from '../fakes/cloud.ts'
import { configOf } from '../fakes/records.ts'
import { assertWhole, makeCompactor, withRuns } from './compactor-fixture.ts'

const options = { timeout: 60_000 }

test(
  'fault 37: dead after each write of the work of a day, every run is there once for who follows the index, then and after',
  options,
  async () => {
    const all = async () => {
      const made = makeCompactor(makeCloud(configOf()), 20)
      const { runs } = await withRuns([-40, -39, -3], 1, made)
      await made.daily()
      made.cloud.advance(3601)
      const late = { ...(runs[0] as RunRecord), endedAt: '2026-11-22T01:00:00.000Z' }
      await made.poke(await made.finish(late))
      return { made, runs: [...runs] }
    }
    for (let writes = 0; ; writes++) {
      const { made, runs } = await all()
      made.cloud.crashAfter(writes)
      const isDeath = (error: unknown) => error instanceof Crash || Promise.reject(error)
      await made.daily().catch(isDeath)
      // One that is dead writes nothing any more.
      const died = await made.deps.bucket.write('probe', '', { type: '' }).then(() => false, isDeath)
      made.cloud.crashAfter(undefined)
      await assertWhole(made, runs)
      made.cloud.advance(3601)
      await made.daily()
      made.cloud.advance(3601)
      await made.daily()
      await assertWhole(made, runs)
      assert.ok(made.index().days.every(day => day.tail.length === 0))
      if (!died) {
        assert.ok(writes > 8, `${writes} writes`)
        return
      }
    }
  },
)

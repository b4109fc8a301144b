import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { compact } from '../../lambda/compactor/compact.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import type { RunRecord } from '../../shared/run.ts'
import { Crash, makeCloud } from '../fakes/cloud.ts'
import { configOf } from '../fakes/records.ts'
import { assertWhole, type Compactor, guard, makeCompactor, withRuns } from './compactor-fixture.ts'

const options = { timeout: 60_000 }

/** Two days of a month and one of this month are compacted, then a run of the month ends once more. */
async function begin() {
  const made = makeCompactor(makeCloud(configOf()), 20)
  const { runs } = await withRuns([-40, -39, -3], 1, made)
  await made.daily()
  made.cloud.advance(3601)
  const late = { ...(runs[0] as RunRecord), endedAt: '2026-11-22T01:00:00.000Z' }
  await made.poke(await made.finish(late))
  const more = await withRuns([-5], 1, made)
  return { made, runs: [...runs, ...more.runs] }
}

/** Whoever takes over, and the days that follow. */
async function goOn(made: Compactor) {
  made.cloud.advance(301)
  await made.poke({})
  for (let day = 0; day < 3; day++) {
    made.cloud.advance(3601)
    await made.daily()
  }
}

/** The index without its time, and the content of all files. */
function stateOf(made: Compactor) {
  const { at: _, ...index } = made.index()
  const files = [...made.cloud.objects].filter(([key]) => key.startsWith(HISTORY_KEY.root) && !/index\/[a-z]+\.json$/.test(key))
  const hash = (body: Uint8Array) => createHash('sha256').update(body).digest('hex')
  return { index, files: files.map(([key, { body }]) => [key, hash(body)]).sort() }
}

test(
  'fault 37: dead at each write of the work of a day and taken over, every run is there once, and all is as if nothing had been',
  options,
  async () => {
    const undisturbed = await begin()
    await undisturbed.made.daily()
    await goOn(undisturbed.made)
    const wanted = stateOf(undisturbed.made)
    for (let most = 0; ; most++) {
      const { made, runs } = await begin()
      let writes = 0
      const deps = guard(made.deps, what => {
        if (writes++ >= most) throw new Crash(`dead before ${what}`)
      })
      await compact(deps, { daily: true }).catch((error: unknown) => error instanceof Crash || Promise.reject(error))
      await assertWhole(made, runs)
      await goOn(made)
      await assertWhole(made, runs)
      assert.deepEqual(stateOf(made), wanted, `dead at write ${most}`)
      if (writes <= most) return assert.ok(most > 30, `${most} writes`)
    }
  },
)

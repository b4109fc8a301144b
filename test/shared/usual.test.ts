import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indexRow } from '../../shared/history-row.ts'
import { tookSeconds } from '../../shared/message-facts.ts'
import type { RunRecord } from '../../shared/run.ts'
import { lateAfterSeconds, usualOf, workBegan } from '../../shared/usual.ts'
import { makeAttempt, makeRun } from '../cli/fakes.ts'

const run = (minutes: number, fields: Partial<RunRecord> = {}) =>
  makeRun('20261122T010004-9f3ac2d1b7e4', {
    startedAt: '2026-11-22T01:00:00Z',
    endedAt: new Date(Date.parse('2026-11-22T01:00:00Z') + minutes * 60_000).toISOString(),
    ...fields,
  })

test('usual is the median of the good runs, and a run is late beyond the longest of them', () => {
  assert.equal(usualOf([run(10), run(12)]), undefined)
  assert.deepEqual(usualOf([run(10), run(12), run(30), run(1, { status: 'error' })]), { usual: 720, longest: 1800 })
  assert.equal(lateAfterSeconds({ usual: 720, longest: 1800 }), 1800)
  assert.equal(lateAfterSeconds({ usual: 60, longest: 70 }), 360)
})

test('a run that was opened again the next morning took as long as its work since then, and says nothing of what is usual', () => {
  const retries = [{ at: '2026-11-22T09:00:00Z', actor: 'ana', attempts: 1 }]
  const attempts = [makeAttempt(1), { ...makeAttempt(2), startedAt: '2026-11-22T09:01:00Z' }]
  const again = run(8 * 60 + 5, { retries, attempts })
  assert.equal(workBegan(again), '2026-11-22T09:01:00Z')
  assert.equal(tookSeconds(again), 240)
  assert.equal(usualOf([run(10), run(12), again]), undefined)
  const size = { cpu: 1024, memory: 2048, disk: 20, architecture: 'arm64', spot: false } as const
  const row = indexRow(again, size) ?? assert.fail('it is over')
  assert.deepEqual([row.seconds, row.retries, usualOf([run(10), run(12), row])], [240, 1, undefined])
  assert.deepEqual(usualOf([run(10), run(12), run(11), again]), { usual: 660, longest: 720 })
  const refused = run(8 * 60 + 5, { retries, attempts: [makeAttempt(1), makeAttempt(2)] })
  assert.deepEqual([workBegan(refused), tookSeconds(refused)], [undefined, 0], 'its task never began')
})

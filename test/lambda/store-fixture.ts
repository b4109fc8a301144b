import assert from 'node:assert/strict'
import { applyEnd } from '../../lambda/common/finalise.ts'
import { OPEN_STATUSES, type Store } from '../../lambda/common/store.ts'
import type { RunRecord } from '../../shared/run.ts'
import { at, attemptOf, requested, runOf } from '../fakes/records.ts'

export const options = { timeout: 60_000 }
export const limits = { job: 1, environment: 2 }
export const claimed = async (s: Store, run: RunRecord) => {
  assert.deepEqual(await s.claim(run), { claimed: true })
  return run
}
export const started = async (s: Store, number: number, over: Partial<RunRecord> = {}) => {
  const run = await claimed(s, runOf(number, { cause: requested(`key-${number}`), causeString: `request ${number}`, ...over }))
  assert.equal(await s.startAttempt(run, attemptOf(), limits), 'started')
  return (await s.run(run.id)) as RunRecord
}
export const end = { status: 'error', reason: 'node_failures', message: '2 of 9 models' } as const
export const closing = { stoppedAt: at(60), exitCode: 1, outcome: end }
export const endRun = (s: Store, run: RunRecord) =>
  s.endRun(run, { statuses: OPEN_STATUSES, attempts: run.attempts.length }, applyEnd(run, end, new Date(at(60)), closing))

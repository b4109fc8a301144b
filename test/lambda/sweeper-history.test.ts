import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import { makeCloud } from '../fakes/cloud.ts'

const options = { timeout: 10_000 }

function makeSweeper() {
  const cloud = makeCloud()
  const calls: object[] = []
  const deps = { ...cloud.deps, compact: async (payload: object) => void calls.push(payload) }
  return { cloud, calls, turn: () => sweep(deps) }
}

test('the sweeper calls the compactor once a day, from noon on', options, async () => {
  const { cloud, calls, turn } = makeSweeper()
  await turn()
  await turn()
  assert.deepEqual(calls, [{ daily: true }])
  cloud.advance(9 * 3600)
  await turn()
  assert.equal(calls.length, 1)
  cloud.advance(3600)
  await turn()
  await turn()
  assert.equal(calls.length, 2)
})

test('what a compactor left that died is done by the next one', options, async () => {
  const { cloud, calls, turn } = makeSweeper()
  await turn()
  const { compactLease } = cloud.store
  await compactLease.note(['2026-11-21'])
  await compactLease.acquire('a', cloud.deps.now().toISOString(), new Date(cloud.deps.now().getTime() + 300_000).toISOString())
  await turn()
  assert.equal(calls.length, 1, 'somebody works on it')
  cloud.advance(301)
  await turn()
  assert.deepEqual(calls[1], {})
})

/** The same deliveries in any order come to the same end. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dispatch } from '../../lambda/dispatcher/dispatch.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { sweep } from '../../lambda/sweeper/sweep.ts'
import { type FakeCloud, makeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { configOf, hashOf, jobOf, runId, runOf } from '../fakes/records.ts'

/** All orders of a list. */
function* orders<T>(list: readonly T[]): Generator<T[]> {
  if (list.length === 0) yield []
  for (const [index, first] of list.entries())
    for (const rest of orders([...list.slice(0, index), ...list.slice(index + 1)])) yield [first, ...rest]
}

type Delivery = (cloud: FakeCloud) => Promise<void>

/** A run whose task was made, stopped, and left no result; nobody has heard of it yet. */
async function makeStopped(): Promise<FakeCloud> {
  const config = configOf([jobOf({ docs: false, publishes: [] })])
  const cloud = makeCloud(config)
  await cloud.store.claim({ ...runOf(1), config: hashOf(config) })
  await dispatch(cloud.deps, {})
  const [task] = cloud.ecs.tasks.values()
  assert.ok(task)
  Object.assign(task, stopOf(137, {}, 'OutOfMemoryError: Container killed due to memory usage'))
  cloud.calls.length = 0
  cloud.advance(900)
  return cloud
}
const task = (cloud: FakeCloud) => {
  const [made] = cloud.ecs.tasks.values()
  assert.ok(made)
  return made
}
const running: Delivery = cloud =>
  finish(cloud.deps, taskEvent(task(cloud), { lastStatus: 'RUNNING', version: 3, startedAt: '2026-11-22T02:01:00.000Z' }))
const stopped: Delivery = cloud => finish(cloud.deps, taskEvent(task(cloud)))
const cancel: Delivery = async cloud => {
  await cloud.store.askCancel(runId(1), { at: '2026-11-22T02:11:00.000Z', actor: 'local:ana' })
}
const poke: Delivery = cloud => dispatch(cloud.deps, { runs: [runId(1)] })
const effects: Delivery = cloud => finish(cloud.deps, { effects: [runId(1)] })
const turn: Delivery = cloud => sweep(cloud.deps)

async function endOf(deliveries: readonly Delivery[]) {
  const cloud = await makeStopped()
  for (const deliver of deliveries) await deliver(cloud)
  for (let left = 3; left > 0; left--) {
    cloud.advance(300)
    await sweep(cloud.deps)
  }
  const run = await cloud.run(runId(1))
  const messages = cloud.message().map(message => message.pk)
  const places = cloud.store.environmentRuns('shop/prod')
  return { status: run.status, reason: run.reason, attempts: run.attempts.length, effects: run.effects, messages, places }
}

test('fault 32: every order of the same deliveries comes to the same end, with one message', { timeout: 240_000 }, async () => {
  const deliveries = [running, stopped, stopped, poke, effects, turn]
  const first = await endOf(deliveries)
  assert.deepEqual([first.status, first.reason, first.messages.length, first.places], ['error', 'out_of_memory', 1, []])
  let count = 0
  for (const order of orders(deliveries)) {
    assert.deepEqual(await endOf(order), first)
    count++
  }
  assert.equal(count, 720)
})

test('fault 32: who cancels before the end is heard of decides it, who comes after it changes nothing', {
  timeout: 240_000,
}, async () => {
  for (const order of orders([running, stopped, cancel, effects, turn])) {
    const ends = [stopped, turn].map(each => order.indexOf(each))
    const cancelled = order.indexOf(cancel) < Math.min(...ends)
    const { status, messages } = await endOf(order)
    assert.equal(status, cancelled ? 'cancelled' : 'error')
    assert.equal(messages.length, cancelled ? 0 : 1)
  }
})

/** The check is checked: mistakes of one line each, which the simulation has to find by the rule that is there for them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildSimulation, loadSimulation } from './build.ts'
import { runMany } from './many.ts'
import { MUTATIONS } from './mutations.ts'
import { shrink } from './shrink.ts'

/** Each is found within a fifth of it. */
const RUNS = 30_000

for (const mutation of MUTATIONS)
  test(`simulation finds that ${mutation.name}`, { timeout: 1_800_000 }, async context => {
    const { broken, runs } = await runMany(await buildSimulation(mutation), { from: 1, runs: RUNS, stopAt: 1 })
    const rule = broken[0]?.broken?.rule
    assert.ok(rule, `not found in ${runs} runs`)
    context.diagnostic(`after ${runs} runs: ${rule}`)
    assert.ok(mutation.rules.includes(rule), `found by "${rule}", not by ${mutation.rules.join(' or ')}`)
  })

test('simulation: a failing seed is made small, and the small case fails alike when it is run again', {
  timeout: 1_800_000,
}, async context => {
  const [mutation] = MUTATIONS
  assert.ok(mutation)
  const bundle = await buildSimulation(mutation)
  const { simulate } = await loadSimulation(bundle)
  const { broken } = await runMany(bundle, { from: 1, runs: RUNS, stopAt: 1 })
  const [failing] = broken
  assert.ok(failing?.broken)
  const small = await shrink(simulate, failing, 60)
  context.diagnostic(
    `${failing.actions.length} actions and ${failing.happened.length} faults: ${small.actions.length} and ${small.faults.length}`,
  )
  assert.ok(small.actions.length < failing.actions.length / 2, 'fewer actions')
  const story: string[] = []
  const wanted = { seed: small.seed, faults: new Set(small.faults), actions: new Set(small.actions) }
  const again = await simulate({ ...wanted, trace: line => story.push(line) })
  assert.deepEqual(again.broken, small.broken)
  assert.ok(story.some(line => line.includes('BROKEN')))
})

test('simulation: the same seed has the same story, whatever was simulated before it', { timeout: 1_800_000 }, async () => {
  const { simulate } = await loadSimulation(await buildSimulation())
  const storyOf = async (seed: number) => {
    const story: string[] = []
    await simulate({ seed, trace: line => story.push(line) })
    return story
  }
  const first = await storyOf(11)
  await storyOf(12)
  assert.ok(first.length > 1000)
  assert.deepEqual(await storyOf(11), first)
})

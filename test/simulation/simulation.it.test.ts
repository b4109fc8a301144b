/** The model check: docs/simulation.md says what it models and how a seed is seen again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadSimulation } from './build.ts'
import { explain, runMany } from './many.ts'
import { MUTATIONS } from './mutations.ts'
import { shrink } from './shrink.ts'

/** Runs of jobs; other seeds with `SIMULATION_FROM`. Alone on one core of 2026 it takes five minutes. */
const RUNS = Number(process.env.SIMULATION_RUNS ?? 100_000)
const FROM = Number(process.env.SIMULATION_FROM ?? 1)
/** A machine that does other things meanwhile comes less far, and says so. */
const MILLISECONDS = 400_000

test('simulation: every run starts once, ends once, and is told of, whatever fails', { timeout: 590_000 }, async context => {
  const { simulate } = await loadSimulation()
  const total = await runMany(simulate, FROM, RUNS, MILLISECONDS)
  for (const line of total.words.split('\n')) context.diagnostic(line)
  const [failing] = total.broken
  if (failing) assert.fail(await explain(simulate, failing))
  if (total.runs < RUNS) context.diagnostic(`stopped after ${MILLISECONDS / 1000} s, before ${RUNS} runs`)
  // Of few runs nobody can say exactly how many faults they have.
  const least = total.runs >= 100_000 ? 1000 : Math.floor(total.runs / 200)
  for (const [kind, count] of total.faults) assert.ok(count >= least, `"${kind}" was injected ${count} times, not ${least}`)
})

for (const mutation of MUTATIONS)
  test(`simulation finds that ${mutation.name}`, { timeout: 300_000 }, async context => {
    const { simulate } = await loadSimulation(mutation)
    const { broken, runs } = await runMany(simulate, 1, 30_000, 280_000, 1)
    assert.ok(broken.length > 0, `not found in ${runs} runs`)
    context.diagnostic(`after ${runs} runs: ${broken[0]?.broken?.rule}`)
  })

test('simulation: a failing seed is made small, and the small case fails alike when it is run again', {
  timeout: 120_000,
}, async context => {
  const [mutation] = MUTATIONS
  assert.ok(mutation)
  const { simulate } = await loadSimulation(mutation)
  const { broken } = await runMany(simulate, 1, 10_000, 60_000, 1)
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

/** The model check: docs/simulation.md says what it models and how a seed is seen again. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildSimulation } from './build.ts'
import { explain, runMany } from './many.ts'

/** Runs of jobs; other seeds with `SIMULATION_FROM`. */
const RUNS = Number(process.env.SIMULATION_RUNS ?? 100_000)
const FROM = Number(process.env.SIMULATION_FROM ?? 1)

test('simulation: every run starts once, ends once, and is told of, whatever fails', { timeout: 3_300_000 }, async context => {
  const bundle = await buildSimulation()
  const total = await runMany(bundle, { from: FROM, runs: RUNS, stopAt: 1 })
  for (const line of total.words.split('\n')) context.diagnostic(line)
  const [failing] = total.broken
  if (failing) assert.fail(await explain(bundle, failing))
  // Of few runs nobody can say exactly how many faults they have.
  const least = total.runs >= 100_000 ? 1000 : Math.floor(total.runs / 200)
  for (const [kind, count] of total.faults) assert.ok(count >= least, `"${kind}" was injected ${count} times, not ${least}`)
  for (const [what, count] of total.seen) assert.ok(count >= total.runs / 1000, `${what}: ${count} in ${total.runs} runs`)
})

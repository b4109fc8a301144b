/**
 * Simulations from the command line, all with `node --import tsx test/simulation/main.ts`:
 * - `SIMULATION_SEED=7`: one, with its story
 * - `SIMULATION_CASE=FILE`: what is left of a seed that was made small, with its story
 * - `SIMULATION_RUNS=20000` and `SIMULATION_FROM=1`: many seeds; a failing one is made small and kept as a file
 */
import { readFileSync } from 'node:fs'
import { buildSimulation, loadSimulation } from './build.ts'
import { explain, runMany } from './many.ts'
import type { Shrunk } from './shrink.ts'

const { SIMULATION_SEED: seed, SIMULATION_CASE: file, SIMULATION_RUNS: runs, SIMULATION_FROM: from } = process.env
const bundle = await buildSimulation()
const { simulate } = await loadSimulation(bundle)
const trace = (line: string) => void process.stdout.write(`${line}\n`)
if (file) {
  const { seed: own, faults, actions } = JSON.parse(readFileSync(file, 'utf8')) as Shrunk
  const { broken } = await simulate({ seed: own, faults: new Set(faults), actions: new Set(actions), trace })
  process.stdout.write(`${broken ? `BROKEN: ${broken.rule}: ${broken.details}` : 'settled'}\n`)
} else if (seed) {
  const { broken } = await simulate({ seed: Number(seed), trace })
  process.stdout.write(`${broken ? `BROKEN: ${broken.rule}: ${broken.details}` : 'settled'}\n`)
} else {
  const total = await runMany(bundle, { from: Number(from ?? 1), runs: Number(runs ?? 10_000), stopAt: 5 })
  process.stdout.write(`${total.words}\n`)
  for (const failing of total.broken.slice(0, 3)) process.stdout.write(`${await explain(bundle, failing)}\n`)
  if (total.broken.length) process.exitCode = 1
}

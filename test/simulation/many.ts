/** Many simulations, one seed after the other; and what is said of one that broke a rule. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FAULT_KINDS, type Fault } from './faults.ts'
import { shrink } from './shrink.ts'
import type { Case, Outcome } from './simulate.ts'

type Simulate = (wanted: Case) => Promise<Outcome>

export interface Total {
  runs: number
  seeds: [number, number]
  faults: Map<Fault, number>
  broken: Outcome[]
  words: string
}

/** Until so many runs were made, or `milliseconds` are over, or `stopAt` seeds have failed. */
export async function runMany(simulate: Simulate, from: number, runs: number, milliseconds: number, stopAt = 5): Promise<Total> {
  const started = performance.now()
  const faults = new Map<Fault, number>(FAULT_KINDS.map(kind => [kind, 0]))
  const broken: Outcome[] = []
  let made = 0
  let seed = from
  for (; made < runs && performance.now() - started < milliseconds && broken.length < stopAt; seed++) {
    const outcome = await simulate({ seed })
    made += outcome.runs
    for (const [kind, count] of outcome.faults) faults.set(kind, (faults.get(kind) ?? 0) + count)
    if (outcome.broken) broken.push(outcome)
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  const injected = [...faults].map(([kind, count]) => `${String(count).padStart(8)}  ${kind}`).join('\n')
  const words = `${made} runs in ${seconds} s, seeds ${from} to ${seed - 1}; faults injected:\n${injected}`
  return { runs: made, seeds: [from, seed - 1], faults, broken, words }
}

const STORY_LINES = 120
const TRIES = 150

/** Makes the seed small, keeps it and its story as files, and says how to see it again. */
export async function explain(simulate: Simulate, outcome: Outcome): Promise<string> {
  const small = await shrink(simulate, outcome, TRIES)
  const story: string[] = []
  const trace = (line: string) => void story.push(line)
  await simulate({ seed: small.seed, faults: new Set(small.faults), actions: new Set(small.actions), trace })
  const folder = join(import.meta.dirname, '..', '..', '.cache', 'simulation')
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `seed-${small.seed}.json`)
  writeFileSync(file, JSON.stringify(small))
  writeFileSync(file.replace('.json', '.txt'), story.join('\n'))
  const before = story.slice(0, story.findIndex(line => line.includes('BROKEN')) + 1)
  return [
    `seed ${small.seed} breaks a rule: ${small.broken.rule}: ${small.broken.details}`,
    `It takes ${small.actions.length} actions and ${small.faults.length} faults: ${small.faults.join(', ')}`,
    ...before.slice(-STORY_LINES),
    `again: SIMULATION_CASE=${file} node --import tsx test/simulation/main.ts`,
    `all of the seed: SIMULATION_SEED=${small.seed} node --import tsx test/simulation/main.ts`,
  ].join('\n')
}

/** Many simulations, a thread for each core; and what is said of one that broke a rule. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { loadSimulation } from './build.ts'
import { FAULT_KINDS, type Fault } from './faults.ts'
import { SEEN, type Seen } from './seen.ts'
import { shrink } from './shrink.ts'
import type { Outcome } from './simulate.ts'

export interface Total {
  runs: number
  faults: Map<Fault, number>
  seen: Map<Seen, number>
  broken: Outcome[]
  words: string
}

interface Wanted {
  from: number
  runs: number
  /** So many seeds that break a rule are enough. */
  stopAt: number
}

/** `file`: the bundle. Seeds are counted in their order, so that the machine has no part in what comes out. */
export async function runMany(file: string, { from, runs, stopAt }: Wanted): Promise<Total> {
  const started = performance.now()
  const faults = new Map<Fault, number>(FAULT_KINDS.map(kind => [kind, 0]))
  const seen = new Map<Seen, number>(SEEN.map(what => [what, 0]))
  const broken: Outcome[] = []
  const done = new Map<number, Outcome>()
  let [made, seed, next] = [0, from, from]
  const isEnough = () => made >= runs || broken.length >= stopAt
  const count = () => {
    for (let outcome = done.get(seed); outcome && !isEnough(); outcome = done.get(++seed)) {
      made += outcome.runs
      add(faults, outcome.faults)
      add(seen, outcome.seen)
      if (outcome.broken) broken.push(outcome)
      done.delete(seed)
    }
  }
  const simulateOn = async (thread: Worker) => {
    while (!isEnough()) {
      const mine = next++
      done.set(mine, await askThread(thread, mine))
      count()
    }
  }
  const threads = Array.from({ length: availableParallelism() }, () => makeThread(file))
  try {
    await Promise.all(threads.map(simulateOn))
  } finally {
    await Promise.all(threads.map(thread => thread.terminate()))
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(0)
  const words = `${made} runs in ${seconds} s on ${threads.length} threads, seeds ${from} to ${seed - 1}:${listed(seen)}\nfaults injected:${listed(faults)}`
  return { runs: made, faults, seen, broken, words }
}

function add<K>(total: Map<K, number>, more: ReadonlyMap<K, number>): void {
  for (const [key, count] of more) total.set(key, (total.get(key) ?? 0) + count)
}
const listed = (counts: ReadonlyMap<string, number>) =>
  [...counts].map(([what, count]) => `\n${String(count).padStart(8)}  ${what}`).join('')

/** The bundle needs no loader: one would make every thread slow to begin. With room for what is soon forgotten it is tidied up less often. */
const makeThread = (file: string) => new Worker(file, { execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: 48 } })

function askThread(thread: Worker, seed: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(new Error(`seed ${seed} cannot be simulated`, { cause: error }))
    thread.once('error', fail)
    thread.once('message', (outcome: Outcome) => {
      thread.off('error', fail)
      resolve(outcome)
    })
    thread.postMessage(seed)
  })
}

const STORY_LINES = 120
const TRIES = 150

/** Makes the seed small, keeps it and its story as files, and says how to see it again. */
export async function explain(file: string, outcome: Outcome): Promise<string> {
  const { simulate } = await loadSimulation(file)
  const small = await shrink(simulate, outcome, TRIES)
  const story: string[] = []
  const trace = (line: string) => void story.push(line)
  await simulate({ seed: small.seed, faults: new Set(small.faults), actions: new Set(small.actions), trace })
  const folder = join(import.meta.dirname, '..', '..', '.cache', 'simulation')
  mkdirSync(folder, { recursive: true })
  const kept = join(folder, `seed-${small.seed}.json`)
  writeFileSync(kept, JSON.stringify(small))
  writeFileSync(kept.replace('.json', '.txt'), story.join('\n'))
  const before = story.slice(0, story.findIndex(line => line.includes('BROKEN')) + 1)
  return [
    `seed ${small.seed} breaks a rule: ${small.broken.rule}: ${small.broken.details}`,
    `It takes ${small.actions.length} actions and ${small.faults.length} faults: ${small.faults.join(', ')}`,
    ...before.slice(-STORY_LINES),
    `again: SIMULATION_CASE=${kept} node --import tsx test/simulation/main.ts`,
    `all of the seed: SIMULATION_SEED=${small.seed} node --import tsx test/simulation/main.ts`,
  ].join('\n')
}

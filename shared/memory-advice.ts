/** Whether tasks are larger than their jobs need: by the peak of memory of the newest runs. */
import type { EnvironmentConfig } from './config-model.ts'
import { estimateCost } from './cost.ts'
import { memoriesOf } from './fargate.ts'
import type { RunRecord } from './run.ts'

/** Runs of a job that are looked at, newest first: as many as one read of the table gives. */
export const ADVICE_RUNS = 20
/** Fewer good runs say too little. */
const LEAST_RUNS = 5
/** The next run may need half as much again: data grow. */
const ROOM = 1.5
const MEBIBYTE = 1024 ** 2
const DAY_MS = 86_400_000
const MONTH_DAYS = 30

export interface MemoryAdvice {
  /** MiB: of the environment, and what would do. The CPU stays. */
  memory: number
  smaller: number
  /** Highest of so many good runs. */
  peakBytes: number
  runs: number
  /** USD of list prices that a month of such runs would cost less; undefined: not known, or on Spot, whose prices move. */
  monthly?: number
}

/**
 * What would do for all jobs of an environment, or for one: `runs` of each, newest first. Undefined: nothing smaller would,
 * or too little is known of one of them.
 */
export function adviseMemory(jobs: readonly (readonly RunRecord[])[], size: EnvironmentConfig['size']): MemoryAdvice | undefined {
  const goodOf = jobs.map(runs => runs.filter(isGood))
  if (goodOf.some(good => good.length < LEAST_RUNS) || jobs.flat().some(neededMore)) return undefined
  const peakBytes = Math.max(...goodOf.flat().map(run => run.peakMemoryBytes ?? 0))
  const smaller = smallerSize(peakBytes, size)
  if (smaller === undefined) return undefined
  const saved = goodOf.flatMap(good => savedInMonth(good, size, smaller) ?? [])
  const monthly = saved.length === jobs.length ? saved.reduce((sum, usd) => sum + usd, 0) : undefined
  return { memory: size.memory, smaller, peakBytes, runs: goodOf.flat().length, ...(monthly !== undefined && { monthly }) }
}

/** Whether a look at more runs of the job is worth their reading. */
export const hasRoom = (run: RunRecord, size: EnvironmentConfig['size']): boolean =>
  run.peakMemoryBytes !== undefined && smallerSize(run.peakMemoryBytes, size) !== undefined

/** In a row: what was not enough once may be so again, and an attempt that runs out of memory is lost. */
const RUNS_TO_FORGET = 10

/**
 * Whether a job that was given more memory than its environment has, since it once ran out of it, would fit again. `runs`: its
 * newest, newest first.
 */
export function fitsAgain(runs: readonly RunRecord[], { memory }: EnvironmentConfig['size']): boolean {
  const newest = runs.filter(isGood).slice(0, RUNS_TO_FORGET)
  const last = newest.at(-1)
  if (!last || newest.length < RUNS_TO_FORGET) return false
  const since = runs.slice(0, runs.indexOf(last) + 1)
  if (since.some(run => run.attempts.some(each => each.larger === 'stepped' || each.outcome?.reason === 'out_of_memory')))
    return false
  const fits = (run: RunRecord) => (run.peakMemoryBytes ?? Number.POSITIVE_INFINITY) * ROOM <= memory * MEBIBYTE
  return newest.every(run => run.attempts[0]?.larger === 'remembered' && fits(run))
}

/** Of an attempt that went on where another had stopped the peak says nothing of the whole job. */
const isGood = (run: RunRecord) =>
  (run.status === 'success' || run.status === 'warn') &&
  !run.overrides &&
  run.attempts.length === 1 &&
  run.peakMemoryBytes !== undefined

const neededMore = ({ attempts }: RunRecord) =>
  attempts.some(attempt => attempt.larger !== undefined || attempt.outcome?.reason === 'out_of_memory')

function smallerSize(peakBytes: number, { cpu, memory }: EnvironmentConfig['size']): number | undefined {
  const least = memoriesOf(cpu).find(each => each * MEBIBYTE >= peakBytes * ROOM)
  return least !== undefined && least < memory ? least : undefined
}

/** The runs go on as often as they came. */
function savedInMonth(runs: readonly RunRecord[], size: EnvironmentConfig['size'], smaller: number): number | undefined {
  const times = runs.map(run => Date.parse(run.claimedAt))
  const days = (Math.max(...times) - Math.min(...times)) / DAY_MS
  if (days < 1 || runs.some(run => run.attempts.some(attempt => attempt.capacity === 'FARGATE_SPOT'))) return undefined
  const costWith = (memory: number, run: RunRecord) =>
    estimateCost({ ...run, attempts: run.attempts.map(each => ({ ...each, cpu: size.cpu, memory })) }, size) ?? 0
  const saved = runs.reduce((sum, run) => sum + costWith(size.memory, run) - costWith(smaller, run), 0)
  return ((saved / runs.length) * (runs.length - 1) * MONTH_DAYS) / days
}

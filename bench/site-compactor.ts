/** What compaction takes: of a heavy day, of a month, and a history that is written anew. */

import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { documentClient } from '../lambda/common/clients.ts'
import { makeCompactLease } from '../lambda/common/dynamo-compact.ts'
import { rebuildNote } from '../lambda/compactor/rebuild.ts'
import { type Figure, figureOf } from './figures.ts'
import type { Part, Values } from './rounds.ts'
import { bundleFunction, callCompactor } from './site-compactor-call.ts'
import { type Day, daysUntil, holdIndex, leaveDays, leaveLogs, leaveRuns, runsOf } from './site-compactor-made.ts'
import { type Installation, makeInstallation, optionsOf } from './site-store.ts'
import type { Bench } from './start.ts'

/** A heavy day, and what a day of 100,000 runs in two years has. */
const RUNS_OF_DAY = 300
const USUAL_RUNS = 137
const DAYS = 730
/** It is over for 36 hours. */
const CLOSED_DAYS = 4
/** Of the function's 1,536: the rest is room for results that are larger than these. */
const MOST_MB = 1024
const MESSAGE = 'Binder Error: Referenced column "amount_usd" not found in FROM clause! Candidate bindings: "amount"\n'.repeat(20)

const day = (count: number, more: Omit<Day, 'runs'>): Day => ({
  runs: runsOf(daysUntil(CLOSED_DAYS, 1)[0] ?? '', count),
  ...more,
})
/** The bound is of all results together: the largest table is one that has all of them. */
const SHAPES = {
  day: () => day(RUNS_OF_DAY, { counts: { success: 1000 } }),
  good: () => day(83, { times: 10, counts: { success: 6000 } }),
  failed: () => day(16, { times: 10, counts: { error: 6000 }, message: MESSAGE }),
}

export const compactorParts = (rounds: number): Part[] => [
  {
    name: 'compactor-day',
    rounds,
    async start(bench) {
      const calls: [string, () => Promise<Values>][] = []
      for (const [name, shape] of Object.entries(SHAPES)) {
        const to = await open(bench, `compactor-${name}`)
        await leaveRuns(to, shape())
        calls.push([name, await caller(bench, to, async () => ({ daily: true }))])
      }
      return async () => {
        const values: Values = {}
        for (const [name, call] of calls) Object.assign(values, named(name, await call()))
        return values
      }
    },
    figures: all => [
      ...figuresOf(all, 'day', `compaction of a day of ${RUNS_OF_DAY} runs of 1000 nodes`),
      ...memoryOf(all, 'good', 'compaction of a file of 500,000 results, the most it may have'),
      ...memoryOf(all, 'failed', 'compaction of a file of 100,000 that failed, each with 2,000 characters'),
    ],
  },
  {
    name: 'compactor-month',
    rounds,
    async start(bench) {
      const to = await open(bench, 'compactor-month')
      await leaveDays(to, monthOver(), USUAL_RUNS, true)
      const call = await caller(bench, to, async () => ({ daily: true }))
      return async () => named('month', await call())
    },
    figures: all => figuresOf(all, 'month', `compaction of a month of ${USUAL_RUNS} runs a day, from files of its days`),
  },
  {
    name: 'compactor-rebuild',
    rounds,
    async start(bench) {
      const to = await open(bench, 'compactor-rebuild')
      const days = daysUntil(1, DAYS)
      const last = days.at(-1) ?? ''
      await leaveDays(to, days, USUAL_RUNS, false)
      await leaveLogs(to, runsOf(last, USUAL_RUNS))
      const lease = makeCompactLease({ client: documentClient(new DynamoDBClient(optionsOf(bench.cloud))), table: to.name })
      const call = await caller(bench, to, async () => {
        await lease.note([rebuildNote(last, last)])
        return {}
      })
      return async () => named('rebuild', await call())
    },
    figures: all => figuresOf(all, 'rebuild', `a day of ${USUAL_RUNS} runs written anew (history rebuild), 100,000 in the index`),
  },
]

/** All days of the month before the last. */
function monthOver(): string[] {
  const now = new Date()
  const month = (back: number) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)
  const count = (month(1) - month(2)) / 86_400_000
  return Array.from({ length: count }, (_, n) => new Date(month(2) + n * 86_400_000).toISOString().slice(0, 10))
}

async function open(bench: Bench, name: string): Promise<Installation> {
  const to = await makeInstallation(bench.cloud, name)
  bench.atEnd(async () => to.close())
  return to
}

/** Each call finds the index as it is now. */
async function caller(
  { folder, cloud }: Bench,
  to: Installation,
  prepare: () => Promise<object>,
): Promise<() => Promise<Values>> {
  const program = await bundleFunction(folder, 'compactor')
  const restore = await holdIndex(to)
  return async () => {
    await restore()
    return callCompactor(cloud, to, program, await prepare())
  }
}

const named = (name: string, values: Values): Values =>
  Object.fromEntries(Object.entries(values).map(([key, value]) => [`${name}.${key}`, value]))
const column = (all: readonly Values[], key: string) => all.map(values => values[key] ?? Number.NaN)

const memoryOf = (all: readonly Values[], name: string, what: string): Figure[] =>
  figureOf({ name: `${what}: peak memory`, unit: 'MB', target: MOST_MB }, column(all, `${name}.megabytes`))

const figuresOf = (all: readonly Values[], name: string, what: string): Figure[] => [
  ...figureOf({ name: what, unit: 's', target: null }, column(all, `${name}.seconds`)),
  ...figureOf({ name: `${what}: processor`, unit: 's', target: null }, column(all, `${name}.cpuSeconds`)),
  ...memoryOf(all, name, what),
  ...figureOf({ name: `${what}: price`, unit: '/1000 USD', target: null }, column(all, `${name}.milliUsd`)),
]

/** Advice to take smaller tasks, read from the newest runs. Says nothing where too little is known. */
import type { Config, EnvironmentConfig } from '../shared/config-model.ts'
import { fullName } from '../shared/contract.ts'
import { formatBytes, formatMoney, plural } from '../shared/format.ts'
import { ADVICE_RUNS, adviseMemory, hasRoom, type MemoryAdvice } from '../shared/memory-advice.ts'
import type { RunRecord } from '../shared/run.ts'
import type { Table } from './connection.ts'
import { findRuns } from './runs-query.ts'

const MEBIBYTE = 1024 ** 2
/** Jobs whose runs are read for it: `status` is to stay quick in a large installation. */
const MOST_JOBS = 50

/** `2 GB of memory would do: 812 MB at most in 12 good runs, about 3.20 USD a month less`. */
export function adviceText({ smaller, peakBytes, runs, monthly }: MemoryAdvice): string {
  const saved = monthly !== undefined && monthly >= 0.01 ? `, about ${formatMoney(monthly)} a month less` : ''
  return `${formatBytes(smaller * MEBIBYTE)} of memory would do: ${formatBytes(peakBytes)} at most in ${plural(runs, 'good run')}${saved}`
}

/** For the job of a run, in words; empty where there is nothing to say. */
export async function adviseForRun(table: Table, config: () => Promise<Config>, run: RunRecord, now: Date): Promise<string> {
  if (run.peakMemoryBytes === undefined) return ''
  const { environments, jobs } = await config()
  const size = environments[fullName(run.project, run.environment)]?.size
  if (!size || !hasRoom(run, size)) return ''
  const advice = adviseMemory([await findRuns(table, { job: fullName(run.project, run.job), limit: ADVICE_RUNS }, now)], size)
  if (!advice) return ''
  const shared = Object.values(jobs).some(
    job => job.project === run.project && job.environment === run.environment && job.name !== run.job,
  )
  const condition = shared ? ' if its other jobs need no more (tidemill status looks at all)' : ''
  return `${adviceText(advice)}. Set environments.${run.environment}.size.memory${condition}`
}

/** By environment, of all its jobs that have run. `last`: newest run of each job, by full name. */
export async function adviseEnvironments(
  table: Table,
  config: Config,
  last: ReadonlyMap<string, RunRecord>,
  now: Date,
): Promise<{ environment: string; advice: MemoryAdvice }[]> {
  const all = Object.entries(config.environments).map(([environment, { size }]) => ({
    environment,
    size,
    jobs: jobsOf(config, environment).filter(job => last.has(job)),
  }))
  const found: { environment: string; advice: MemoryAdvice }[] = []
  let left = MOST_JOBS
  for (const { environment, size, jobs } of all) {
    if (jobs.length > left || !jobs.length || !jobs.every(job => mayHaveRoom(last.get(job), size))) continue
    left -= jobs.length
    const runs = await Promise.all(jobs.map(job => findRuns(table, { job, limit: ADVICE_RUNS }, now)))
    const advice = adviseMemory(runs, size)
    if (advice) found.push({ environment, advice })
  }
  return found
}

const jobsOf = ({ jobs }: Config, environment: string) =>
  Object.entries(jobs).flatMap(([name, job]) => (fullName(job.project, job.environment) === environment ? [name] : []))

/** A run that was skipped, or goes on, says nothing yet: those before it may. */
const mayHaveRoom = (run: RunRecord | undefined, size: EnvironmentConfig['size']) =>
  run !== undefined && (run.peakMemoryBytes === undefined || hasRoom(run, size))

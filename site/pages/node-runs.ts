/** What the results of one node over runs say. Pure. */
import type { NodeRun } from '../../shared/page-api.ts'

const isBad = ({ status }: NodeRun) => status === 'error' || status === 'fail'
const isGood = ({ status }: NodeRun) => status === 'success' || status === 'warn'

/** Times that it turned from good to bad or back on the same commit: the data, the warehouse or chance, not the code. */
export function flips(runs: readonly NodeRun[]): number {
  const seen = runs.filter(run => isBad(run) || isGood(run))
  return seen.filter((run, i) => {
    const before = seen[i + 1]
    return before && before.commit !== undefined && before.commit === run.commit && isBad(before) !== isBad(run)
  }).length
}

export function medianSeconds(runs: readonly NodeRun[]): number | undefined {
  const took = runs.flatMap(run => (isGood(run) && run.seconds !== undefined ? [run.seconds] : [])).sort((a, b) => a - b)
  return took[Math.floor(took.length / 2)]
}

/** Makes a failing seed small: without most of its faults and actions the same rule is still broken. */
import type { Case, Outcome } from './simulate.ts'

type Simulate = (wanted: Case) => Promise<Outcome>

export interface Shrunk {
  seed: number
  faults: string[]
  actions: number[]
  broken: NonNullable<Outcome['broken']>
}

/** `tries`: simulations at most. */
export async function shrink(simulate: Simulate, first: Outcome, tries: number): Promise<Shrunk> {
  if (!first.broken) throw new Error(`seed ${first.seed} breaks no rule`)
  const { rule } = first.broken
  let smallest: Shrunk = { seed: first.seed, faults: first.happened, actions: first.actions, broken: first.broken }
  let left = tries
  /** Takes it over if the rule is broken still. What did not take part any more is left out as well. */
  const accept = async (faults: readonly string[], actions: readonly number[]): Promise<boolean> => {
    if (left-- <= 0) return false
    const { broken, happened } = await simulate({ seed: first.seed, faults: new Set(faults), actions: new Set(actions) })
    if (broken?.rule !== rule) return false
    smallest = { seed: first.seed, faults: happened, actions: [...actions], broken }
    return true
  }
  for (let size = smallest.faults.length; size >= 1 && left > 0; size = Math.floor(size / 2))
    for (let from = 0; from < smallest.faults.length; ) {
      const { faults, actions } = smallest
      if (!(await accept([...faults.slice(0, from), ...faults.slice(from + size)], actions))) from += size
      if (left <= 0) break
    }
  for (let size = smallest.actions.length; size >= 1 && left > 0; size = Math.floor(size / 2))
    for (let from = 0; from < smallest.actions.length; ) {
      const { faults, actions } = smallest
      if (!(await accept(faults, [...actions.slice(0, from), ...actions.slice(from + size)]))) from += size
      if (left <= 0) break
    }
  return smallest
}

/** Chance from a seed: the same seed gives the same numbers on every machine. */
export interface Random {
  /** 0 (included) to 1 (excluded). */
  next(): number
  chance(probability: number): boolean
  /** Whole number from `low` to `high`, both included. */
  int(low: number, high: number): number
  pick<T>(list: readonly T[]): T
  /** Mostly near `mean`, sometimes far above it. */
  around(mean: number): number
  hex(digits: number): string
}

/** Mulberry32 on a 32-bit state. */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    next,
    int,
    chance: probability => next() < probability,
    pick: list => list[Math.floor(next() * list.length)] as (typeof list)[number],
    around: mean => -Math.log(1 - next()) * mean,
    hex: digits => Array.from({ length: digits }, () => int(0, 15).toString(16)).join(''),
  }
}

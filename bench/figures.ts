/** Figures of a benchmark, with what they are measured against. */
export interface Figure {
  name: string
  value: number
  unit: string
  /** At most, or at least where `atLeast`; null: shown for comparison only. */
  target: number | null
  atLeast?: boolean
  /** By the value. */
  met: boolean | null
  /** By the end of the interval that is worse for us. */
  sure: boolean | null
  interval: [number, number]
  samples: number[]
}

export interface FigureSpec {
  name: string
  unit: string
  target: number | null
  atLeast?: boolean
  /** What all samples come to; the median unless told otherwise. */
  of?(samples: readonly number[]): number
}

/** Without a sample there is no figure. */
export function figureOf({ name, unit, target, atLeast, of }: FigureSpec, samples: readonly number[]): Figure[] {
  if (samples.length === 0) return []
  const value = round((of ?? medianOf)(samples))
  const interval: [number, number] = of ? [value, value] : intervalOf(samples)
  const meets = (given: number) => (target === null ? null : atLeast ? given >= target : given <= target)
  const sure = meets(interval[atLeast ? 0 : 1])
  return [
    { name, value, unit, target, ...(atLeast && { atLeast }), met: meets(value), sure, interval, samples: samples.map(round) },
  ]
}

export function medianOf(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? at(sorted, Math.floor(middle)) : (at(sorted, middle - 1) + at(sorted, middle)) / 2
}

/**
 * Interval of the median by order statistics, without any assumption about the noise: as many samples are left out at each end
 * as still hold the median with 95 % (none of up to 8, 1 of 9, 3 of 15). Fewer than 6 samples prove less than that.
 */
export function intervalOf(samples: readonly number[]): [number, number] {
  const sorted = [...samples].sort((a, b) => a - b)
  let [cut, ways, below] = [0, 1, 1]
  // `below`: of 2^n ways to fall on either side of the median, those with at most `cut` on one side.
  for (; ; cut++) {
    ways = (ways * (sorted.length - cut)) / (cut + 1)
    below += ways
    if (2 * below > 0.05 * 2 ** sorted.length) break
  }
  return [round(at(sorted, cut)), round(at(sorted, sorted.length - 1 - cut))]
}

const at = (sorted: number[], index: number) => sorted[index] ?? Number.NaN
const round = (value: number) => Math.round(value * 1000) / 1000

/** A table for people, in Markdown. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.map(({ name, value, unit, target, atLeast, met, sure, interval: [low, high], samples }) => {
    const range = samples.length === 1 ? 'once' : low === high ? 'all' : `${low} to ${high}`
    const wanted = target === null ? '–' : `${atLeast ? '≥' : '≤'} ${target}`
    const verdict = met === null ? '–' : met ? (sure ? 'yes' : 'yes, not all of the interval') : '**no**'
    return `| ${name} | ${value} ${unit} | ${range} | ${samples.length} | ${wanted} | ${verdict} |`
  })
  return ['| figure | median | interval | samples | target | met |', '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n')
}

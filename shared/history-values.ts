/** Values of the record as the columns of the history take them. */

export function timeOf(time: string | undefined): Date | null {
  const at = new Date(time ?? Number.NaN)
  return Number.isNaN(at.getTime()) ? null : at
}

/** Never negative: the clocks of several machines made the times. */
export function secondsBetween(from: string | undefined, to: string | undefined): number | null {
  const [start, end] = [timeOf(from), timeOf(to)]
  return start && end ? Math.max(0, end.getTime() - start.getTime()) / 1000 : null
}

/** 32 bits. */
export const integerOf = (value: number | undefined): number | null =>
  value !== undefined && Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? value : null

export const bigintOf = (value: number | undefined): number | null =>
  value !== undefined && Number.isSafeInteger(value) ? value : null

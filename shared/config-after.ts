/** After which jobs a job runs, from either form of the configuration. */
import type { JobConfig } from './config-model.ts'
import type { FinalStatus } from './run.ts'

export interface Upstreams {
  /** Full names; of several all must have ended so. */
  jobs: string[]
  status: FinalStatus[]
  /** Also after runs whose steps were replaced. */
  partial: boolean
  /** Of several: ends further apart do not belong together. */
  withinSeconds: number | null
}

/** Undefined: no other job starts it. */
export function upstreamsOf({ after, afterAll }: Pick<JobConfig, 'after' | 'afterAll'>): Upstreams | undefined {
  if (afterAll) return afterAll
  return after ? { jobs: [after.job], status: after.status, partial: after.partial ?? false, withinSeconds: null } : undefined
}

/** `shop/a`, `shop/a and shop/b`, `shop/a, shop/b and 2 more`. */
export function namesOf(jobs: readonly string[]): string {
  const [first = '', second, ...more] = jobs
  if (second === undefined) return first
  return more.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${more.length} more`
}

/** How long runs are kept, by environment. */
import type { Config } from './config-model.ts'

export type Retention = Pick<Config, 'retention' | 'environments'>

/** Days that runs of an environment (full name) stay in index and history. One that is gone from the configuration has what the installation has. */
export const keptDays = ({ retention, environments }: Retention, environment: string): number =>
  environments[environment]?.keepDays ?? retention.runs

/** Objects and items of a run stay so much longer, so that nothing which the index names is missing. */
export const LATER_DAYS = 3
/** Longer than any run is open, and than a dead letter may wait for somebody. */
export const LEAST_DAYS = 14
/** A push that a git host delivers once more by hand must find the run of the first time. */
export const LEAST_DAYS_OF_CAUSE = 30

/** When the table may forget what was made then: seconds since 1970, as its time to live wants them. */
export const forgottenAt = (made: string | Date, keepDays: number, leastDays = LEAST_DAYS): number =>
  Math.ceil(new Date(made).getTime() / 1000) + Math.max(keepDays + LATER_DAYS, leastDays) * 86_400

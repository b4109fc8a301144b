/** How long runs are kept, by environment. */
import type { Config } from './config-model.ts'

export type Retention = Pick<Config, 'retention' | 'environments'>

/** Days that runs of an environment (full name) stay in index and history. One that is gone from the configuration has what the installation has. */
export const keptDays = ({ retention, environments }: Retention, environment: string): number =>
  environments[environment]?.keepDays ?? retention.runs

/** Objects and items of a run stay so much longer, so that nothing which the index names is missing. */
export const LATER_DAYS = 3

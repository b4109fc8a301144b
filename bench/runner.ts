/**
 * `npm run bench:runner`: the runner against dbt as people start it. Ratios are of runs that alternate, so that a busy machine
 * slows both. Options are in docs/benchmarks.md.
 */
import { runBenchmark } from './main.ts'
import { runnerParts } from './parts.ts'

await runBenchmark(runnerParts)

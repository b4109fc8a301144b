/** `npm run bench:site`: what recording the history costs, and how quickly it is read. Options are in docs/benchmarks.md. */
import { runBenchmark } from './main.ts'
import { siteParts } from './site-parts.ts'

await runBenchmark(siteParts)

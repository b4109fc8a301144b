/**
 * `npm run bench:peers`: the project of 200 models through other orchestrators and through the runner, alternating. What each
 * one does, and whom that favours, is told in docs/benchmarks.md.
 */
import { runBenchmark } from './main.ts'
import { peerParts } from './peer-parts.ts'

await runBenchmark(peerParts)

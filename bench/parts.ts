/** What `npm run bench:runner` measures, with its targets. */
import type { Options, Part } from './rounds.ts'
import { buildPart, jobPart } from './runner-job.ts'
import { killPart } from './runner-kill.ts'
import { logPart } from './runner-log.ts'
import { stopPart } from './runner-stop.ts'

export const runnerParts = ({ pairs, quick, trials, seed }: Options): Part[] => [
  jobPart({ models: 200, tests: 100, cold: 0.5, warm: 0.42, build: 1 }, pairs),
  ...(quick ? [] : [jobPart({ models: 1000, tests: 500, cold: 0.75, warm: 0.68 }, pairs)]),
  // The difference of two long times is noisier than their ratio.
  buildPart(quick ? pairs : 2 * pairs + 1),
  logPart(pairs),
  ...(quick ? [] : [stopPart(pairs)]),
  killPart(trials, seed),
]

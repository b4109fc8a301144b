/** What `npm run bench:runner` measures, with its targets. */
import type { Options, Part } from './rounds.ts'
import { buildPart, jobPart } from './runner-job.ts'
import { killPart } from './runner-kill.ts'
import { logPart } from './runner-log.ts'
import { stopPart } from './runner-stop.ts'
import type { Bench } from './start.ts'

export const runnerParts = (bench: Bench, { pairs, quick, trials, seed }: Options): Part[] => [
  jobPart(bench, { models: 200, tests: 100, cold: 0.5, warm: 0.42, build: 1 }, pairs),
  ...(quick ? [] : [jobPart(bench, { models: 1000, tests: 500, cold: 0.75, warm: 0.68 }, pairs)]),
  buildPart(bench, pairs),
  logPart(bench, pairs),
  ...(quick ? [] : [stopPart(bench, pairs)]),
  killPart(bench, trials, seed),
]

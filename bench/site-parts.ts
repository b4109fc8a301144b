/** What `npm run bench:site` measures, with its targets. */
import type { Options, Part } from './rounds.ts'
import { compactorParts } from './site-compactor.ts'
import { finisherPart } from './site-finisher.ts'
import { pagePart } from './site-page.ts'
import { sqlPart } from './sql-part.ts'

export const siteParts = ({ pairs, quick }: Options): Part[] => [
  finisherPart(pairs, quick ? 10_000 : 100_000),
  pagePart(pairs),
  ...compactorParts(quick ? 1 : 3),
  sqlPart(pairs, quick ? 10_000 : 100_000),
]

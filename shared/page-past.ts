/** The pages' questions about what was and what comes. All that is asked is checked here, and every answer is bounded. */
import { UserError } from './errors.ts'
import { nextFirings } from './job-firings.ts'
import { type NextFirings, type NodeHistory, SOURCE_DAYS, type SourceHistory, WEEK_DAYS } from './page-api.ts'
import { readMonth } from './page-costs.ts'
import { type NodePlace, readNode } from './page-nodes.ts'
import { type PageReads, readIndex } from './page-reads.ts'
import { readSources } from './page-sources.ts'
import { readWeek } from './page-week.ts'

interface Deps {
  reads: PageReads
  now: () => Date
}
type Query = { get(name: string): string | null }

/** `path`: behind `/api/`. Undefined: there is no such question. */
export async function answerPast(deps: Deps, [what, first = '', second = '']: string[], query: Query): Promise<unknown> {
  switch (what) {
    case 'nodes':
      return answerNode(deps, { project: first, environment: second, uniqueId: query.get('id') ?? '' }, query.get('days'))
    case 'sources':
      return answerSources(deps)
    case 'week':
      return answerWeek(deps, query)
    case 'next':
      return answerNext(deps)
    case 'cost':
      return answerCost(deps, query.get('month') ?? '')
  }
}

const DAY = 86_400_000
const NO_RUNS: NodeHistory = { runs: [] }
const NO_SOURCES: SourceHistory = { sources: [] }

/** Milliseconds after which no more files of the history are opened. */
const PATIENCE = 20_000

function within(now: () => Date, days: number) {
  const end = now().getTime() + PATIENCE
  const since = new Date(now().getTime() - days * 86_400_000).toISOString().slice(0, 10)
  return { since, isOver: () => now().getTime() > end }
}

async function answerNode({ reads, now }: Deps, place: NodePlace, days: string | null): Promise<NodeHistory> {
  const { project, environment, uniqueId } = place
  const isName = (name: string) => /^[\w.-]{1,100}$/.test(name)
  if (!isName(project) || !isName(environment) || uniqueId === '' || uniqueId.length > 1000)
    throw new UserError('A node is asked for as /api/nodes/<project>/<environment>?id=<its id in dbt>.')
  const back = Number(days ?? 30)
  if (!Number.isInteger(back) || back < 1 || back > 366) throw new UserError('Days are a number from 1 to 366.')
  const index = await readIndex(reads)
  return index ? readNode(reads, index, place, within(now, back)) : NO_RUNS
}

async function answerSources({ reads, now }: Deps): Promise<SourceHistory> {
  const index = await readIndex(reads)
  return index ? readSources(reads, index, within(now, SOURCE_DAYS)) : NO_SOURCES
}

function answerWeek({ reads, now }: Deps, query: Query) {
  const [from, until] = [timeOf(query.get('from')), timeOf(query.get('until'))]
  const days = (until.getTime() - from.getTime()) / DAY
  if (!(days > 0 && days <= WEEK_DAYS)) throw new UserError(`A week is asked for as from and until, at most ${WEEK_DAYS} days.`)
  return readWeek(reads, from, until, now())
}
const timeOf = (text: string | null) => new Date(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text ?? '') ? (text ?? '') : Number.NaN)

async function answerNext({ reads, now }: Deps): Promise<NextFirings> {
  const { jobs } = await reads.config(await reads.configKey())
  return Object.fromEntries(Object.entries(jobs).flatMap(([name, job]) => nextFirings(job, now(), 1).map(next => [name, next])))
}

function answerCost({ reads, now }: Deps, month: string) {
  if (!/^\d{4}-(0[1-9]|1[0-2])$/.test(month)) throw new UserError('A month looks like 2026-11.')
  return readMonth(reads, month, now())
}

/** Finding runs in the table: the newest, those of a job, and the one that a shortened id means. */
import type { Config } from '../shared/config-model.ts'
import { dayKey, dayOfRun, PK, SHARDS } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { parseRecord } from '../shared/parse-record.ts'
import type { RunRecord } from '../shared/run.ts'
import type { Connection, Table } from './connection.ts'
import { findJob, jobNames } from './job-name.ts'

const DAY_MS = 86_400_000
/** Without a job the days are looked through one by one; a month is far enough to look back unasked. */
export const DAYS_BACK = 31

const idOf = (pk: string) => pk.replace(/^RUN#/, '')

/** Ids of the runs claimed on a day (YYYY-MM-DD, UTC), newest first. */
async function idsOfDay(table: Table, date: string): Promise<string[]> {
  const shards = await Promise.all(
    Array.from({ length: SHARDS }, (_, shard) => pages(table, 'day', dayKey(date, shard), () => true)),
  )
  return shards.flat().sort().reverse()
}

/** Ids in a partition, newest first, while the predicate holds. */
async function pages(table: Table, index: 'day' | 'job', partition: string, wanted: (id: string) => boolean): Promise<string[]> {
  const limit = 200
  const ids: string[] = []
  for (let before: string | undefined; ; ) {
    const page = (await table.query(index, partition, { limit, ...(before !== undefined && { before }) })).map(idOf)
    ids.push(...page.filter(wanted))
    before = page.at(-1)
    if (page.length < limit || before === undefined || !wanted(before)) return ids
  }
}

export interface RunQuery {
  /** Full name. */
  job?: string
  status?: string[]
  since?: Date
  limit: number
}

/** Newest first. */
export async function findRuns(table: Table, query: RunQuery, now: Date): Promise<RunRecord[]> {
  const found: RunRecord[] = []
  for await (const ids of idPages(table, query, now)) {
    const recent = ids.filter(id => !query.since || timeOfRun(id) >= query.since)
    // A page may hold a whole busy day: read no more of it than needed.
    for (let from = 0; from < recent.length && found.length < query.limit; from += 100) {
      const records = await readRuns(table, recent.slice(from, from + 100))
      found.push(...records.filter(record => !query.status || query.status.includes(record.status)))
    }
    if (found.length >= query.limit) break
  }
  return found.slice(0, query.limit)
}

async function* idPages(table: Table, query: RunQuery, now: Date): AsyncGenerator<string[]> {
  if (query.job !== undefined) {
    const limit = 100
    for (let before: string | undefined; ; ) {
      const page: string[] = (
        await table.query('job', PK.job(query.job), { limit, ...(before !== undefined && { before }) })
      ).map(idOf)
      yield page
      before = page.at(-1)
      if (page.length < limit || before === undefined || (query.since && timeOfRun(before) < query.since)) return
    }
  }
  const oldest = query.since?.getTime() ?? now.getTime() - DAYS_BACK * DAY_MS
  // One day more than now: the clock here may be behind the one that made the ids.
  for (let time = now.getTime() + DAY_MS; time > oldest - DAY_MS; time -= DAY_MS)
    yield await idsOfDay(table, new Date(time).toISOString().slice(0, 10))
}

/** Records of the ids, newest first; those that are not readable are left out. */
export async function readRuns(table: Table, ids: string[]): Promise<RunRecord[]> {
  const items = ids.length > 0 ? await table.getMany(ids.map(PK.run)) : []
  return items.flatMap(item => parseRecord(item) ?? []).sort((a, b) => (a.id < b.id ? 1 : -1))
}

/** Moment of the claim, from the id. */
export const timeOfRun = (id: string): Date =>
  new Date(`${dayOfRun(id)}T${id.slice(9, 11)}:${id.slice(11, 13)}:${id.slice(13, 15)}Z`)

export async function readRun(table: Table, id: string): Promise<RunRecord> {
  const item = await table.get(PK.run(id))
  const record = parseRecord(item)
  if (record) return record
  throw new UserError(item ? `Run ${id} is written in a form that this version does not know.` : `There is no run ${id}.`, {
    hint: item ? 'Use the version of tidemill that is deployed.' : 'See the runs: tidemill runs',
  })
}

/** The run that `last`, the name of a job, a whole id, or a part of one means. */
export async function resolveRun(connection: Connection, word: string, now: Date): Promise<RunRecord> {
  const { table } = connection
  if (/^\d{8}T\d{6}-[0-9a-f]{12}$/.test(word)) return readRun(table, word)
  if (word === 'last') {
    const [newest] = await findRuns(table, { limit: 1 }, now)
    if (newest) return newest
    throw new UserError(`No run in the last ${DAYS_BACK} days.`, { hint: 'Start one: tidemill run JOB' })
  }
  const config = await connection.config()
  if (jobNames(config, word).length > 0) return lastRunOf(connection, config, word, now)
  const id = await resolveFragment(table, word, config, now)
  return readRun(table, id)
}

async function lastRunOf({ table }: Connection, config: Config, word: string, now: Date): Promise<RunRecord> {
  const job = findJob(config, word)
  const [newest] = await findRuns(table, { job, limit: 1 }, now)
  if (newest) return newest
  throw new UserError(`Job ${word} has not run yet.`, { hint: `Run it: tidemill run ${word}` })
}

async function resolveFragment(table: Table, word: string, config: Config, now: Date): Promise<string> {
  const unknown = () =>
    new UserError(`No run and no job is called "${word}".`, {
      hint: `A run is named by its id, a part of one, "last", or a job (${Object.keys(config.jobs).slice(0, 8).join(', ')}). See: tidemill runs`,
    })
  if (!/^[0-9a-fT-]{3,}$/.test(word)) throw unknown()
  const matches: string[] = []
  for await (const ids of idPages(table, { limit: Number.POSITIVE_INFINITY }, now))
    matches.push(...ids.filter(id => id.includes(word)))
  if (matches.length === 1 && matches[0] !== undefined) return matches[0]
  if (matches.length === 0) throw unknown()
  throw new UserError(
    `"${word}" fits ${matches.length} runs: ${matches.slice(0, 5).join(', ')}${matches.length > 5 ? ', …' : ''}`,
    {
      hint: 'Give more of the id.',
    },
  )
}

/** Which objects hold the days that a question wants: by the index of the history, and for single runs by a listing. */
import { gunzipSync } from 'node:zlib'
import { z } from 'zod/mini'
import { isReadable } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { HISTORY_KEY, type HistoryTable } from '../shared/history-index.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Bucket } from './connection.ts'

const index = z.object({
  schemaVersion: z.number(),
  at: z.string(),
  days: z.array(z.object({ date: z.string(), runs: z.number(), generation: z.optional(z.string()), tail: z.array(z.string()) })),
  months: z.array(z.object({ month: z.string(), generation: z.string(), from: z.string(), to: z.string() })),
})
/** What of the index this command reads. */
export type SqlIndex = z.infer<typeof index>

/** What is said where {@link readIndex} finds none. */
export const NO_RUNS = [
  'No run has ended yet: the history begins with the end of the first one.',
  'If runs did end:  tidemill history rebuild',
] as const

/** Undefined: no run has ended yet. */
export async function readIndex(bucket: Bucket): Promise<SqlIndex | undefined> {
  const bytes = await bucket.get(HISTORY_KEY.index)
  if (!bytes) {
    if ((await bucket.list(HISTORY_KEY.root, { limit: 1 })).length === 0) return undefined
    throw new UserError(`The history has files, and no index (${HISTORY_KEY.index}).`, {
      hint: 'It comes some seconds after the first run has ended. If it is lost: tidemill history rebuild',
      exitCode: EXIT.infrastructure,
    })
  }
  // Some emulators answer without saying that the bytes are compressed.
  const text = Buffer.from(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
  const parsed = index.safeParse(JSON.parse(text))
  if (parsed.success && isReadable(parsed.data.schemaVersion)) return parsed.data
  throw new UserError(`${HISTORY_KEY.index} is of another version of Tidemill, or damaged.`, {
    hint: 'Use the version that is deployed, or make it anew: tidemill history rebuild',
    exitCode: EXIT.infrastructure,
  })
}

export interface WantedFile {
  key: string
  /** Of a single run: it is written again when the run is opened again. Others never change under their name. */
  etag?: string
  bytes?: number
}

export interface TableObjects {
  /** Of many runs. */
  compacted: WantedFile[]
  /** Of single runs. */
  single: WantedFile[]
  /** Runs whose rows in the compacted files are of an earlier end: they were opened again. */
  superseded: string[]
}

export async function filesOf(
  bucket: Bucket,
  { days, months }: SqlIndex,
  table: HistoryTable,
  wanted: ReadonlySet<string>,
): Promise<TableObjects> {
  type Day = SqlIndex['days'][number]
  const chosen = days.filter(day => wanted.has(day.date))
  const holds = ({ from, to }: { from: string; to: string }, { date, generation }: Day) =>
    generation === undefined && from <= date && date <= to
  const compacted = [
    ...months.flatMap(each =>
      chosen.some(day => holds(each, day)) ? [HISTORY_KEY.month(table, each.month, each.generation)] : [],
    ),
    ...chosen.flatMap(({ date, generation }) => (generation === undefined ? [] : [HISTORY_KEY.day(table, date, generation)])),
  ]
  const isCompacted = (day: Day) => day.generation !== undefined || months.some(each => holds(each, day))
  const single = chosen.filter(day => day.tail.length > 0).map(day => filesOfRuns(bucket, table, day.date, day.tail))
  return {
    compacted: compacted.map(key => ({ key })),
    single: (await Promise.all(single)).flat(),
    superseded: chosen.filter(isCompacted).flatMap(day => day.tail),
  }
}

async function filesOfRuns(bucket: Bucket, table: HistoryTable, day: string, tail: readonly string[]): Promise<WantedFile[]> {
  const wanted = new Set(tail.map(run => HISTORY_KEY.run(table, day, run)))
  // `run=` keeps the files of the whole day out of the listing.
  const objects = await bucket.list(HISTORY_KEY.run(table, day, '').replace(/\.parquet$/, ''))
  const found = objects.filter(({ key }) => wanted.delete(key))
  // One that is not there is asked for by name, and missed: it may have been put into the file of its day meanwhile.
  return [...found.map(({ key, etag = '', bytes }) => ({ key, etag, bytes })), ...[...wanted].map(key => ({ key, etag: '' }))]
}

/** One run for its page: the record, and what this program knows to say of it. */
import { dayOfRun, KEY, PK, RUN_ID_PATTERN } from './contract.ts'
import { estimateCost } from './cost.ts'
import type { RunAnswer } from './page-api.ts'
import { deedsOf } from './page-deeds.ts'
import { type PageReads, readDays, readIndex, readPage } from './page-reads.ts'
import { parseRecord } from './parse-record.ts'
import { reasonRow } from './reasons.ts'
import type { RunRecord } from './run.ts'

/** From the table, or, when it is no longer there, from the bucket by way of the index. */
export async function readRun(reads: PageReads, id: string): Promise<RunRecord | undefined> {
  if (!RUN_ID_PATTERN.test(id)) return undefined
  const known = parseRecord(await reads.item(PK.run(id)))
  if (known) return known
  const [index, day] = [await readIndex(reads), dayOfRun(id)]
  const row = (await readDays(reads, index, day, day)).find(run => run.id === id)
  return row && parseRecord(await readPage<RunRecord>(reads, KEY.record(row)))
}

export async function readRunAnswer(reads: PageReads, id: string, tidemill: string): Promise<RunAnswer | undefined> {
  const run = await readRun(reads, id)
  if (!run) return undefined
  const usd = await costOf(reads, run)
  const { reason } = run
  return {
    run,
    deeds: deedsOf(run, tidemill),
    ...(reason && { next: reasonRow(reason).next }),
    ...(usd !== undefined && { usd }),
  }
}

/** Sizes are those that the run was claimed with; a configuration that is gone leaves only the cost unknown. */
async function costOf(reads: PageReads, run: RunRecord): Promise<number | undefined> {
  if (!run.endedAt && run.attempts.length < 2) return undefined
  const config = await reads.config(KEY.config(run.config)).catch(() => undefined)
  const environment = config?.environments[`${run.project}/${run.environment}`]
  return environment && estimateCost(run, environment.size)
}

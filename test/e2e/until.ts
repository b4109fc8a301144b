/** Waits for runs past the command line: a process for each look would take from the run the time that it needs. */
import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import type { LocalCloud } from '../../local/cloud.ts'
import { readDescription } from '../../local/state.ts'
import { KEY, PK } from '../../shared/contract.ts'
import { parseRecord } from '../../shared/parse-record.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type Backstage, bucketOf, makeBackstage } from './table.ts'

const EVERY_MS = 250
/** Of one part. */
const MOST_BYTES = 16 * 1024 * 1024

/** Fails with `what` when `probe` has found nothing for so many seconds. */
export async function until<T>(
  what: string | (() => string),
  seconds: number,
  probe: () => Promise<T | false | undefined>,
): Promise<T> {
  for (const deadline = Date.now() + seconds * 1000; ; ) {
    const found = await probe()
    if (found) return found
    if (Date.now() > deadline) assert.fail(`${typeof what === 'string' ? what : what()}: not after ${seconds} s`)
    await sleep(EVERY_MS)
  }
}

const backstageOf = async (cloud: LocalCloud): Promise<Backstage> =>
  makeBackstage(cloud, (await readDescription(cloud.paths))?.installation ?? '')

/** The record of a run when it is as wanted. */
export async function recordUntil(
  cloud: LocalCloud,
  run: string,
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert on the shape
  wanted: (record: any) => unknown,
  seconds = 150,
): Promise<RunRecord> {
  const behind = await backstageOf(cloud)
  let last: RunRecord | undefined
  return until(
    () => `run ${run} did not become as expected: ${JSON.stringify(last)}`,
    seconds,
    async () => {
      last = parseRecord(await behind.item(PK.run(run)))
      return last && wanted(last) ? last : undefined
    },
  )
}

/** Runs of a job, newest first, when they are as wanted. */
export async function runsUntil(
  cloud: LocalCloud,
  job: string,
  wanted: (runs: RunRecord[]) => boolean,
  seconds = 150,
): Promise<RunRecord[]> {
  const behind = await backstageOf(cloud)
  let last: RunRecord[] = []
  return until(
    () => `the runs of ${job} did not become as expected: ${JSON.stringify(last)}`,
    seconds,
    async () => {
      const items = await behind.scan('RUN#')
      last = items.flatMap(item => parseRecord(item) ?? []).filter(run => run.job === job)
      last.sort((a, b) => (a.id < b.id ? 1 : -1))
      return wanted(last) ? last : undefined
    },
  )
}

/** The log that the last attempt has stored so far, when it is as wanted. */
export async function logUntil(cloud: LocalCloud, run: string, wanted: (log: string) => boolean, seconds = 150): Promise<string> {
  const behind = await backstageOf(cloud)
  const bucket = await bucketOf(cloud)
  let log = ''
  return until(
    () => `the log of ${run} did not become as expected: ${log}`,
    seconds,
    async () => {
      const record = parseRecord(await behind.item(PK.run(run)))
      if (!record?.attempts.length) return undefined
      const keys = await bucket.list(`${KEY.attempt(record, record.attempts.length)}parts/`, 1000)
      const parts = await Promise.all(keys.map(key => bucket.read(key, MOST_BYTES)))
      log = parts.map(part => (part ? gunzipSync(part.body).toString() : '')).join('')
      return wanted(log) ? log : undefined
    },
  )
}

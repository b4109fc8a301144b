/** A run as it happens: its record and the parts of its attempts, as one stream of events. */
import { KEY } from '../shared/contract.ts'
import { isFinal, type RunRecord } from '../shared/run.ts'
import type { Connection } from './connection.ts'
import type { Clock } from './effects.ts'
import { makePartReader, type PartEvent, type PartReader } from './parts.ts'
import { readRun } from './runs-query.ts'

export type RunEvent = { type: 'record'; record: RunRecord } | { type: 'parts'; attempt: number; events: PartEvent[] }

/** Milliseconds between two looks. A flush of the runner comes every 5 s at most. */
const POLL = 1500
/** The same near the end of short runs would feel slow: the local cloud costs nothing to ask. */
const POLL_LOCAL = 500

/** What of a run is followed. */
export interface Follow {
  /** Ends after what is there now. */
  once: boolean
  /** Number of the first attempt that is of interest. */
  from?: number
}

/** Ends after the last event of a final run, when the signal is aborted, or, with `once`, after what is there now. */
export async function* followRun(
  connection: Connection,
  id: string,
  clock: Clock,
  signal: AbortSignal,
  { once, from = 1 }: Follow,
): AsyncGenerator<RunEvent> {
  const readers = new Map<number, PartReader>()
  let attemptRead = from
  let seen = ''
  while (!signal.aborted) {
    const record = await readRun(connection.table, id)
    const final = isFinal(record.status)
    const state = JSON.stringify([record.status, record.attempts.length, record.cancel, record.lastLaunchError, record.notBefore])
    if (state !== seen && !final) yield { type: 'record', record }
    seen = state
    for (; attemptRead <= record.attempts.length; attemptRead++) {
      const complete = final || attemptRead < record.attempts.length
      const reader = readers.get(attemptRead) ?? makePartReader(connection.bucket, KEY.attempt(record, attemptRead))
      readers.set(attemptRead, reader)
      const events = await reader.read(complete)
      if (events.length > 0) yield { type: 'parts', attempt: attemptRead, events }
      if (!complete) break
    }
    if (final) {
      yield { type: 'record', record }
      return
    }
    if (once) return
    await clock.sleep(connection.local ? POLL_LOCAL : POLL, signal)
  }
}

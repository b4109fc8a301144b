/** What an attempt left in bucket and CloudWatch, when its runner could not finish: parts, and the end of the log. */
import { gzipSync } from 'node:zlib'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import { parsePartLine, parseResult } from '../../shared/parse-result.ts'
import type { LogLine, Progress, RunnerResult } from '../../shared/plan.ts'
import { linesBehind, makeRebuilder, parseOutputLine, type Rebuilt } from '../../shared/rebuild.ts'
import { logGroup, logStream } from '../../shared/resource-names.ts'
import { LIMIT, type RunRecord } from '../../shared/run.ts'
import { type Bucket, textOf } from './bucket.ts'
import type { LogEvent, Logs } from './logs.ts'
import { readParts } from './parts.ts'
import type { Runtime } from './runtime.ts'

export interface RemainsDeps extends Runtime {
  bucket: Pick<Bucket, 'read' | 'write' | 'list'>
  logs: Logs
  installation: string
}

export async function readResult(
  deps: Pick<RemainsDeps, 'bucket'>,
  run: RunRecord,
  attempt: number,
): Promise<RunnerResult | undefined> {
  const object = await deps.bucket.read(KEY.result(KEY.attempt(run, attempt)), LIMIT.resultBytes)
  const text = object && textOf(object.body, LIMIT.resultBytes)
  return text === undefined ? undefined : parseResult(text, run.id, attempt)
}

export async function rebuildFromParts(deps: RemainsDeps, run: RunRecord, attempt: number): Promise<Rebuilt> {
  const prefix = KEY.attempt(run, attempt)
  const rebuilder = makeRebuilder()
  const take = (row: string) => {
    const line = parsePartLine(row)
    if (line) rebuilder.add(line)
  }
  await readParts(deps.bucket, prefix, take, KEY.tail(prefix))
  return rebuilder.finish()
}

/** As much as the log driver's buffer can hold back is too much for a Lambda; the last megabytes are what is missing. */
const MAX_TAIL = 4 * 1024 * 1024

/** Brings the lines that only CloudWatch has into the bucket, in the form of a part; answers with them. */
export async function bringTail(deps: RemainsDeps, run: RunRecord, attempt: number, rebuilt: Rebuilt): Promise<LogLine[]> {
  const taskArn = run.attempts[attempt - 1]?.taskArn
  if (!taskArn) return []
  const group = logGroup(deps.installation, run.project, run.environment)
  const step = rebuilt.steps.findLast(each => each.status !== 'pending' && each.status !== 'skipped')?.index ?? 0
  const events = await settledTail(deps, group, logStream(taskArn))
  const lines = events.map(
    (event): LogLine => ({
      type: 'log',
      step,
      ...parseOutputLine(event.message, event.timestamp),
    }),
  )
  const missing = linesBehind(rebuilt.lastLines, lines)
  if (missing.length === 0) return []
  const { steps } = rebuilt
  const at = deps.now().toISOString()
  const nodes = { done: 0, total: 0, running: [] }
  const head: Progress = { type: 'progress', schemaVersion: SCHEMA_VERSION, run: run.id, attempt, part: 0, at, steps, nodes }
  const body = gzipSync([head, ...missing].map(line => `${JSON.stringify(line)}\n`).join(''))
  await deps.bucket.write(KEY.tail(KEY.attempt(run, attempt)), body, { type: 'application/x-ndjson', encoding: 'gzip' })
  return missing
}

export type LastWord = Pick<RunnerResult, 'outcome' | 'message' | 'reason' | 'commit'> &
  Partial<Pick<RunnerResult, 'steps' | 'counts' | 'failures'>>

/**
 * The runner's last word on stdout, for a result that the bucket would not take; undefined when it said none. A model can
 * print such a line too, and reach no further than with a forged result: it must be the last one, and of this attempt.
 */
export function lastWord(lines: readonly LogLine[], run: string, attempt: number): LastWord | undefined {
  const result = parseResult(lines.at(-1)?.text ?? '', run, attempt)
  if (!result) return undefined
  const { outcome, message, reason, commit, steps, counts, failures } = result
  return {
    outcome,
    ...(message && { message }),
    ...(reason && { reason }),
    ...(commit && { commit }),
    ...(steps.length > 0 && { steps }),
    counts,
    failures,
  }
}

/** CloudWatch is incomplete when ECS says STOPPED: read until two readings 2 s apart end the same, five at most. */
async function settledTail(deps: RemainsDeps, group: string, stream: string): Promise<LogEvent[]> {
  let events = await deps.logs.tail(group, stream, MAX_TAIL)
  for (let reading = 1; reading < 5; reading++) {
    await deps.sleep(2000)
    const again = await deps.logs.tail(group, stream, MAX_TAIL)
    const same = again.length > 0 && again.length === events.length && again.at(-1)?.message === events.at(-1)?.message
    events = again
    if (same) break
  }
  return events
}

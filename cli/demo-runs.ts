/** The runs of the demo: one that a schedule starts, the one behind it, and one that fails. */
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LocalCloud } from '../local/cloud.ts'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import type { RunRecord } from '../shared/run.ts'
import { unwrap } from './api-answer.ts'
import type { Connection } from './connection.ts'
import { scheduleOnce } from './demo-schedule.ts'
import type { Effects, Sink } from './effects.ts'
import type { Stages } from './progress.ts'
import { readLogLines } from './run-log.ts'
import { endLines } from './run-text.ts'
import { findRuns } from './runs-query.ts'
import type { Style } from './style.ts'
import { watchRun } from './watch.ts'

export interface Demo {
  effects: Effects
  sink: Sink
  style: Style
  stages: Stages
  /** Ctrl-C, or the time limit of the whole demo. */
  signal: AbortSignal
  folder: string
  connection: Connection
}

/** Milliseconds until the one-off schedule fires. */
const FIRES_IN = 5000
/** Milliseconds until a run that was started elsewhere is in the table. */
const APPEARS_IN = 60_000

export async function runBySchedule(demo: Demo, cloud: LocalCloud, job: string): Promise<RunRecord> {
  const { effects, stages, connection } = demo
  const at = new Date(Math.ceil((effects.clock.now().getTime() + FIRES_IN) / 1000) * 1000)
  stages.start('schedule', `fires at ${at.toISOString().slice(11, 19)} UTC, as the one of every night will`)
  await scheduleOnce(cloud, connection.installation, job, at)
  const run = await waitForRun(demo, job, candidate => candidate.cause.kind === 'schedule')
  stages.end('success', `started ${job}`)
  return watch(demo, run, { nodes: true })
}

export async function runBehind(demo: Demo, upstream: RunRecord, job: string): Promise<RunRecord> {
  demo.stages.start('after', `${job} runs after ${upstream.job}`)
  const run = await waitForRun(demo, job, ({ cause }) => cause.kind === 'upstream' && cause.run === upstream.id)
  demo.stages.end('success', `started ${job}`)
  return watch(demo, run, { nodes: false })
}

export async function runByHand(demo: Demo, job: string): Promise<RunRecord> {
  const answer = unwrap(await demo.connection.api({ operation: 'run', job, idempotencyKey: `demo-${randomUUID()}` }))
  if (!answer.run) throw new UserError(`No run was started: ${answer.message}`, { exitCode: EXIT.infrastructure })
  return watch(demo, answer.run, { nodes: true })
}

async function waitForRun(
  { effects, connection, signal }: Demo,
  job: string,
  wanted: (run: RunRecord) => boolean,
): Promise<RunRecord> {
  const { clock } = effects
  const until = clock.now().getTime() + APPEARS_IN
  while (clock.now().getTime() < until && !signal.aborted) {
    const found = (await findRuns(connection.table, { job, limit: 5 }, clock.now())).find(wanted)
    if (found) return found
    await clock.sleep(500, signal)
  }
  throw new UserError(`No run of ${job} appeared within ${APPEARS_IN / 1000} s.`, { exitCode: EXIT.infrastructure })
}

async function watch(
  { effects, connection, sink, style, signal }: Demo,
  run: RunRecord,
  { nodes }: { nodes: boolean },
): Promise<RunRecord> {
  const { clock } = effects
  const record = await watchRun(run.id, { connection, sink, clock, style, signal, nodes, from: 1 })
  if (!record) throw new UserError('Stopped before the run had ended.', { exitCode: EXIT.interrupted })
  sink.write(`${endLines(record, style, clock.now()).join('\n')}\n`)
  return record
}

/** A run that was to be good and is not: its last lines, and all of its log in a file. */
export async function requireGood({ effects, connection, folder }: Demo, record: RunRecord): Promise<void> {
  if (record.status === 'success' || record.status === 'warn') return
  const lines = await readLogLines(connection, record.id, effects.clock)
  const path = join(folder, `${record.id}.log`)
  writeFileSync(path, `${lines.join('\n')}\n`)
  throw new UserError(
    [`Run ${record.id} of ${record.job} ended with ${record.status}: ${record.message ?? ''}`, ...lines.slice(-15)].join('\n'),
    {
      hint: `The whole log: ${path}`,
      exitCode: EXIT.dbt,
    },
  )
}

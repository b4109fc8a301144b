/** A backfill as it happens: what is done, what runs, what failed. */
import type { BackfillRun } from '../shared/api.ts'
import type { BackfillSlice } from '../shared/backfill.ts'
import { plural } from '../shared/format.ts'
import { EXIT } from '../shared/reasons.ts'
import { isFinal, type RunRecord } from '../shared/run.ts'
import type { Context, Outcome } from './command.ts'
import type { Connection } from './connection.ts'
import { makeStages } from './progress.ts'
import { statusText } from './run-text.ts'
import { readRuns } from './runs-query.ts'
import { markOf, paintStatus } from './style.ts'

interface Watched {
  request: { job: string; backfill: string }
  slices: BackfillSlice[]
}

/** Milliseconds between two looks. */
const POLL = 5000
const POLL_LOCAL = 1000

export async function watchBackfill(
  context: Context,
  connection: Connection,
  { request, slices }: Watched,
  made: BackfillRun[],
): Promise<Outcome> {
  const { effects, globals, style } = context
  const stages = makeStages(globals.json ? effects.stderr : effects.stdout, effects.clock, style)
  const labels = new Map(made.map((each, index) => [each.run.id, slices[index]?.start ?? each.start]))
  const records = new Map(made.map(each => [each.run.id, each.run]))
  const told = new Set<string>(made.filter(each => isFinal(each.run.status)).map(each => each.run.id))
  stages.start('backfill', progressText([...records.values()], labels))
  try {
    while (!effects.interrupt.aborted) {
      const open = [...records.values()].filter(run => !isFinal(run.status)).map(run => run.id)
      for (const run of await readRuns(connection.table, open)) records.set(run.id, run)
      for (const run of [...records.values()].filter(each => isFinal(each.status) && !told.has(each.id))) {
        told.add(run.id)
        stages.line(paintStatus(style, run.status, `${markOf(run.status)} ${labels.get(run.id)}  ${statusText(run)}  ${run.id}`))
      }
      stages.note(progressText([...records.values()], labels))
      if ([...records.values()].every(run => isFinal(run.status))) break
      await effects.clock.sleep(connection.local ? POLL_LOCAL : POLL, effects.interrupt)
    }
    const runs = [...records.values()]
    const bad = runs.filter(run => isFinal(run.status) && !isGood(run))
    const interrupted = runs.some(run => !isFinal(run.status))
    stages.end(interrupted ? 'cancelled' : bad.length ? 'error' : 'success', progressText(runs, labels))
    const document = {
      ...request,
      interrupted,
      runs: runs.map(run => ({ slice: labels.get(run.id), run: run.id, status: run.status })),
    }
    if (interrupted)
      return {
        document,
        lines: ['The runs go on without this command; the same command looks again.'],
        exitCode: EXIT.interrupted,
      }
    return { document, lines: endLines(bad, labels), exitCode: bad.length ? EXIT.dbt : EXIT.ok }
  } finally {
    stages.stop()
  }
}

const isGood = ({ status }: RunRecord) => status === 'success' || status === 'warn'

/** `12 of 31 done, 1 failed, 2 running (2026-01-13, 2026-01-14), 17 waiting`. */
function progressText(runs: RunRecord[], labels: Map<string, string>): string {
  const count = (wanted: (run: RunRecord) => boolean) => runs.filter(wanted).length
  const running = runs.filter(run => run.status === 'starting' || run.status === 'running')
  const failed = count(run => isFinal(run.status) && !isGood(run))
  const waiting = count(run => run.status === 'queued')
  const names = running.slice(0, 4).map(run => labels.get(run.id))
  return [
    `${count(isGood)} of ${runs.length} done`,
    failed > 0 && `${failed} failed`,
    running.length > 0 && `${running.length} running (${names.join(', ')}${running.length > names.length ? ', …' : ''})`,
    waiting > 0 && `${waiting} waiting`,
  ]
    .filter(Boolean)
    .join(', ')
}

function endLines(bad: RunRecord[], labels: Map<string, string>): string[] {
  if (bad.length === 0) return []
  const named = bad.slice(0, 10).map(run => `  ${labels.get(run.id)}  tidemill show ${run.id}`)
  return [
    `${plural(bad.length, 'slice')} did not end well:`,
    ...named,
    ...(bad.length > named.length ? [`  + ${bad.length - named.length} more`] : []),
    'After the fix the same command runs only these again.',
  ]
}

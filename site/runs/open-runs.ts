/** Runs that go on, and those that have just ended and are not in the index yet. */
import { useRef } from 'preact/hooks'
import type { HistoryIndex } from '../../shared/history-index.ts'
import type { OpenRuns } from '../../shared/page-api.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { byId, type Row, rowOf } from '../rows.ts'
import { readOpen, readRun } from '../server.ts'
import { type Loaded, useLoad } from '../use.ts'

/** Milliseconds between two looks at the table. */
const BUSY_EVERY = 4000
const IDLE_EVERY = 10_000
/** Runs that have ended are looked up one by one until the index has them; at most so many. */
const MOST_ENDED = 20

/** Records, newest first, and what is paused. A run that vanished is read once more, so that its end is seen at once. */
export function useOpenRuns(): Loaded<Omit<OpenRuns, 'at'>> {
  const known = useRef(new Map<string, RunRecord>())
  return useLoad(
    async signal => {
      const { runs, ...others } = await readOpen(signal)
      const now = new Map(runs.map(run => [run.id, run]))
      const gone = [...known.current.values()]
        .filter(run => !now.has(run.id))
        .sort(byId)
        .slice(0, MOST_ENDED)
      for (const run of gone)
        now.set(
          run.id,
          isFinal(run.status)
            ? run
            : await readRun(run.id, signal).then(
                answer => answer.run,
                () => run,
              ),
        )
      known.current = now
      return { ...others, runs: [...now.values()].sort(byId) }
    },
    ['open'],
    { every: ({ runs }) => (runs.some(run => !isFinal(run.status)) ? BUSY_EVERY : IDLE_EVERY) },
  )
}

/** Rows in front of those of the index. */
export function openRows(open: Pick<OpenRuns, 'runs'> | undefined, index: HistoryIndex | undefined): Row[] {
  const indexed = new Set(index?.newest.map(run => run.id))
  return (open?.runs ?? [])
    .filter(record => !isFinal(record.status) || !indexed.has(record.id))
    .map(record => rowOf(record, index))
}

/**
 * Which runs a turn looks at. From the table and not from `run.json`: it has the record as well, a hundred in one request,
 * consistent, and it knows which runs of a day there are.
 */
import type { EnvironmentConfig } from '../../shared/config-model.ts'
import { fullName, RUN_ID_PATTERN } from '../../shared/contract.ts'
import type { IndexRun } from '../../shared/history-index.ts'
import { indexRow } from '../../shared/history-row.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import type { Configs } from '../common/config.ts'
import type { Log } from '../common/log.ts'
import type { Store } from '../common/store.ts'
import { isGone } from './expire.ts'

export interface FindDeps {
  store: Pick<Store, 'runs' | 'idsOfDay'>
  configs: Configs
  log: Log
  now(): Date
}

/** Notes are ids of runs, and days of which all runs are looked at. */
export async function runsOfNotes({ store }: FindDeps, notes: readonly string[]): Promise<RunRecord[]> {
  const isRun = (note: string) => RUN_ID_PATTERN.test(note)
  const ids = new Set(notes.filter(isRun))
  for (const day of notes.filter(note => !isRun(note))) for (const id of await store.idsOfDay(day)) ids.add(id)
  return store.runs([...ids])
}

/** A run that is open again keeps the row of the end it had, until it ends. One that is too old has none. */
export async function rowsOfRuns(deps: FindDeps, runs: readonly RunRecord[]): Promise<IndexRun[]> {
  const rows: IndexRun[] = []
  if (runs.length === 0) return rows
  const config = await deps.configs.load(deps.configs.current)
  for (const run of runs.filter(each => isFinal(each.status))) {
    const row = indexRow(run, await sizeOf(deps, run))
    if (row && !isGone(row, config, deps.now())) rows.push(row)
  }
  return rows
}

/** For what a run cost. Of a configuration that nobody can read any more what is most usual is taken. */
async function sizeOf({ configs, log }: FindDeps, run: RunRecord): Promise<EnvironmentConfig['size']> {
  const config = await configs.load(run.config).catch((error: unknown) => {
    log('configuration of a run cannot be read', { runId: run.id, error })
    return undefined
  })
  const size = config?.environments[fullName(run.project, run.environment)]?.size
  return size ?? { cpu: 1024, memory: 4096, disk: 20, architecture: 'arm64', spot: false }
}

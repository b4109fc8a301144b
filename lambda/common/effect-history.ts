/** The effect `history`: what is kept of a run for good, as files that nothing changes but another end of the same run. */
import { gzipSync } from 'node:zlib'
import { dayOfRun, fullName, KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import { HISTORY_KEY, HISTORY_TABLES, type HistoryTable, type RunNodes } from '../../shared/history-index.ts'
import { collectNodes, missingFailures } from '../../shared/history-nodes.ts'
import { type HistoryInput, historyRows } from '../../shared/history-rows.ts'
import { parseSources, type SourceFreshness } from '../../shared/history-sources.ts'
import type { HistoryRows } from '../../shared/history-tables.ts'
import { parsePartLine } from '../../shared/parse-result.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type Bucket, textOf } from './bucket.ts'
import type { Configs } from './config.ts'
import type { CompactRequest, Invoke } from './invoke.ts'
import type { Log } from './log.ts'
import { PARQUET, writeTable } from './parquet.ts'
import { readParts } from './parts.ts'

export interface HistoryDeps {
  bucket: Pick<Bucket, 'read' | 'write' | 'list'>
  configs: Configs
  log: Log
  /** Absent where nothing is compacted. */
  compact?: Invoke<CompactRequest>
}

export async function writeHistory(deps: HistoryDeps, run: RunRecord): Promise<void> {
  // What the effects change later (streak, effects left) is not part of the past.
  const { effects: _, streak: __, ...record } = run
  await deps.bucket.write(KEY.record(run), JSON.stringify(record), { type: 'application/json' })
  const input = await gather(deps, run)
  await writeNodes(deps, run, { schemaVersion: SCHEMA_VERSION, run: run.id, nodes: [...input.nodes] })
  const rows = historyRows(input)
  for (const table of HISTORY_TABLES) await putTable(deps, run, rows, table)
  await deps.compact?.({ day: dayOfRun(run.id), runs: [run.id] })
}

async function gather(deps: HistoryDeps, run: RunRecord): Promise<HistoryInput> {
  const config = await deps.configs.load(run.config)
  const environment = config.environments[fullName(run.project, run.environment)]
  const collector = collectNodes(run.attempts.findLastIndex(each => each.resume?.fresh) + 1)
  let logCharacters = 0
  for (const { number, taskArn } of run.attempts) {
    if (!taskArn) continue
    await readParts(deps.bucket, KEY.attempt(run, number), row => {
      // As the runner writes them; most lines are log.
      if (row.startsWith('{"type":"log"')) {
        logCharacters += row.length
        return
      }
      const line = row.startsWith('{"type":"progress"') ? undefined : parsePartLine(row)
      if (line?.type === 'node') collector.add(number, line)
    })
  }
  const { nodes, dropped } = collector.finish()
  if (dropped > 0) deps.log('results of nodes found no room in the history', { runId: run.id, dropped })
  const sources = await readSources(deps, run)
  return { run, environment, nodes: [...nodes, ...missingFailures(run, nodes)], sources, logCharacters }
}

const MAX_SOURCES_BYTES = 16 * 1024 * 1024

async function readSources({ bucket }: HistoryDeps, run: RunRecord): Promise<SourceFreshness[]> {
  const checked = (run.steps ?? []).filter(step => step.artifacts?.includes('sources.json'))
  const found: SourceFreshness[] = []
  for (const step of checked) {
    const attempt = step.attempt ?? run.attempts.length
    const key = `${KEY.step(KEY.attempt(run, attempt), step.index, step.name)}sources.json`
    const object = await bucket.read(key, MAX_SOURCES_BYTES)
    const text = object && textOf(object.body, MAX_SOURCES_BYTES)
    if (text !== undefined) found.push(...parseSources(text, { step: step.index, attempt }))
  }
  // A source that a later step checked again is as that one found it.
  return [...new Map(found.map(source => [source.uniqueId, source])).values()]
}

async function writeNodes({ bucket }: HistoryDeps, run: RunRecord, content: RunNodes): Promise<void> {
  await bucket.write(KEY.nodes(run), gzipSync(JSON.stringify(content)), { type: 'application/json', encoding: 'gzip' })
}

async function putTable<T extends HistoryTable>(
  { bucket }: HistoryDeps,
  run: RunRecord,
  rows: HistoryRows,
  table: T,
): Promise<void> {
  await bucket.write(HISTORY_KEY.run(table, dayOfRun(run.id), run.id), writeTable<T>(table, rows[table]), { type: PARQUET })
}

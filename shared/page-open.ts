/** Runs that go on, and what is paused. */
import { openKey, PK, SHARDS } from './contract.ts'
import type { OpenRuns, Pause } from './page-api.ts'
import type { PageReads } from './page-reads.ts'
import { parseRecord } from './parse-record.ts'

/** The page shows no more of them; a line of waiting runs can be longer. */
const MOST_OPEN = 500

/** Those that run or wait, and those that have ended and are not in the history yet. */
export async function readOpen(reads: PageReads, pauses: Promise<Pause[] | undefined>, now: Date): Promise<OpenRuns> {
  const shards = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => reads.open(openKey(shard))))
  const runs = shards
    .flat()
    .filter(({ pk }) => pk.startsWith(PK.run('')))
    // By their phase: ended, running, waiting.
    .sort((a, b) => (a.sort < b.sort ? -1 : 1))
    .slice(0, MOST_OPEN)
  const [items, paused] = await Promise.all([reads.items(runs.map(({ pk }) => pk)), pauses])
  const records = items.flatMap(item => parseRecord(item) ?? [])
  return { at: now.toISOString(), runs: records.sort((a, b) => (a.id < b.id ? 1 : -1)), ...(paused && { paused }) }
}

export type Pausable = Map<string, Pick<Pause, 'of' | 'name'>>

export async function findPausable(reads: PageReads): Promise<Pausable> {
  const { jobs, environments } = await reads.config(await reads.configKey())
  return new Map<string, Pick<Pause, 'of' | 'name'>>([
    ...Object.keys(jobs).map(name => [PK.job(name), { of: 'job', name }] as const),
    ...Object.keys(environments).map(name => [PK.environment(name), { of: 'environment', name }] as const),
  ])
}

export async function readPauses(reads: PageReads, pausable: Pausable): Promise<Pause[]> {
  return (await reads.items([...pausable.keys()])).flatMap(item => {
    const { pk, paused } = Object(item) as { pk: string; paused?: unknown }
    const { at, actor } = Object(paused) as Record<string, unknown>
    const what = pausable.get(pk)
    return what && typeof at === 'string' ? [{ ...what, at, actor: String(actor) }] : []
  })
}

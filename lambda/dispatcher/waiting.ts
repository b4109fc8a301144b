/** What a dispatcher knows of the waiting line. It reads as much of it as it comes to, and remembers it for its next look. */
import { OPEN_PHASE, parseWaiting } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { type RunSettings, settingsOf } from '../../shared/run-settings.ts'
import type { Configs } from '../common/config.ts'
import type { Runtime } from '../common/runtime.ts'
import type { Store } from '../common/store.ts'
import { findSuperseded, type Waiting, waitingOf } from './line.ts'

export interface LineDeps extends Pick<Runtime, 'now' | 'log'> {
  store: Pick<Store, 'open' | 'runs'>
  configs: Configs
}

export interface Candidate {
  run: RunRecord
  /** Undefined: the configuration cannot be read, or does not have the job. */
  settings: RunSettings | undefined
  /** Of the same schedule, branch or trigger, and takes its place. */
  newer: RunRecord | undefined
}

export interface Line {
  /** Everybody who waits, in no order. `hints`: runs that the index may not show yet. */
  look(hints: readonly string[]): Promise<Waiting[]>
  /** The runs among them that still wait, each with what decides about it. */
  read(waiting: readonly Waiting[], all: readonly Waiting[]): Promise<Map<string, Candidate>>
  /** It is not as it was read, or will not be. */
  forget(id: string): void
}

/** A waiting run hardly changes, and every change of it is checked by the write that starts or ends it. */
const KNOWN_MS = 60_000

export function makeLine(deps: LineDeps): Line {
  const known = new Map<string, { run: RunRecord; readAt: number }>()

  async function load(ids: readonly string[]): Promise<RunRecord[]> {
    const now = deps.now().getTime()
    const old = ids.filter(id => (known.get(id)?.readAt ?? Number.NEGATIVE_INFINITY) < now - KNOWN_MS)
    for (const id of old) known.delete(id)
    if (old.length)
      for (const run of await deps.store.runs(old)) if (run.status === 'queued') known.set(run.id, { run, readAt: now })
    return ids.flatMap(id => known.get(id)?.run ?? [])
  }

  return {
    async look(hints) {
      const entries = (await deps.store.open(OPEN_PHASE.waiting)).flatMap(entry => parseWaiting(entry.sort) ?? [])
      const shown = new Set(entries.map(entry => entry.id))
      const hidden = await load([...new Set(hints)].filter(id => !shown.has(id)))
      return [...entries, ...hidden.map(waitingOf)]
    },
    async read(waiting, all) {
      // With all other runs of their jobs: which of them is superseded shows only together.
      const jobs = new Set(waiting.map(each => each.job))
      const runs = await load(all.filter(each => jobs.has(each.job)).map(each => each.id))
      const settings = new Map<string, RunSettings>()
      for (const run of runs) {
        const found = await deps.configs.load(run.config).then(
          config => settingsOf(config, run),
          error => deps.log('configuration of the run cannot be read', { runId: run.id, config: run.config, error }),
        )
        if (found) settings.set(run.id, found)
      }
      const superseded = findSuperseded(runs, run => settings.get(run.id)?.job)
      return new Map(runs.map(run => [run.id, { run, settings: settings.get(run.id), newer: superseded.get(run.id) }]))
    },
    forget: id => void known.delete(id),
  }
}

/** What a deployment will do to runs that are open, and to what is removed: said before it is done. */
import type { Config } from '../shared/config-model.ts'
import { fullName, OPEN_PHASE, openKey, SHARDS } from '../shared/contract.ts'
import { UserError } from '../shared/errors.ts'
import { plural } from '../shared/format.ts'
import type { RunRecord } from '../shared/run.ts'
import type { Connection, Table } from './connection.ts'
import { readRuns } from './runs-query.ts'

/** Runs that are named; of a long waiting line the count is enough. */
const NAMED = 5

/** `config`: what is to be deployed; undefined: all is taken away. Nothing where the installation is new, or cannot be read by who deploys. */
export async function describeDeployment(connect: () => Promise<Connection>, config: Config | undefined): Promise<string[]> {
  try {
    const connection = await connect()
    const [before, open] = await Promise.all([connection.config(), readOpen(connection.table)])
    return config ? deploymentNotes(before, config, open) : destructionNotes(open)
  } catch (error) {
    if (error instanceof UserError) return []
    throw error
  }
}

export async function readOpen(table: Table): Promise<RunRecord[]> {
  const phases = [OPEN_PHASE.waiting, OPEN_PHASE.active]
  const entries = await Promise.all(
    phases.flatMap(phase => Array.from({ length: SHARDS }, (_, shard) => table.open(openKey(shard), phase))),
  )
  return readRuns(
    table,
    entries.flat().map(entry => entry.pk.slice('RUN#'.length)),
  )
}

export function deploymentNotes(before: Config, after: Config, open: RunRecord[]): string[] {
  const removedJobs = Object.keys(before.jobs).filter(name => !after.jobs[name])
  const removedEnvironments = Object.keys(before.environments).filter(name => !after.environments[name])
  return [
    ...openLines(open),
    ...removedJobs.map(name => jobLine(name, open)),
    ...removedEnvironments.map(name => environmentLine(name, before, after, open)),
  ]
}

const destructionNotes = (open: RunRecord[]): string[] =>
  open.length
    ? [
        `${plural(open.length, 'run')} ${open.length === 1 ? 'is' : 'are'} open. Tasks under way go on by themselves, but nobody records or tells how they end.`,
        ...open.slice(0, NAMED).map(run => `  tidemill cancel ${run.id}`),
      ]
    : []

function openLines(open: RunRecord[]): string[] {
  if (open.length === 0) return []
  const named = open.slice(0, NAMED).map(run => `  ${run.id}  ${fullName(run.project, run.job)}  ${run.status}`)
  const rest = open.length > NAMED ? [`  + ${open.length - NAMED} more`] : []
  const [head, end] =
    open.length === 1 ? ['1 run is open; it ends', 'it was'] : [`${open.length} runs are open; they end`, 'they were']
  return [`${head} under the configuration with which ${end} claimed:`, ...named, ...rest]
}

function jobLine(name: string, open: RunRecord[]): string {
  const own = open.filter(run => fullName(run.project, run.job) === name)
  const waiting = own.filter(run => run.status === 'queued').length
  const active = own.length - waiting
  const runs = [
    waiting > 0 && `${plural(waiting, 'waiting run')} still ${waiting === 1 ? 'starts' : 'start'}`,
    active > 0 && `${plural(active, 'run')} under way ${active === 1 ? 'goes' : 'go'} on`,
  ].filter(Boolean)
  return `Job ${name} is removed: no new run of it starts${runs.length ? `; ${runs.join(', ')}` : ''}. Its runs stay readable.`
}

function environmentLine(name: string, before: Config, after: Config, open: RunRecord[]): string {
  const added = Object.keys(after.environments).filter(each => !before.environments[each])
  const renamed = added.find(each => sameButName(after, each, before, name))
  const own = open.filter(run => fullName(run.project, run.environment) === name)
  const kept = own.length ? ` Its task definition and roles stay for ${plural(own.length, 'open run')}.` : ''
  if (!renamed) return `Environment ${name} is removed; its state, docs and cache stay in the bucket.${kept}`
  return `Environment ${name} becomes ${renamed}, a new one: published state, docs, cache and a pause of ${name} do not go with it.${kept}`
}

function sameButName(after: Config, added: string, before: Config, removed: string): boolean {
  const without = ({ name: _, ...rest }: Config['environments'][string]) => JSON.stringify(rest)
  const [now, old] = [after.environments[added], before.environments[removed]]
  return now !== undefined && old !== undefined && without(now) === without(old)
}

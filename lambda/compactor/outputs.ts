/**
 * Docs and state that nobody needs any more go: no rule of a bucket can know what a pointer names, or which environment is gone.
 */
import type { Config } from '../../shared/config-model.ts'
import { dayOfRun, environmentPrefix, fullName, KEY, RUN_ID_PATTERN, SCHEMA_VERSION } from '../../shared/contract.ts'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { parsePointer } from '../../shared/pointer.ts'
import { keptDays, LATER_DAYS, LEAST_DAYS } from '../../shared/retention.ts'
import { type Bucket, textOf } from '../common/bucket.ts'
import { DAY_MS } from './closed.ts'
import { allKept, isExpired } from './expire.ts'

export interface OutputDeps {
  bucket: Pick<Bucket, 'read' | 'write' | 'list' | 'folders' | 'remove'>
  now(): Date
}

/** An environment that has left something in the bucket. */
export interface Outputs {
  project: string
  environment: string
  /** Days after which its docs and state go, but for those in force. */
  keepDays: number
  /** It has been gone from the configuration for so long that nothing of it is kept. */
  over: boolean
}

/** By full name: when the environment was in the configuration last, and how long its runs were kept then. */
interface Seen {
  schemaVersion: number
  environments: Record<string, { at: string; days: number }>
}

/** Objects of one run, or of an environment that is gone. */
const MAX_KEYS = 2_000_000
const MAX_BYTES = 16 * 1024 * 1024
const POINTER_BYTES = 64 * 1024
const TOPS = ['docs', 'state'] as const
const ALL_TOPS = [...TOPS, 'cache'] as const

/** Sorted by full name. Notes which of them are in the configuration. */
export async function outputsIn({ bucket, now }: OutputDeps, config: Config): Promise<Outputs[]> {
  const before = await readSeen(bucket)
  const longest = Math.max(...allKept(config))
  const environments: Seen['environments'] = {}
  const found = (await environmentsIn(bucket)).map(([project, environment]): Outputs => {
    const name = fullName(project, environment)
    const isGone = config.environments[name] === undefined
    // One that is not known from before has been there until now, as far as anybody can tell.
    const seen = (isGone && before[name]) || { at: now().toISOString(), days: isGone ? longest : keptDays(config, name) }
    environments[name] = seen
    const keepDays = isGone ? Math.max(seen.days, longest) : seen.days
    const end = Date.parse(seen.at) + Math.max(keepDays + LATER_DAYS, LEAST_DAYS) * DAY_MS
    return { project, environment, keepDays, over: isGone && end <= now().getTime() }
  })
  if (found.length > 0 || Object.keys(before).length > 0) {
    const text = JSON.stringify({ schemaVersion: SCHEMA_VERSION, environments } satisfies Seen)
    await bucket.write(HISTORY_KEY.environments, text, { type: 'application/json' })
  }
  return found
}

/** Answers how many objects are removed. */
export async function removeOldOutputs({ bucket, now }: OutputDeps, outputs: Outputs): Promise<number> {
  const { project, environment, keepDays, over } = outputs
  let count = 0
  const remove = async (prefix: string) => {
    const keys = await bucket.list(prefix, MAX_KEYS)
    if (keys.length) await bucket.remove(keys)
    count += keys.length
  }
  if (over) {
    for (const top of ALL_TOPS) await remove(environmentPrefix(top, project, environment))
    return count
  }
  const isOld = (run: string) => RUN_ID_PATTERN.test(run) && isExpired(dayOfRun(run), keepDays + LATER_DAYS, now())
  for (const top of TOPS) {
    const prefix = environmentPrefix(top, project, environment)
    const old = (await bucket.folders(prefix)).filter(isOld)
    if (old.length === 0) continue
    // Read after the listing: a pointer only moves to a later run.
    const pointer = { docs: KEY.docsPointer, state: KEY.statePointer }[top](project, environment)
    const inForce = await runOfPointer(bucket, pointer)
    for (const run of old) if (run !== inForce) await remove(`${prefix}${run}/`)
  }
  return count
}

/** Project and short name. */
async function environmentsIn(bucket: OutputDeps['bucket']): Promise<[project: string, environment: string][]> {
  const names = new Set<string>()
  for (const top of ALL_TOPS)
    for (const project of await bucket.folders(`${top}/`))
      for (const environment of await bucket.folders(`${top}/${project}/`)) names.add(fullName(project, environment))
  return [...names].sort().map(name => name.split('/') as [string, string])
}

/** Undefined: there is none. Throws on one that cannot be read: then nothing is removed. */
async function runOfPointer(bucket: OutputDeps['bucket'], key: string): Promise<string | undefined> {
  const object = await bucket.read(key, POINTER_BYTES)
  if (!object) return undefined
  const pointer = parsePointer(textOf(object.body, POINTER_BYTES) ?? '')
  if (!pointer) throw new Error(`${key} is no pointer`)
  return pointer.run
}

async function readSeen(bucket: OutputDeps['bucket']): Promise<Seen['environments']> {
  const object = await bucket.read(HISTORY_KEY.environments, MAX_BYTES)
  try {
    return object ? ((JSON.parse(textOf(object.body, MAX_BYTES) ?? '') as Seen).environments ?? {}) : {}
  } catch {
    // Then the time of those that are gone begins now.
    return {}
  }
}

/** Docs and state of runs that are too old go, unless a pointer names them: no rule of a bucket can know that. */
import { dayOfRun, environmentPrefix, KEY, RUN_ID_PATTERN } from '../../shared/contract.ts'
import { LATER_DAYS } from '../../shared/retention.ts'
import { type Bucket, textOf } from '../common/bucket.ts'
import { isExpired } from './expire.ts'

export interface OutputDeps {
  bucket: Pick<Bucket, 'read' | 'list' | 'remove'>
  now(): Date
}

const MAX_KEYS = 2_000_000
const POINTER_BYTES = 64 * 1024

/** `environment`: full name. Answers how many objects are removed. */
export async function removeOldOutputs({ bucket, now }: OutputDeps, environment: string, keepDays: number): Promise<number> {
  const [project = '', name = ''] = environment.split('/')
  let count = 0
  for (const [top, pointer] of [
    ['docs', KEY.docsPointer(project, name)],
    ['state', KEY.statePointer(project, name)],
  ] as const) {
    const prefix = environmentPrefix(top, project, name)
    const isOld = (run: string) => RUN_ID_PATTERN.test(run) && isExpired(dayOfRun(run), keepDays + LATER_DAYS, now())
    const old = (await bucket.list(prefix, MAX_KEYS)).filter(key => isOld(key.slice(prefix.length).split('/', 1)[0] ?? ''))
    if (old.length === 0) continue
    // Read after the listing: a pointer only moves to a later run.
    const inForce = await runOfPointer(bucket, pointer)
    const gone = old.filter(key => inForce === undefined || !key.startsWith(`${prefix}${inForce}/`))
    await bucket.remove(gone)
    count += gone.length
  }
  return count
}

/** Undefined: there is none. Throws on one that cannot be read: then nothing is removed. */
async function runOfPointer(bucket: Pick<Bucket, 'read'>, key: string): Promise<string | undefined> {
  const object = await bucket.read(key, POINTER_BYTES)
  if (!object) return undefined
  const { run } = JSON.parse(textOf(object.body, POINTER_BYTES) ?? '') as { run?: unknown }
  if (typeof run !== 'string') throw new Error(`${key} is no pointer`)
  return run
}

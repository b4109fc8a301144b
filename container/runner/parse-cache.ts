/**
 * dbt's parse result from one run to the next. dbt checks by itself what of it still holds (version, profile, variables, each
 * file's content), so the newest of a setting is kept under one name and never gives another result.
 */
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Plan } from '../../shared/plan.ts'
import { holdsSecret } from './artifacts.ts'
import { type Cache, hashOf } from './cache.ts'
import type { Redactor } from './redact.ts'

const FILE = 'partial_parse.msgpack'

/** Jobs of an environment that parse with the same settings share it. */
const nameOf = ({ dbt, repository }: Plan) =>
  `parse/${hashOf(dbt.engine, dbt.target ?? '', dbt.profiles ?? '', repository.url, repository.folder)}.gz`

/** The result begins with the place of the clone: dbt reads seeds where they lay when they were parsed (`root_path`). */
async function* withPlace(from: string, clone: string): AsyncGenerator<Buffer> {
  yield Buffer.from(`${clone}\n`)
  yield* createReadStream(from)
}

/** Throws when it was made elsewhere. */
async function* withoutPlace(source: AsyncIterable<Buffer>, clone: string): AsyncGenerator<Buffer> {
  const expected = Buffer.from(`${clone}\n`)
  let head: Buffer | undefined = Buffer.alloc(0)
  for await (const chunk of source) {
    if (!head) {
      yield chunk
      continue
    }
    head = Buffer.concat([head, chunk])
    if (head.length < expected.length) continue
    if (!head.subarray(0, expected.length).equals(expected)) throw new Error('parsed in another folder')
    yield head.subarray(expected.length)
    head = undefined
  }
  if (head) throw new Error('cut off')
}

/** Folder with the kept parse result, as `parsedIn` of a step; undefined if none is kept that was made in this clone's place. */
export async function restoreParse(plan: Plan, cache: Cache, folder: string, clone: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true })
  const packed = join(folder, 'kept.gz')
  if (!(await cache.get(nameOf(plan), packed))) return undefined
  const file = join(folder, FILE)
  try {
    const ofHere = (source: AsyncIterable<Buffer>) => withoutPlace(source, clone)
    await pipeline(createReadStream(packed), createGunzip(), ofHere, createWriteStream(`${file}.part`))
    await rename(`${file}.part`, file)
    return folder
  } catch {
    await rm(`${file}.part`, { force: true })
    return undefined
  } finally {
    await rm(packed, { force: true })
  }
}

/**
 * Keeps the parse result of the last step that parsed, if it is another than the restored one. dbt writes the values of variables
 * into it that models and descriptions read: with a secret among them it is not kept.
 */
export async function keepParse(
  plan: Plan,
  cache: Cache,
  { folder, clone }: { folder: string; clone: string },
  parsedIn: string | undefined,
  redact: Pick<Redactor, 'text'>,
): Promise<void> {
  if (parsedIn === undefined || parsedIn === folder) return
  const from = join(parsedIn, FILE)
  if (!existsSync(from) || (await digest(from)) === (await digest(join(folder, FILE)))) return
  if (await holdsSecret(from, redact)) return
  const packed = join(folder, 'keep.gz')
  await mkdir(folder, { recursive: true })
  await pipeline(withPlace(from, clone), createGzip({ level: 1 }), createWriteStream(packed))
  cache.later(nameOf(plan), packed)
}

async function digest(file: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file), hash)
    return hash.digest('hex')
  } catch {
    return undefined
  }
}

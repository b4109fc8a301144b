/**
 * dbt's parse result from one run to the next. dbt checks by itself what of it still holds (version, profile, variables, each
 * file's content), so the newest of a setting is kept under one name and never gives another result.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import type { Plan } from '../../shared/plan.ts'
import { type Cache, hashOf } from './cache.ts'

const FILE = 'partial_parse.msgpack'

/** Jobs of an environment that parse with the same settings share it. */
const nameOf = ({ dbt, repository }: Plan) =>
  `parse/${hashOf(dbt.engine, dbt.target ?? '', dbt.profiles ?? '', repository.url, repository.folder)}.gz`

/** Folder with the kept parse result, as `parsedIn` of a step; undefined if none is kept. */
export async function restoreParse(plan: Plan, cache: Cache, folder: string): Promise<string | undefined> {
  await mkdir(folder, { recursive: true })
  const packed = join(folder, 'kept.gz')
  if (!(await cache.get(nameOf(plan), packed))) return undefined
  const file = join(folder, FILE)
  try {
    await pipeline(createReadStream(packed), createGunzip(), createWriteStream(`${file}.part`))
    await rename(`${file}.part`, file)
    return folder
  } catch {
    await rm(`${file}.part`, { force: true })
    return undefined
  } finally {
    await rm(packed, { force: true })
  }
}

/** Keeps the parse result of the last step that parsed, if it is another than the restored one. */
export async function keepParse(plan: Plan, cache: Cache, folder: string, parsedIn: string | undefined): Promise<void> {
  if (parsedIn === undefined || parsedIn === folder) return
  const from = join(parsedIn, FILE)
  if (!existsSync(from) || (await digest(from)) === (await digest(join(folder, FILE)))) return
  const packed = join(folder, 'keep.gz')
  await mkdir(folder, { recursive: true })
  await pipeline(createReadStream(from), createGzip({ level: 1 }), createWriteStream(packed))
  cache.later(nameOf(plan), packed)
}

const digest = (file: string) =>
  readFile(file).then(
    bytes => hashOf(bytes),
    () => undefined,
  )

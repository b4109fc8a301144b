/**
 * The last commit that a run has brought, for when the git host is down. A bundle of a shallow clone cannot be fetched from
 * (its parent is missing), so what is kept is git's pack of that one commit; git proves every object by its hash on the way back.
 */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Plan } from '../../shared/plan.ts'
import { type Cache, hashOf } from './cache.ts'
import type { Checkout, CheckoutDeps } from './checkout.ts'
import { openCheckout, reachesOut } from './checkout.ts'

export interface KeptCommit extends Checkout {
  /** When a run brought it. */
  keptAt: string
}

interface Place {
  repository: Plan['repository']
  cache: Cache
  /** Empty folder of ours. */
  workDir: string
}

/** By what is fetched: another folder of the same repository has other files. */
const nameOf = ({ url, branch, folder }: Plan['repository']) => `git/${hashOf(url, branch, folder)}`

/** Keeps the commit of the branch, unless it is kept already. A run of a certain commit says nothing of the branch. */
export async function keepCommit(place: Place, sha: string, clone: string, now: Date, deps: CheckoutDeps): Promise<void> {
  const { repository, cache, workDir } = place
  if (repository.onOutage !== 'last_commit' || repository.commit || repository.submodules) return
  await mkdir(workDir, { recursive: true })
  const mark = join(workDir, 'kept')
  const name = nameOf(repository)
  if ((await cache.get(`${name}.sha`, mark)) && (await readFile(mark, 'utf8')) === sha) return
  // The refs of a fresh clone are the one commit; in a clone without all files, those that are missing stay so.
  const packed = await deps.git(
    ['pack-objects', '--all', '--quiet', '--missing=allow-promisor', '--no-reuse-delta', join(workDir, 'commit')],
    clone,
  )
  const pack = (await readdir(workDir)).find(file => /^commit-[0-9a-f]+\.pack$/.test(file))
  if (packed.code !== 0 || !pack) return deps.say(`git: commit ${sha.slice(0, 7)} could not be packed for the cache`)
  const kept = join(workDir, 'kept.pack')
  await writeFile(kept, `${JSON.stringify({ sha, keptAt: now.toISOString() })}\n`)
  await pipeline(createReadStream(join(workDir, pack)), createWriteStream(kept, { flags: 'a' }))
  await rm(join(workDir, pack))
  await writeFile(mark, sha)
  cache.later(`${name}.pack`, kept)
  cache.later(`${name}.sha`, mark)
}

/** The last commit that a run has brought, checked out; undefined if none is kept, or not the one wanted. */
export async function restoreCommit(place: Place, clone: string, deps: CheckoutDeps): Promise<KeptCommit | undefined> {
  const { repository, cache, workDir } = place
  if (repository.onOutage !== 'last_commit' || repository.submodules) return undefined
  await mkdir(workDir, { recursive: true })
  const file = join(workDir, 'kept.pack')
  if (!(await cache.get(`${nameOf(repository)}.pack`, file))) return undefined
  const facts = await readFacts(file)
  if (!facts || (repository.commit && !facts.sha.startsWith(repository.commit))) return undefined
  await rm(clone, { recursive: true, force: true })
  await mkdir(clone, { recursive: true })
  const run = async (...args: string[]) => {
    const exit = await deps.git(args, clone)
    if (exit.code === 0) return true
    deps.say(`git: the kept commit cannot be used: ${exit.stderr.trim().slice(0, 300)}`)
    return false
  }
  if (!(await run('init', '--quiet'))) return undefined
  const pack = join(clone, '.git', 'objects', 'pack', 'kept.pack')
  await mkdir(join(clone, '.git', 'objects', 'pack'), { recursive: true })
  await pipeline(createReadStream(file, { start: facts.length }), createWriteStream(pack))
  // Its parents are not there.
  await writeFile(join(clone, '.git', 'shallow'), `${facts.sha}\n`)
  if (!(await run('index-pack', pack))) return undefined
  if (repository.folder !== '.' && !(await run('sparse-checkout', 'set', '--cone', repository.folder))) return undefined
  if (!(await run('checkout', '--quiet', '--force', '--detach', facts.sha))) return undefined
  if ((await reachesOut(join(clone, repository.folder))) && !(await run('sparse-checkout', 'disable'))) return undefined
  return { ...(await openCheckout(repository, clone, deps)), keptAt: facts.keptAt }
}

async function readFacts(file: string): Promise<{ sha: string; keptAt: string; length: number } | undefined> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(256), 0, 256, 0)
    const end = buffer.subarray(0, bytesRead).indexOf(10)
    const { sha, keptAt } = JSON.parse(buffer.subarray(0, Math.max(0, end)).toString()) as Record<string, unknown>
    if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha) || typeof keptAt !== 'string') return undefined
    return { sha, keptAt, length: end + 1 }
  } catch {
    return undefined
  } finally {
    await handle.close()
  }
}

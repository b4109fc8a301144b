/**
 * The last commit that a run has brought, for when the git host is down. A bundle of a shallow clone cannot be fetched from
 * (its parent is missing), so what is kept is git's pack of that one commit, and one of each submodule's. git proves every object
 * by its hash on the way back, and a submodule's commit is named by the commit above it.
 */
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
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

/** By what is fetched: another folder of the same repository has other files, and submodules are more. */
const nameOf = ({ url, branch, folder, submodules }: Plan['repository']) =>
  `git/${hashOf(url, branch, folder, ...(submodules ? ['submodules'] : []))}`

/** First line of what is kept; the packs follow in their order. */
interface Facts {
  sha: string
  keptAt: string
  packs: { path: string; sha: string; bytes: number }[]
}

/** Keeps the commit of the branch, unless it is kept already. A run of a certain commit says nothing of the branch. */
export async function keepCommit(place: Place, sha: string, clone: string, now: Date, deps: CheckoutDeps): Promise<void> {
  const { repository, cache, workDir } = place
  if (repository.onOutage !== 'last_commit' || repository.commit) return
  await mkdir(workDir, { recursive: true })
  const mark = join(workDir, 'kept')
  const name = nameOf(repository)
  if ((await cache.get(`${name}.sha`, mark)) && (await readFile(mark, 'utf8')) === sha) return
  const commits = [{ path: '.', sha }, ...(repository.submodules ? await submodulesOf(clone, deps) : [])]
  const packs: Facts['packs'] = []
  const files: string[] = []
  for (const [at, commit] of commits.entries()) {
    const file = await packCommit(join(clone, commit.path), join(workDir, String(at)), deps)
    if (!file) return deps.say(`git: commit ${commit.sha.slice(0, 7)} could not be packed for the cache`)
    packs.push({ ...commit, bytes: (await stat(file)).size })
    files.push(file)
  }
  const kept = join(workDir, 'kept.pack')
  await writeFile(kept, `${JSON.stringify({ sha, keptAt: now.toISOString(), packs } satisfies Facts)}\n`)
  for (const file of files) {
    await pipeline(createReadStream(file), createWriteStream(kept, { flags: 'a' }))
    await rm(file)
  }
  await writeFile(mark, sha)
  cache.later(`${name}.pack`, kept)
  cache.later(`${name}.sha`, mark)
}

/** The refs of a fresh clone are the one commit; in a clone without all files, those that are missing stay so. */
async function packCommit(dir: string, to: string, deps: CheckoutDeps): Promise<string | undefined> {
  await mkdir(to, { recursive: true })
  const options = ['--all', '--quiet', '--missing=allow-promisor', '--no-reuse-delta']
  const packed = await deps.git(['pack-objects', ...options, join(to, 'commit')], dir)
  const pack = (await readdir(to)).find(file => /^commit-[0-9a-f]+\.pack$/.test(file))
  return packed.code === 0 && pack ? join(to, pack) : undefined
}

/** Commits that the index names for folders, those of a submodule behind it; `wanted`: also those that are not there yet. */
async function submodulesOf(
  clone: string,
  deps: CheckoutDeps,
  wanted = false,
  below = '',
): Promise<{ path: string; sha: string }[]> {
  const { stdout } = await deps.git(['ls-files', '--stage', '-z'], join(clone, below))
  const found: { path: string; sha: string }[] = []
  for (const entry of stdout.split('\0')) {
    const [, sha, name] = /^160000 ([0-9a-f]{40}) 0\t(.+)$/s.exec(entry) ?? []
    if (!sha || !name) continue
    const path = join(below, name)
    const isThere = existsSync(join(clone, path, '.git'))
    if (isThere || wanted) found.push({ path, sha })
    if (isThere) found.push(...(await submodulesOf(clone, deps, wanted, path)))
  }
  return found
}

/** The last commit that a run has brought, checked out; undefined if none is kept, or not the one wanted. */
export async function restoreCommit(place: Place, clone: string, deps: CheckoutDeps): Promise<KeptCommit | undefined> {
  const { repository, cache, workDir } = place
  if (repository.onOutage !== 'last_commit') return undefined
  await mkdir(workDir, { recursive: true })
  const file = join(workDir, 'kept.pack')
  if (!(await cache.get(`${nameOf(repository)}.pack`, file))) return undefined
  const facts = await readFacts(file)
  if (!facts || (repository.commit && !facts.sha.startsWith(repository.commit))) return undefined
  await rm(clone, { recursive: true, force: true })
  let start = facts.length
  for (const { path, sha, bytes } of facts.packs) {
    if (path === '.' ? sha !== facts.sha : !(await namesModule(clone, path, sha, deps))) return undefined
    const range = { start, end: start + bytes - 1 }
    if (
      !(await unpackCommit(createReadStream(file, range), join(clone, path), sha, path === '.' ? repository.folder : '.', deps))
    )
      return undefined
    start += bytes
  }
  return { ...(await openCheckout(repository, clone, deps)), keptAt: facts.keptAt }
}

/** Whether the commit above it has this one at the path: what is kept may have been changed. */
async function namesModule(clone: string, path: string, sha: string, deps: CheckoutDeps): Promise<boolean> {
  const known = await submodulesOf(clone, deps, true)
  return known.some(each => each.path === path && each.sha === sha)
}

async function unpackCommit(pack: Readable, dir: string, sha: string, folder: string, deps: CheckoutDeps): Promise<boolean> {
  const run = async (...args: string[]) => {
    const exit = await deps.git(args, dir)
    if (exit.code !== 0) deps.say(`git: the kept commit cannot be used: ${exit.stderr.trim().slice(0, 300)}`)
    return exit.code === 0
  }
  const objects = join(dir, '.git', 'objects', 'pack')
  await mkdir(dir, { recursive: true })
  if (!(await run('init', '--quiet'))) return false
  await mkdir(objects, { recursive: true })
  await pipeline(pack, createWriteStream(join(objects, 'kept.pack')))
  // Its parents are not there.
  await writeFile(join(dir, '.git', 'shallow'), `${sha}\n`)
  if (!(await run('index-pack', join(objects, 'kept.pack')))) return false
  if (folder !== '.' && !(await run('sparse-checkout', 'set', '--cone', folder))) return false
  if (!(await run('checkout', '--quiet', '--force', '--detach', sha))) return false
  return !(await reachesOut(join(dir, folder))) || run('sparse-checkout', 'disable')
}

async function readFacts(file: string): Promise<(Facts & { length: number }) | undefined> {
  const handle = await open(file)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(FACTS_BYTES), 0, FACTS_BYTES, 0)
    const end = buffer.subarray(0, bytesRead).indexOf(10)
    const { sha, keptAt, packs } = JSON.parse(buffer.subarray(0, Math.max(0, end)).toString()) as Record<string, unknown>
    if (typeof sha !== 'string' || !SHA.test(sha) || typeof keptAt !== 'string' || !Array.isArray(packs)) return undefined
    return packs.every(isPack) ? { sha, keptAt, packs, length: end + 1 } : undefined
  } catch {
    return undefined
  } finally {
    await handle.close()
  }
}

/** Some hundred submodules. */
const FACTS_BYTES = 64 * 1024
const SHA = /^[0-9a-f]{40}$/
const isPack = (value: unknown): value is Facts['packs'][number] => {
  const { path, sha, bytes } = value as Record<string, unknown>
  return typeof path === 'string' && typeof sha === 'string' && SHA.test(sha) && Number.isSafeInteger(bytes) && Number(bytes) > 0
}

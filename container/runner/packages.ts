/** dbt's packages, kept in the cache by what asks for them: used instead of `dbt deps` when all is pinned, and when the host is down. */
import { existsSync } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isPinned } from '../../shared/packages-lock.ts'
import { type Cache, hashOf } from './cache.ts'
import { runChild } from './child.ts'
import { childEnvironment, type Environment } from './environment.ts'

const LOCK = 'package-lock.yml'
const ASKING = ['packages.yml', 'dependencies.yml']

export interface Packages {
  /** Installs what an earlier run kept for the same pinned lock file; whether it did, and `dbt deps` has nothing to do. */
  reuse(): Promise<boolean>
  /** Installs what an earlier run kept for the same files, pinned or not: for when the host does not answer. */
  fallBack(): Promise<boolean>
  /** Keeps what `dbt deps` has installed. */
  keep(): Promise<void>
  /** Some come from git repositories. */
  fromGit: boolean
}

export interface PackagesDeps {
  projectDir: string
  /** `core-1.11`: packages may differ with what they support. */
  engine: string
  cache: Cache
  /** Empty folder of ours. */
  workDir: string
  all: Environment
  stop: AbortSignal
}

export const hasPackages = (projectDir: string) => ASKING.some(name => existsSync(join(projectDir, name)))

export async function openPackages(deps: PackagesDeps): Promise<Packages> {
  const read = (name: string) => readFile(join(deps.projectDir, name), 'utf8').catch(() => '')
  const [asking, lock, project] = [await Promise.all(ASKING.map(read)), await read(LOCK), await read('dbt_project.yml')]
  const folder = installFolder(project)
  const all = [...asking, lock].join('\n')
  // A link into the project is no package to be kept.
  const keepable = folder !== undefined && !/^\s*-?\s*['"]?local['"]?\s*:/m.test(all)
  const pinned = keepable && isPinned(lock)
  const name = (text: string) => `packages/${hashOf(deps.engine, ...asking, text)}.tar.gz`
  // Kept under the lock only if dbt left the lock as it is in the repository.
  const names = { loose: name(''), locked: name(lock) }
  const target = join(deps.projectDir, folder ?? 'dbt_packages')
  const archive = join(deps.workDir, 'packages.tar.gz')

  async function restore(from: string): Promise<boolean> {
    if (!keepable) return false
    await mkdir(deps.workDir, { recursive: true })
    if (!(await deps.cache.get(from, archive))) return false
    const staging = join(deps.workDir, 'unpacked')
    await rm(staging, { recursive: true, force: true })
    await mkdir(staging)
    const unpacked = await tar(['-xzf', archive, '--no-same-owner', '--no-same-permissions', '-C', staging])
    const sound = unpacked && (await isPlain(staging))
    if (sound) {
      await rm(target, { recursive: true, force: true })
      await mkdir(dirname(target), { recursive: true })
      await rename(staging, target)
    }
    await rm(archive, { force: true })
    return sound
  }

  return {
    reuse: async () => pinned && (await restore(names.locked)),
    fallBack: async () => (pinned && (await restore(names.locked))) || (await restore(names.loose)),
    fromGit: /^\s*-?\s*['"]?(git|private)['"]?\s*:/m.test(all),
    async keep() {
      if (!keepable || !existsSync(target)) return
      await mkdir(deps.workDir, { recursive: true })
      const kept = join(deps.workDir, 'keep.tar.gz')
      // `.git` of a package may hold the address with a token in it.
      if (!(await tar(['-czf', kept, '--exclude=.git', '-C', target, '.']))) return
      deps.cache.later(pinned && (await read(LOCK)) === lock ? names.locked : names.loose, kept)
    },
  }

  async function tar(args: string[]): Promise<boolean> {
    const env = childEnvironment(deps.all, deps.workDir)
    const options = { line() {}, stop: deps.stop, graceMilliseconds: 2_000 }
    return (await runChild({ file: 'tar', args, cwd: deps.workDir, env }, options)).code === 0
  }
}

/** Where dbt installs packages, in the project; undefined for a place that cannot be read from the file as it is. */
function installFolder(project: string): string | undefined {
  const line = /^['"]?packages-install-path['"]?\s*:\s*(.*)$/m.exec(project)?.[1]
  if (line === undefined) return /packages-install-path/.test(project) ? undefined : 'dbt_packages'
  const folder = /^(['"]?)([\w.-]+(?:\/[\w.-]+)*)\1\s*(#.*)?$/.exec(line)?.[2]
  return folder?.split('/').some(part => part === '..' || part === '.' || part === '.git') ? undefined : folder
}

/** Files and folders alone: a link could lead a later write or read out of the project. */
async function isPlain(dir: string): Promise<boolean> {
  for (const name of await readdir(dir)) {
    const path = join(dir, name)
    const { isDirectory, isFile } = await lstat(path).then(s => ({
      isDirectory: s.isDirectory(),
      isFile: s.isFile() && s.nlink === 1,
    }))
    if (!isDirectory && !isFile) return false
    if (isDirectory && !(await isPlain(path))) return false
  }
  return true
}

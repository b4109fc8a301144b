/** Python environments of local mode: one folder for each set of locked requirements, made once, shared by all installations. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, readlink, rename, rm, stat, statfs, symlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { UserError } from '../shared/errors.ts'

const run = promisify(execFile)

/** Range that the locked packages have wheels for (dbt-core 1.11 ends at 3.13). */
const CANDIDATES = ['python3.13', 'python3.12', 'python3.11', 'python3']
const SUPPORTED = /^3\.1[123]\./
/** Largest environment (dbt with DuckDB) is 220 MB; the wheels beside it while installing. */
const NEEDED_BYTES = 700 * 1024 * 1024

export interface Python {
  path: string
  version: string
}

export interface VenvOptions {
  /** For people and for the folder's name: `emulator`, `core-1.11-duckdb`. */
  name: string
  /** Hash-locked requirement files, installed one after the other. */
  requirements: string[]
  /** Folders with a package-lock.json of npm packages that hold a library; it comes to `lib/` of the environment. */
  libraries?: string[]
  /** Folder that holds all environments. */
  cacheDir: string
  python: Python
  onProgress: (line: string) => void
  /** Seconds for one call of pip. */
  timeoutSeconds?: number
}

/** Finds a Python 3.11 to 3.13; `TIDEMILL_PYTHON` or `wanted` names one. UserError: there is none that can make a venv. */
export async function findPython(wanted: string | undefined): Promise<Python> {
  const seen: string[] = []
  for (const name of wanted ? [wanted] : CANDIDATES) {
    // A version manager's shim may be on the PATH for a version that is not there: only running it tells.
    const probe = await run(name, ['-c', 'import sys, platform; print(platform.python_version()); print(sys.executable)'], {
      timeout: 20_000,
    }).catch(() => undefined)
    if (!probe) continue
    const [version = '', path = ''] = probe.stdout.trim().split('\n')
    if (!SUPPORTED.test(version)) {
      seen.push(`${name} is ${version}`)
      continue
    }
    if (await run(path, ['-c', 'import venv, ensurepip'], { timeout: 20_000 }).catch(() => undefined)) return { path, version }
    seen.push(`${name} (${version}) has no venv module; on Debian and Ubuntu: apt install python3-venv`)
  }
  throw new UserError(`Python 3.11, 3.12 or 3.13 is needed and was not found${seen.length > 0 ? ` (${seen.join('; ')})` : ''}.`, {
    hint: 'Install one (Debian, Ubuntu: apt install python3 python3-venv; macOS: brew install python@3.12), or name it: TIDEMILL_PYTHON=/path/to/python3.12',
    exitCode: 3,
  })
}

/** Folder of the environment, made if it is not there. Safe when several processes ask at once. */
export async function ensureVenv(options: VenvOptions): Promise<string> {
  const { name, requirements, libraries = [], cacheDir, python, onProgress } = options
  const files = [...requirements, ...libraries.map(folder => join(folder, 'package-lock.json'))]
  const locks = await Promise.all(files.map(file => readFile(file)))
  const hash = createHash('sha256').update(`${python.version} ${process.platform} ${process.arch}`)
  for (const lock of locks) hash.update(lock)
  const venv = join(cacheDir, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(venv)) return venv

  await mkdir(cacheDir, { recursive: true })
  await removeAbandoned(cacheDir)
  await refuseFullDisk(cacheDir)
  // Made beside its place and put there in one step: nobody ever sees a half-made one. The console scripts of an
  // environment hold its absolute path, so the folder is made under its own name and only the link is put in place.
  const made = `${venv}.${randomBytes(4).toString('hex')}`
  try {
    onProgress(`Python packages for ${name}`)
    await run(python.path, ['-m', 'venv', made], { timeout: 120_000 }).catch(cause => {
      throw new UserError(`Python ${python.version} cannot make a virtual environment: ${lastLine(cause)}`, {
        hint: 'Install its venv module (Debian, Ubuntu: apt install python3-venv), then try again.',
        exitCode: 3,
        cause,
      })
    })
    for (const file of requirements) await install(made, file, options)
    for (const folder of libraries) await installLibrary(made, folder)
    await symlink(basename(made), `${made}.link`)
    if (existsSync(venv)) await rm(made, { recursive: true })
    else await rename(`${made}.link`, venv)
  } catch (error) {
    await rm(made, { recursive: true, force: true })
    throw error
  } finally {
    await rm(`${made}.link`, { force: true })
  }
  return venv
}

/** Folders that an interrupted installation left: no link leads to them, and nobody installs for two hours. */
async function removeAbandoned(cacheDir: string): Promise<void> {
  const names = await readdir(cacheDir)
  const used = new Set(await Promise.all(names.map(name => readlink(join(cacheDir, name)).catch(() => undefined))))
  for (const name of names.filter(name => /-[0-9a-f]{16}\.[0-9a-f]{8}$/.test(name) && !used.has(name))) {
    const path = join(cacheDir, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (Date.now() - mtimeMs > 2 * 3600_000) await rm(path, { recursive: true, force: true })
  }
}

async function install(venv: string, file: string, { timeoutSeconds = 600 }: VenvOptions): Promise<void> {
  const args = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--require-hashes', '--no-deps']
  await run(join(venv, 'bin/python'), [...args, '-r', file], { timeout: timeoutSeconds * 1000, maxBuffer: 16 << 20 }).catch(
    cause => {
      const text = `${(cause as { stderr?: string }).stderr ?? ''}`
      throw new UserError(`pip could not install ${basename(file)}: ${explain(text) ?? lastLine(cause)}`, {
        hint: hintFor(text),
        exitCode: 3,
        cause,
      })
    },
  )
}

async function installLibrary(venv: string, folder: string): Promise<void> {
  const packed = join(venv, 'npm')
  await cp(folder, packed, { recursive: true })
  const args = ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', packed]
  await run('npm', args, { timeout: 300_000 }).catch(cause => {
    throw new UserError(`npm could not install the library of ${basename(folder)}: ${lastLine(cause)}`, {
      hint: hintFor(`${(cause as { stderr?: string }).stderr ?? ''}`),
      exitCode: 3,
      cause,
    })
  })
  const found = (await readdir(packed, { recursive: true })).filter(name => /\/lib\w+\.so$/.test(name))
  if (found.length === 0)
    throw new UserError(`The library of ${basename(folder)} does not exist for ${process.platform} on ${process.arch}.`, {
      hint: 'Use an engine of dbt 1.x here (core-1.11, core-1.12).',
      exitCode: 3,
    })
  for (const name of found) await rename(join(packed, name), join(venv, 'lib', basename(name)))
  await rm(packed, { recursive: true })
}

const UNREACHABLE =
  /NewConnectionError|Name or service not known|Temporary failure in name resolution|timed out|Network is unreachable|ProxyError|Connection refused|Could not find a version/i
const NO_SPACE = /No space left on device|Errno 28/

function explain(text: string): string | undefined {
  if (NO_SPACE.test(text)) return 'the disk is full'
  if (/THESE PACKAGES DO NOT MATCH THE HASHES/.test(text)) return 'a downloaded package does not have the locked hash'
  return UNREACHABLE.test(text) ? 'the package registry does not answer, or does not have a package' : undefined
}

function hintFor(text: string): string {
  if (NO_SPACE.test(text)) return 'Free about 700 MB, then try again.'
  if (UNREACHABLE.test(text)) return 'Check the network, or point pip at a mirror (PIP_INDEX_URL or pip.conf), then try again.'
  return 'Try again; if it repeats, read the message of pip above.'
}

const lastLine = (error: unknown): string => {
  const { stderr, message } = error as { stderr?: string; message?: string }
  return (stderr?.trim() || message || String(error)).split('\n').at(-1) ?? ''
}

async function refuseFullDisk(folder: string): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  const free = bavail * bsize
  if (free >= NEEDED_BYTES) return
  throw new UserError(`The disk is nearly full: ${Math.round(free / 2 ** 20)} MB free in ${folder}, about 700 MB are needed.`, {
    hint: 'Free some space, or put the cache elsewhere: TIDEMILL_CACHE=/path',
    exitCode: 3,
  })
}

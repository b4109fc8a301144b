/** The environment's published state (`--state`): what its publishing job left with its last good run. */
import { createReadStream, createWriteStream, existsSync } from 'node:fs'
import { copyFile, mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { Plan } from '../../shared/plan.ts'
import { StepFailure } from './failure.ts'
import type { Store } from './store.ts'

const FILES = ['manifest.json', 'run_results.json', 'sources.json'] as const
const LIMITS = { mostBytes: 512 * 1024 * 1024, milliseconds: 120_000 }

/** Words of a step that compare with a state. A selector by name may hold one. */
const COMPARES = /(^|[\s,+@])(state|result|source_status):/
const DEFERS = /^--(defer|favor-state|selector)(=|$)/
const OWN = /^--(state|defer-state)(=|$)/

export const needsState = (words: readonly string[]) =>
  words.some(word => COMPARES.test(word) || DEFERS.test(word)) && !words.some(word => OWN.test(word))

export interface PublishedState {
  /** Folder for `--state`. */
  folder: string
  run: string
  commit: string | undefined
}

/**
 * Brings the published state into a folder: the newest, or that of `run`, with which an earlier attempt compared.
 * @throws StepFailure `command_refused` where nothing is published yet: comparing with nothing would build all or nothing,
 * and nobody would have asked for either
 */
export async function restoreState(
  wanted: NonNullable<Plan['state']>,
  folder: string,
  store: Pick<Store, 'fetch'>,
  environment: string,
  run: string | undefined,
): Promise<PublishedState> {
  await mkdir(folder, { recursive: true })
  const fetchFiles = async (from: string, names: readonly string[]) => {
    for (const name of names) {
      const file = join(folder, name)
      const there = await store.fetch(`${wanted.prefix}${from}/${name}`, file, LIMITS).catch(unreadable)
      if (there) await unpack(file)
      else if (name === 'manifest.json') return false
    }
    return true
  }
  if (run !== undefined) {
    if (await fetchFiles(run, FILES)) return { folder, run, commit: undefined }
    throw new StepFailure(
      'command_refused',
      `The attempts before this one compared with the state of run ${run}, which is not in the bucket any more. Another state would select other nodes; run the job again.`,
    )
  }
  const pointerFile = join(folder, 'current.json')
  const none = () =>
    new StepFailure(
      'command_refused',
      `Environment ${environment} has no published state yet, and this step compares with it. A good run of the job that publishes it (publishes: [state]) makes one; nothing was built.`,
    )
  const found = await store.fetch(wanted.pointer, pointerFile, { ...LIMITS, mostBytes: 64 * 1024 }).catch(unreadable)
  const pointer = found ? readPointer(await readFile(pointerFile, 'utf8')) : undefined
  if (!pointer) throw none()
  const listed = FILES.filter(name => pointer.files.includes(name))
  if (!(await fetchFiles(pointer.run, listed))) throw none()
  return { folder, run: pointer.run, commit: pointer.commit }
}

function unreadable(error: Error): never {
  throw new StepFailure('infrastructure', `The published state could not be read: ${error.message}`)
}

function readPointer(text: string): { run: string; commit: string | undefined; files: unknown[] } | undefined {
  try {
    const { run, commit, files } = JSON.parse(text) as Record<string, unknown>
    if (typeof run !== 'string' || !/^[\w-]+$/.test(run) || !Array.isArray(files)) return undefined
    return { run, commit: typeof commit === 'string' ? commit : undefined, files }
  } catch {
    return undefined
  }
}

/** Artifacts are stored gzip-encoded, and a client that unpacks by itself would have done it. */
async function unpack(file: string): Promise<void> {
  const handle = await open(file)
  const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0).finally(() => handle.close())
  if (buffer[0] !== 0x1f || buffer[1] !== 0x8b) return
  await pipeline(createReadStream(file), createGunzip(), createWriteStream(`${file}.plain`))
  await rename(`${file}.plain`, file)
}

/** The words of a step with the state that it compares with, and from which it defers. */
export const withState = (words: readonly string[], folder: string): string[] => [
  ...words,
  '--state',
  folder,
  ...(words.some(word => /^--(defer|favor-state)$/.test(word)) ? ['--defer-state', folder] : []),
]

/** Folder with a sources.json from the bucket; undefined if it is not there. */
export async function restoreSources(key: string, folder: string, store: Pick<Store, 'fetch'>): Promise<string | undefined> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'sources.json')
  if (!(await store.fetch(key, file, LIMITS).catch(unreadable))) return undefined
  await unpack(file)
  return folder
}

/** `source_status:` compares with the sources of now, which dbt looks for in the step's own target folder. */
export async function bringSources(freshness: string | undefined, target: string): Promise<void> {
  if (!freshness || !existsSync(join(freshness, 'sources.json'))) return
  await mkdir(target, { recursive: true })
  await copyFile(join(freshness, 'sources.json'), join(target, 'sources.json'))
}

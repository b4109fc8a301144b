/** What local mode keeps beside a tidemill.yml: `.tidemill/local/`. */
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { z } from 'zod/mini'
import { UserError } from '../shared/errors.ts'

/** Paths of an installation; `folder` is the folder of tidemill.yml. */
export const localPaths = (folder: string) => {
  const root = join(folder, '.tidemill/local')
  return {
    root,
    /** Addresses and key for every client; read by the command line. */
    description: join(root, 'local.json'),
    processes: join(root, 'processes.json'),
    lock: join(root, 'lock'),
    emulatorState: join(root, 'emulator'),
    emulatorLog: join(root, 'emulator.log'),
    ecsLog: join(root, 'ecs.log'),
    deployLog: join(root, 'deploy.log'),
    tasks: join(root, 'tasks'),
    assembly: join(root, 'cdk.out'),
    secrets: join(folder, '.tidemill/secrets.yml'),
  }
}
export type LocalPaths = ReturnType<typeof localPaths>

const description = z.object({
  endpoint: z.string(),
  ecsEndpoint: z.string(),
  region: z.string(),
  accessKeyId: z.string(),
  secretAccessKey: z.string(),
  /** After the first deploy: address of the `api` function, with a slash at its end. */
  apiUrl: z.optional(z.string()),
  /** After the first deploy: name of the installation, and outputs of its main stack. */
  installation: z.optional(z.string()),
  outputs: z.optional(z.record(z.string(), z.string())),
})
/** `local.json`. */
export type LocalDescription = z.infer<typeof description>

const record = z.object({ pid: z.int(), started: z.string() })
const processes = z.object({ emulator: z.optional(record), ecs: z.optional(record) })
export type LocalProcesses = z.infer<typeof processes>

export const readDescription = (paths: LocalPaths) => readJson(paths.description, description)
export const readProcesses = async (paths: LocalPaths): Promise<LocalProcesses> =>
  (await readJson(paths.processes, processes)) ?? {}

async function readJson<T extends z.ZodMiniType>(path: string, schema: T): Promise<z.infer<T> | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw new UserError(`${path} is damaged.`, { hint: 'Start afresh: tidemill local reset', exitCode: 3, cause })
  }
}

/** Readable by the user alone: it holds the key of the local cloud. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const temporary = `${path}.${randomBytes(4).toString('hex')}`
  await writeFile(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 })
  await rename(temporary, path)
}

/** The folder lies in the user's repository and holds secrets and state: nothing in it may be committed. */
export async function hideFromGit(paths: LocalPaths): Promise<void> {
  await mkdir(paths.root, { recursive: true, mode: 0o700 })
  await writeFile(join(dirname(paths.secrets), '.gitignore'), '*\n', { flag: 'wx' }).catch(error => {
    // One that the user wrote stays.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
}

/** Runs `body` while no other process changes the same local cloud. The lock of a process that died is taken over. */
export async function withLock<T>(paths: LocalPaths, alive: (pid: number) => boolean, body: () => Promise<T>): Promise<T> {
  await mkdir(paths.root, { recursive: true, mode: 0o700 })
  for (let tries = 0; ; tries++) {
    try {
      await writeFile(paths.lock, String(process.pid), { flag: 'wx' })
      break
    } catch {
      const holder = Number(await readFile(paths.lock, 'utf8').catch(() => ''))
      if (holder > 0 && alive(holder))
        throw new UserError('Another command is starting or stopping this local cloud.', {
          hint: `Wait for it (process ${holder}), then try again.`,
          exitCode: 3,
        })
      if (tries > 2) throw new UserError(`${paths.lock} cannot be taken.`, { hint: 'Remove it and try again.', exitCode: 3 })
      await rm(paths.lock, { force: true })
    }
  }
  try {
    return await body()
  } finally {
    await rm(paths.lock, { force: true })
  }
}

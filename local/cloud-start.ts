/** Start and end of the two processes behind the cloud on one machine: emulator and process-backed ECS. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { callAws, type Emulator } from './aws-json.ts'
import { startSweeper } from './catch-up.ts'
import { startEcs } from './ecs-start.ts'
import { healthUrl, startEmulator, waitHealthy } from './emulator.ts'
import { endProcess, freePort, isAlive } from './process.ts'
import {
  type LocalDescription,
  type LocalPaths,
  type LocalProcesses,
  readDescription,
  readProcesses,
  writeJson,
} from './state.ts'
import { ensureVenv, findPython, type Python } from './venv.ts'

export interface UpOptions {
  /** Folder of tidemill.yml. */
  folder: string
  /** For Python environments; shared by installations. */
  cacheDir: string
  dist: string
  onProgress: (line: string) => void
  /** These ports and no others; without them, those of the last time or any free ones. */
  ports?: { emulator?: number; ecs?: number }
  /** Secrets that the configuration names. */
  secrets?: readonly string[]
  region?: string
  /** Tasks at the same time; beyond, ECS has no capacity. */
  maxTasks?: number
}

const DEFAULT_REGION = 'us-east-1'
const DEFAULT_TASKS = 8
/** What a running task may take to end when the cloud goes down: dbt cancels its queries, the runner uploads. */
const STOP_SECONDS = 20
const START_SECONDS = 30
const START_TRIES = 3

export const portOf = (endpoint: string) => Number(new URL(endpoint).port)

/** Starts both, on the addresses of the last time if these are free. */
export async function start(paths: LocalPaths, options: UpOptions): Promise<LocalDescription> {
  const { cacheDir, dist, onProgress } = options
  const python = await findPython(process.env.TIDEMILL_PYTHON)
  const venv = await emulatorVenv({ cacheDir, dist, python, onProgress })
  // One of the two may still run: the other is no use without it.
  await stopProcesses(paths)
  const before = await readDescription(paths)
  const description = await startOnFreePorts(paths, before, venv, python, options)
  const { outputs, installation } = description
  if (!outputs) return description
  if (await isBootstrapped(description)) {
    if (installation) await startSweeper(description, installation)
    return description
  }
  // The emulator was killed before it first stored its state: nothing is deployed any more.
  const { outputs: _, installation: __, apiUrl: ___, ...fresh } = description
  await writeJson(paths.description, fresh)
  return fresh
}

/** Another program may take a port between our look and the moment at which ours listens: then others are tried. */
async function startOnFreePorts(
  paths: LocalPaths,
  before: LocalDescription | undefined,
  venv: string,
  python: Python,
  options: UpOptions,
): Promise<LocalDescription> {
  for (let tries = 1; ; tries++) {
    const description = await describe(before, options)
    await writeJson(paths.description, description)
    try {
      await startBoth(paths, description, venv, python, options)
      return description
    } catch (error) {
      const { emulator, ecs } = await readProcesses(paths)
      const ended = !isAlive(emulator) || !isAlive(ecs)
      await stopProcesses(paths)
      if (!ended || options.ports || tries === START_TRIES) throw error
    }
  }
}

async function describe(before: LocalDescription | undefined, { ports = {}, region }: UpOptions): Promise<LocalDescription> {
  const { outputs, installation } = before ?? {}
  const port = await freePort({ fixed: ports.emulator, preferred: before && portOf(before.endpoint) })
  const ecsPort = await freePort({ fixed: ports.ecs, preferred: before && portOf(before.ecsEndpoint) })
  return {
    endpoint: `http://127.0.0.1:${port}`,
    ecsEndpoint: `http://127.0.0.1:${ecsPort}`,
    region: region ?? before?.region ?? DEFAULT_REGION,
    // A key of its own for every installation: the CDK remembers the account of a key.
    accessKeyId: before?.accessKeyId ?? `TIDEMILL${randomBytes(6).toString('hex').toUpperCase()}`,
    secretAccessKey: before?.secretAccessKey ?? randomBytes(20).toString('hex'),
    ...(installation && { installation }),
    ...(outputs && { outputs, ...apiUrlOf(`http://127.0.0.1:${port}`, outputs) }),
  }
}

/** The CDK's bootstrap stack is there. */
export const isBootstrapped = (emulator: Emulator): Promise<boolean> =>
  callAws(emulator, 'ssm', 'GetParameter', { Name: '/cdk-bootstrap/hnb659fds/version' }).then(
    () => true,
    () => false,
  )

/** Function URLs have a host name that loopback does not know; the emulator takes their id in the path as well. */
export function apiUrlOf(endpoint: string, outputs: Record<string, string>): { apiUrl?: string } {
  const apiUrl = localUrl(endpoint, outputs.ApiUrl)
  return apiUrl ? { apiUrl } : {}
}

export function localUrl(endpoint: string, url = ''): string | undefined {
  const [, id] = /^https?:\/\/([a-z0-9-]+)\.lambda-url\./.exec(url) ?? []
  return id ? `${endpoint}/_aws/lambda-url/${id}/` : undefined
}

export const emulatorVenv = (options: { cacheDir: string; dist: string; python: Python; onProgress: (line: string) => void }) =>
  ensureVenv({
    ...options,
    name: 'emulator',
    requirements: [join(options.dist, 'local/emulator/requirements.txt')],
    cacheDir: join(options.cacheDir, 'venv'),
  })

async function startBoth(paths: LocalPaths, description: LocalDescription, venv: string, python: Python, options: UpOptions) {
  const { dist, cacheDir, onProgress } = options
  const { endpoint, ecsEndpoint } = description
  onProgress(`local cloud at ${endpoint}`)
  const processes: LocalProcesses = {
    emulator: await startEmulator({
      ...description,
      venv,
      program: join(dist, 'local/emulator'),
      stateDir: paths.emulatorState,
      log: paths.emulatorLog,
      actor: `local:${userInfo().username}`,
    }),
    ecs: startEcs({
      settings: {
        endpoint: ecsEndpoint,
        port: portOf(ecsEndpoint),
        emulator: description,
        tasksDir: paths.tasks,
        dist,
        cacheDir,
        python,
        maxTasks: options.maxTasks ?? DEFAULT_TASKS,
        stopSeconds: STOP_SECONDS,
      },
      program: join(dist, 'local/ecs.mjs'),
      cwd: paths.root,
      log: paths.ecsLog,
    }),
  }
  // Written before they answer: an interrupted start leaves nothing that `down` does not find.
  await writeJson(paths.processes, processes)
  if (processes.emulator) await waitHealthy('emulator', healthUrl(endpoint), processes.emulator, paths.emulatorLog, START_SECONDS)
  if (processes.ecs) await waitHealthy('ECS', `${ecsEndpoint}/_health`, processes.ecs, paths.ecsLog, START_SECONDS)
}

/** Tasks first, while the emulator still takes their last logs and events. */
export async function stopProcesses(paths: LocalPaths): Promise<boolean> {
  const { ecs, emulator } = await readProcesses(paths)
  const ran = isAlive(ecs) || isAlive(emulator)
  if (ecs) await endProcess(ecs, STOP_SECONDS + 15)
  if (emulator) await endProcess(emulator, 20)
  await rm(paths.processes, { force: true })
  return ran
}

/** The cloud on one machine: emulator and process-backed ECS as background processes, with state that survives. */
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { OUTPUT } from '../shared/contract.ts'
import { callAws, type Emulator } from './aws-json.ts'
import { startSweeper } from './catch-up.ts'
import { startEcs } from './ecs-start.ts'
import { answers, healthUrl, startEmulator, waitHealthy } from './emulator.ts'
import { endProcess, freePort, isAlive, startOf } from './process.ts'
import { loadSecrets } from './secrets-file.ts'
import {
  hideFromGit,
  type LocalDescription,
  type LocalPaths,
  type LocalProcesses,
  localPaths,
  readDescription,
  readProcesses,
  withLock,
  writeJson,
} from './state.ts'
import { ensureVenv, findPython, type Python } from './venv.ts'

export interface LocalCloud extends Emulator {
  folder: string
  paths: LocalPaths
  ecsEndpoint: string
  /** After a deploy. */
  apiUrl?: string
  /** Names that were wanted and that neither secrets.yml nor the emulator has. */
  missingSecrets: string[]
}

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
const aliveByPid = (pid: number) => startOf(pid) !== undefined

/** Starts what is not running yet. Returns when both answer. */
export function up(options: UpOptions): Promise<LocalCloud> {
  const paths = localPaths(options.folder)
  return withLock(paths, aliveByPid, async () => {
    await hideFromGit(paths)
    const description = (await runningDescription(paths, options)) ?? (await start(paths, options))
    const missingSecrets = await loadSecrets(description, paths.secrets, options.secrets ?? [])
    return toCloud(options.folder, paths, description, missingSecrets)
  })
}

const toCloud = (folder: string, paths: LocalPaths, description: LocalDescription, missingSecrets: string[]): LocalCloud => {
  const { outputs: _, installation: __, apiUrl, ...addresses } = description
  return { ...addresses, ...(apiUrl && { apiUrl }), folder, paths, missingSecrets }
}

/** The cloud that is up already, or undefined. */
export async function connect(folder: string): Promise<LocalCloud | undefined> {
  const paths = localPaths(folder)
  const description = await readDescription(paths)
  return description && (await isUp(paths, description)) ? toCloud(folder, paths, description, []) : undefined
}

async function isUp(paths: LocalPaths, { endpoint, ecsEndpoint }: LocalDescription): Promise<boolean> {
  const { emulator, ecs } = await readProcesses(paths)
  return isAlive(emulator) && isAlive(ecs) && (await answers(healthUrl(endpoint))) && (await answers(`${ecsEndpoint}/_health`))
}

async function runningDescription(paths: LocalPaths, { ports = {} }: UpOptions): Promise<LocalDescription | undefined> {
  const description = await readDescription(paths)
  if (!description || !(await isUp(paths, description))) return undefined
  const same = (wanted: number | undefined, endpoint: string) => wanted === undefined || wanted === portOf(endpoint)
  return same(ports.emulator, description.endpoint) && same(ports.ecs, description.ecsEndpoint) ? description : undefined
}

const portOf = (endpoint: string) => Number(new URL(endpoint).port)

async function start(paths: LocalPaths, options: UpOptions): Promise<LocalDescription> {
  const { cacheDir, dist, onProgress, ports = {} } = options
  const python = await findPython(process.env.TIDEMILL_PYTHON)
  const venv = await emulatorVenv({ cacheDir, dist, python, onProgress })
  // One of the two may still run: the other is no use without it.
  await stopProcesses(paths)
  const before = await readDescription(paths)
  const port = await freePort({ fixed: ports.emulator, preferred: before && portOf(before.endpoint) })
  const ecsPort = await freePort({ fixed: ports.ecs, preferred: before && portOf(before.ecsEndpoint) })
  const { outputs, installation } = before ?? {}
  const description: LocalDescription = {
    endpoint: `http://127.0.0.1:${port}`,
    ecsEndpoint: `http://127.0.0.1:${ecsPort}`,
    region: options.region ?? before?.region ?? DEFAULT_REGION,
    // A key of its own for every installation: the CDK remembers the account of a key.
    accessKeyId: before?.accessKeyId ?? `TIDEMILL${randomBytes(6).toString('hex').toUpperCase()}`,
    secretAccessKey: before?.secretAccessKey ?? randomBytes(20).toString('hex'),
    ...(installation && { installation }),
    ...(outputs && { outputs, ...apiUrlOf(`http://127.0.0.1:${port}`, outputs) }),
  }
  await writeJson(paths.description, description)
  try {
    await startBoth(paths, description, venv, python, options)
  } catch (error) {
    await stopProcesses(paths)
    throw error
  }
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
async function stopProcesses(paths: LocalPaths): Promise<boolean> {
  const { ecs, emulator } = await readProcesses(paths)
  const ran = isAlive(ecs) || isAlive(emulator)
  if (ecs) await endProcess(ecs, STOP_SECONDS + 15)
  if (emulator) await endProcess(emulator, 20)
  await rm(paths.processes, { force: true })
  return ran
}

/** Stops everything and keeps the state; true: something was running. */
export function down({ folder }: { folder: string }): Promise<boolean> {
  const paths = localPaths(folder)
  return withLock(paths, aliveByPid, () => stopProcesses(paths))
}

/** Stops everything and forgets runs, logs, artifacts and deployment. secrets.yml stays. */
export async function reset({ folder }: { folder: string }): Promise<void> {
  const paths = localPaths(folder)
  await withLock(paths, aliveByPid, () => stopProcesses(paths))
  await rm(paths.root, { recursive: true, force: true, maxRetries: 3 })
}

export interface LocalStatus {
  emulator: 'up' | 'down'
  ecs: 'up' | 'down'
  /** Undefined: never started in this folder. */
  endpoint: string | undefined
  apiUrl: string | undefined
  /** Where a job waits for pushes or requests. */
  webhookUrl: string | undefined
  deployed: boolean
  logs: { emulator: string; ecs: string; deploy: string }
}

export async function status({ folder }: { folder: string }): Promise<LocalStatus> {
  const paths = localPaths(folder)
  const description = await readDescription(paths)
  const { emulator, ecs } = await readProcesses(paths)
  const state = (alive: boolean) => (alive ? 'up' : 'down')
  return {
    emulator: state(isAlive(emulator)),
    ecs: state(isAlive(ecs)),
    endpoint: description?.endpoint,
    apiUrl: description?.apiUrl,
    webhookUrl: description && localUrl(description.endpoint, description.outputs?.[OUTPUT.webhookUrl]),
    deployed: description?.outputs !== undefined,
    logs: { emulator: paths.emulatorLog, ecs: paths.ecsLog, deploy: paths.deployLog },
  }
}

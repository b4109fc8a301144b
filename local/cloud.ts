/** The cloud on one machine: emulator and process-backed ECS as background processes, with state that survives. */
import { rm } from 'node:fs/promises'
import { OUTPUT } from '../shared/resource-names.ts'
import type { Emulator } from './aws-json.ts'
import { localUrl, portOf, start, stopProcesses, type UpOptions } from './cloud-start.ts'
import { answers, healthUrl } from './emulator.ts'
import { isAlive, startOf } from './process.ts'
import { loadSecrets } from './secrets-file.ts'
import {
  hideFromGit,
  type LocalDescription,
  type LocalPaths,
  localPaths,
  readDescription,
  readProcesses,
  withLock,
} from './state.ts'

export interface LocalCloud extends Emulator {
  folder: string
  paths: LocalPaths
  ecsEndpoint: string
  /** After a deploy. */
  apiUrl?: string
  /** Names that were wanted and that neither secrets.yml nor the emulator has. */
  missingSecrets: string[]
}

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

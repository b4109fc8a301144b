/** The process that stands for a container: what it is started with, and how it ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { ENV } from '../../shared/contract.ts'
import { AwsError, type Emulator } from '../aws-json.ts'
import type { Image, ImageResolver } from '../image.ts'
import { ImageError } from '../image.ts'
import { mainContainer } from './definition.ts'
import type { Faults } from './faults.ts'
import { type LogDriver, openLog, parseLogOptions } from './log-driver.ts'
import { resolveSecrets, SecretError } from './secrets.ts'
import type { Task } from './task.ts'

export interface StartOptions {
  emulator: Emulator
  resolveImage: ImageResolver
  faults: Faults
  /** Folder of the task, made here and removed after its end. */
  folder: string
  credentialsUrl: string
}

/** A start that ECS ends as TaskFailedToStart, with the reason it shows. */
export class StartError extends Error {}

export interface Prepared {
  image: Image
  env: Record<string, string>
  cwd: string
  log: LogDriver | undefined
  /** Nobody reads its output for so long. */
  stalledSeconds: number
}

/** Image, secrets and log stream, in the order of ECS. Throws StartError. */
export async function prepare(task: Task, options: StartOptions): Promise<Prepared> {
  const { emulator, folder, faults } = options
  const subject = { startedBy: task.request.startedBy, family: task.definition.family }
  const container = mainContainer(task.definition)
  if (faults.take('network', subject)) throw new StartError(NO_NETWORK)
  if (faults.take('secret', subject)) throw new StartError(noSecret(container.secrets[0]?.valueFrom ?? 'none'))
  const secrets = await resolveSecrets(emulator, container.secrets).catch(error => {
    throw error instanceof SecretError ? new StartError(error.message) : error
  })
  const broken = faults.take('image', subject)
  if (broken)
    throw new StartError(`CannotPullContainerError: ${broken.message ?? `failed to resolve ref ${container.image}: not found`}`)
  const image = await options.resolveImage(container.image).catch(error => {
    const text = error instanceof ImageError ? `pull image manifest has been retried 1 time(s): ${error.message}` : String(error)
    throw new StartError(`CannotPullContainerError: ${text}`)
  })
  const work = join(folder, 'work')
  const home = join(folder, 'home')
  const tmp = join(folder, 'tmp')
  for (const path of [work, home, tmp]) await mkdir(path, { recursive: true, mode: 0o700 })
  const logOptions = parseLogOptions(container.logConfiguration, container.name, task.id)
  const log = logOptions && (await openLog(emulator, logOptions).catch(noLog))
  const pairs = [...container.environment, ...(overrideOf(task)?.environment ?? [])]
  return {
    image,
    env: {
      PATH: [...image.path, dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
      HOME: home,
      TMPDIR: tmp,
      LANG: 'C.UTF-8',
      [ENV.workDir]: work,
      ...image.env,
      AWS_REGION: task.region,
      AWS_DEFAULT_REGION: task.region,
      AWS_EXECUTION_ENV: 'AWS_ECS_FARGATE',
      AWS_ENDPOINT_URL: emulator.endpoint,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: options.credentialsUrl,
      ...Object.fromEntries(pairs.map(({ name, value }) => [name, value])),
      ...secrets,
    },
    cwd: work,
    log,
    stalledSeconds: faults.take('stalled-output', subject)?.seconds ?? 0,
  }
}

const overrideOf = ({ request, definition }: Task) =>
  request.overrides.containerOverrides?.find(({ name }) => name === mainContainer(definition).name)

const RESOURCES = 'ResourceInitializationError: unable to pull secrets or registry auth:'
const NO_NETWORK = `${RESOURCES} The task cannot pull registry auth from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. RequestError: send request failed caused by: dial tcp: i/o timeout`
const noSecret = (id: string) =>
  `${RESOURCES} execution resource retrieval failed: unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret ${id} from secrets manager: AccessDeniedException: User is not authorized to perform: secretsmanager:GetSecretValue`

function noLog(error: unknown): never {
  const code = error instanceof AwsError ? error.code : 'RequestError'
  throw new StartError(
    `ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch log stream: ${code}: ${(error as Error).message}`,
  )
}

/** Starts the process as the leader of its own group, with exactly the prepared environment. */
export function startProcess(task: Task, { image, env, cwd, log, stalledSeconds }: Prepared): ChildProcess {
  const [program = '', ...args] = image.command
  const container = mainContainer(task.definition)
  const extra = overrideOf(task)?.command ?? container.command
  const child = spawn(program, [...args, ...extra], { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
  const read = () => {
    for (const stream of [child.stdout, child.stderr]) {
      if (log) log.attach(stream)
      else stream.resume()
    }
  }
  if (stalledSeconds > 0) setTimeout(read, stalledSeconds * 1000)
  else read()
  return child
}

/** Exit code as a container has it: 128 and the signal's number for a process that a signal ended. */
export const exitCodeOf = (code: number | null, signal: NodeJS.Signals | null) =>
  code ?? 128 + (signal ? constants.signals[signal] : 0)

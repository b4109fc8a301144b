/** The emulator of AWS: its environment, start and health. */
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../shared/errors.ts'
import type { Emulator } from './aws-json.ts'
import { isAlive, type ProcessRecord, startDetached } from './process.ts'

export interface EmulatorOptions extends Emulator {
  /** Its Python environment. */
  venv: string
  /** Folder with serve.py. */
  program: string
  /** Where the process-backed ECS listens; Lambdas call it by their environment. */
  ecsEndpoint: string
  stateDir: string
  log: string
  /** Who calls the api function: `local:<user>`. */
  actor: string
  /** `off`: what it holds is lost with it, and no request waits while a large state is copied. */
  snapshots?: 'off'
}

/** Starts it in the background. Every Lambda inherits all of this environment: nothing of the user's own goes in. */
export async function startEmulator(options: EmulatorOptions): Promise<ProcessRecord> {
  const { venv, program, stateDir, log } = options
  const services = join(stateDir, 'services')
  // Objects are written at once, everything else by snapshots and when the emulator ends. Killed before the first one,
  // it would find buckets that nothing knows: the next deployment fails on their names.
  if (!existsSync(services)) await rm(stateDir, { recursive: true, force: true })
  const tmp = join(stateDir, 'tmp')
  await mkdir(tmp, { recursive: true })
  // Code of Lambdas is unpacked there: a package.json of the user's with `type: module` must not apply to it.
  await writeFile(join(tmp, 'package.json'), '{"type":"commonjs"}\n')
  return startDetached({
    command: join(venv, 'bin/python'),
    args: ['-B', join(program, 'serve.py')],
    cwd: stateDir,
    log,
    env: {
      PATH: [join(venv, 'bin'), dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
      HOME: tmp,
      TMPDIR: tmp,
      LANG: 'C.UTF-8',
      PYTHONUNBUFFERED: '1',
      BIND_HOST: '127.0.0.1',
      GATEWAY_PORT: new URL(options.endpoint).port,
      MINISTACK_HOST: '127.0.0.1',
      MINISTACK_REGION: options.region,
      PERSIST_STATE: '1',
      STATE_DIR: services,
      S3_PERSIST: '1',
      S3_DATA_DIR: join(stateDir, 's3'),
      IOT_MTLS_ENABLED: '0',
      SFTP_ENABLED: '0',
      // No Docker: without a socket to find, nothing is looked for or reaped.
      DOCKER_HOST: 'unix:///nonexistent/docker.sock',
      LOG_LEVEL: 'INFO',
      AWS_REGION: options.region,
      AWS_DEFAULT_REGION: options.region,
      AWS_ACCESS_KEY_ID: options.accessKeyId,
      AWS_SECRET_ACCESS_KEY: options.secretAccessKey,
      AWS_ENDPOINT_URL: options.endpoint,
      AWS_ENDPOINT_URL_ECS: options.ecsEndpoint,
      AWS_EC2_METADATA_DISABLED: 'true',
      // The SDK's warning about Node 20 would stand in every Lambda log.
      NODE_NO_WARNINGS: '1',
      TIDEMILL_LOCAL_ACTOR: options.actor,
      TIDEMILL_SNAPSHOTS: options.snapshots ?? 'on',
    },
  })
}

/** Waits until `url` answers 200. UserError when the process ends before, or after `seconds`. */
export async function waitHealthy(name: string, url: string, record: ProcessRecord, log: string, seconds: number): Promise<void> {
  const deadline = Date.now() + seconds * 1000
  while (Date.now() < deadline) {
    // In this order: somebody else may answer at an address that ours did not get.
    const answered = await answers(url)
    if (!isAlive(record)) throw new UserError(`The local ${name} ended while starting.`, { hint: `Its log: ${log}`, exitCode: 3 })
    if (answered) return
    await sleep(50)
  }
  throw new UserError(`The local ${name} did not answer within ${seconds} s.`, { hint: `Its log: ${log}`, exitCode: 3 })
}

export const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    response => response.ok,
    () => false,
  )

export const healthUrl = (endpoint: string) => `${endpoint}/_ministack/health`

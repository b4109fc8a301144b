/** The real `cdk bootstrap` and `cdk deploy`, into the cloud on this machine. */
import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { userInfo } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod/mini'
import { CONTEXT } from '../shared/app-context.ts'
import { UserError } from '../shared/errors.ts'
import { OUTPUT } from '../shared/resource-names.ts'
import type { LocalCloud } from './cloud.ts'
import { apiUrlOf, isBootstrapped, localUrl } from './cloud-start.ts'
import { LOCAL_REPOSITORY } from './image.ts'
import { readDescription, writeJson } from './state.ts'

export interface DeployProgress {
  stage: 'bootstrap' | 'synth' | 'deploy'
  /** Resources, of all stacks so far; 0 of 0 until CloudFormation says it. */
  done: number
  total: number
}

export interface DeployOptions {
  cloud: LocalCloud
  /** Path of tidemill.yml. */
  configPath: string
  dist: string
  onProgress: (progress: DeployProgress) => void
  /** For bootstrap and deploy together. */
  timeoutSeconds?: number
  signal?: AbortSignal
}

export interface Deployment {
  /** Of the main stack, by the names in contract.ts. */
  outputs: Record<string, string>
  apiUrl: string
  /** Where a job waits for pushes or requests. */
  webhookUrl?: string
  resources: number
}

/** Any account number will do; the emulator has this one. */
const ACCOUNT = '000000000000'
const outputsFile = z.record(z.string(), z.record(z.string(), z.string()))

/** Deploys the configuration. UserError with CloudFormation's or the app's own words when it fails. */
export async function deploy(options: DeployOptions): Promise<Deployment> {
  const { cloud, dist, configPath, timeoutSeconds = 300 } = options
  const { paths, region } = cloud
  const limit = AbortSignal.timeout(timeoutSeconds * 1000)
  const signal = options.signal ? AbortSignal.any([limit, options.signal]) : limit
  const work = { ...options, signal, timeoutSeconds }
  await mkdir(paths.root, { recursive: true })
  await rm(paths.deployLog, { force: true })
  if (!(await isBootstrapped(cloud))) await cdk('bootstrap', ['bootstrap', `aws://${ACCOUNT}/${region}`], work)

  const outputsPath = join(paths.root, 'outputs.json')
  await rm(outputsPath, { force: true })
  // `node` is this one by the PATH below: the CDK takes away quotes around the whole command.
  const app = `node "${join(dist, 'bin/app.mjs')}"`
  const context = ['-c', `${CONTEXT.config}=${resolve(configPath)}`, '-c', `${CONTEXT.imageRepository}=${LOCAL_REPOSITORY}`]
  // No console shows what is here.
  const links = [
    '-c',
    `${CONTEXT.consoleUrl}=`,
    '-c',
    `${CONTEXT.site}=off`,
    '-c',
    `${CONTEXT.deployedBy}=local:${userInfo().username}`,
  ]
  const flags = ['--require-approval', 'never', '--method', 'direct', '--progress', 'events', '--concurrency', '4']
  const places = ['--output', paths.assembly, '--outputs-file', outputsPath]
  // Of an earlier deploy: its templates would be counted.
  await rm(paths.assembly, { recursive: true, force: true })
  await cdk('synth', ['deploy', '--all', '--app', app, ...context, ...links, ...flags, ...places], work)

  const stacks = outputsFile.parse(JSON.parse(await readFile(outputsPath, 'utf8')))
  // The name of the main stack is that of the installation.
  const main = Object.entries(stacks).find(([, outputs]) => outputs[OUTPUT.table] !== undefined)
  const [installation, outputs] = main ?? Object.entries(stacks)[0] ?? ['', {}]
  const description = await readDescription(paths)
  const { apiUrl } = apiUrlOf(cloud.endpoint, outputs)
  await writeJson(paths.description, { ...description, installation, outputs, ...(apiUrl && { apiUrl }) })
  const webhookUrl = localUrl(cloud.endpoint, outputs[OUTPUT.webhookUrl])
  return { outputs, apiUrl: apiUrl ?? '', ...(webhookUrl && { webhookUrl }), resources: await resourcesIn(paths.assembly) }
}

interface Work extends DeployOptions {
  signal: AbortSignal
  timeoutSeconds: number
}

/** Runs the CDK's command line with an environment of its own. */
async function cdk(first: DeployProgress['stage'], args: string[], work: Work): Promise<void> {
  const { cloud, signal, onProgress } = work
  const { paths } = cloud
  const program = createRequire(import.meta.url).resolve('aws-cdk/bin/cdk')
  const log = createWriteStream(paths.deployLog, { flags: 'a', mode: 0o600 })
  onProgress({ stage: first, done: 0, total: 0 })
  // In the group of this process: Ctrl-C in a terminal ends it as well.
  const child = spawn(process.execPath, [program, ...args, '--no-color', '--no-notices', '--no-version-reporting', '--ci'], {
    // Without a cdk.json: that of the folder of the user is not ours.
    cwd: paths.root,
    env: cdkEnvironment(cloud),
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    killSignal: 'SIGTERM',
  })
  const lines: string[] = []
  const progress = countResources()
  let total: Promise<number> | undefined
  const read = async (line: string) => {
    log.write(`${line}\n`)
    lines.push(line)
    if (lines.length > 400) lines.shift()
    const counted = progress(line)
    if (!counted) return
    if (first === 'bootstrap') return onProgress({ stage: first, ...counted })
    total ??= resourcesIn(paths.assembly)
    onProgress({ stage: 'deploy', done: counted.done, total: await total })
  }
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', read)
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', error => (error.name === 'AbortError' ? done(null) : failed(error)))
    child.once('close', done)
  })
  // The app may outlive the CDK for a moment and hold the pipes: nobody waits for it.
  for (const stream of [child.stdout, child.stderr]) stream.destroy()
  log.end()
  if (code !== 0) throw failure(args[0] ?? '', lines, work)
}

function failure(command: string, lines: readonly string[], { signal, timeoutSeconds, cloud }: Work): UserError {
  const why = signal.aborted
    ? signal.reason?.name === 'TimeoutError'
      ? `not done after ${timeoutSeconds} s`
      : 'interrupted'
    : explainFailure(lines)
  return new UserError(`cdk ${command} failed: ${why}`, { hint: `The whole log: ${cloud.paths.deployLog}`, exitCode: 3 })
}

/** The lines that matter: what CloudFormation could not make, else the first error, else the end. */
export function explainFailure(lines: readonly string[]): string {
  const failed = lines.filter(line => /(CREATE|UPDATE|DELETE)_FAILED/.test(line) && !/cancelled/i.test(line))
  if (failed.length > 0) return failed.slice(0, 3).join('\n')
  const said = lines.filter(line => line.trim() !== '')
  // The CDK's own errors begin with their name: «CannotFindAsset» ….
  const at = said.findIndex(line => /error|❌|«\w+»/i.test(line))
  return said.slice(at < 0 ? -5 : at, at < 0 ? undefined : at + 5).join('\n')
}

/** Counts over several stacks: lines like `name | 14/46 | 10:02:11 | …`, of a direct deployment `name |  14 | …`. */
export function countResources(): (line: string) => { done: number; total: number } | undefined {
  const stacks = new Map<string, { done: number; total: number }>()
  return line => {
    const [, stack = '', done, total] = /^(\S+) \|\s*(\d+)(?:\/(\d+))? \|/.exec(line) ?? []
    if (done === undefined) return undefined
    stacks.set(stack, { done: Number(done), total: Number(total ?? 0) })
    const sum = (key: 'done' | 'total') => [...stacks.values()].reduce((all, counts) => all + counts[key], 0)
    return { done: sum('done'), total: sum('total') }
  }
}

/** Resources in the templates of the assembly: a direct deployment does not say how many there are. */
async function resourcesIn(assembly: string): Promise<number> {
  const template = z.object({ Resources: z.record(z.string(), z.unknown()) })
  const files = (await readdir(assembly)).filter(name => name.endsWith('.template.json'))
  const texts = await Promise.all(files.map(name => readFile(join(assembly, name), 'utf8')))
  return texts.reduce((sum, text) => sum + Object.keys(template.parse(JSON.parse(text)).Resources).length, 0)
}

function cdkEnvironment({ endpoint, region, accessKeyId, secretAccessKey, paths }: LocalCloud): Record<string, string> {
  return {
    PATH: [dirname(process.execPath), '/usr/local/bin', '/usr/bin', '/bin'].join(delimiter),
    HOME: paths.root,
    LANG: 'C.UTF-8',
    CDK_HOME: join(paths.root, 'cdk'),
    CDK_DISABLE_CLI_TELEMETRY: '1',
    CDK_DISABLE_VERSION_CHECK: '1',
    // The rules for templates take as long as all the rest of a synthesis, and tell here what they tell before AWS as well.
    CDK_VALIDATION: 'false',
    JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION: '1',
    JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION: '1',
    JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION: '1',
    NODE_NO_WARNINGS: '1',
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_EC2_METADATA_DISABLED: 'true',
    // Nothing of the user's own AWS settings.
    AWS_CONFIG_FILE: join(paths.root, 'none'),
    AWS_SHARED_CREDENTIALS_FILE: join(paths.root, 'none'),
  }
}

/** Starts what is compared: dbt as a person would, and the runner's bundle as ECS would, against a bucket in this process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import { ENV, KEY } from '../shared/contract.ts'
import type { Plan, PlanStep, RunnerResult } from '../shared/plan.ts'
import type { Bucket } from '../test/container/bucket.ts'
import { type BenchProject, PROFILE } from './project.ts'

const ROOT = join(import.meta.dirname, '..')
/** A run that takes longer is a fault of the benchmark. */
const LONGEST_MILLISECONDS = 600_000

/** The runner as it is shipped. */
export async function bundleRunner(folder: string): Promise<string> {
  const outfile = join(folder, 'app/runner.cjs')
  const entryPoints = [join(ROOT, 'container/runner/main.ts')]
  await build({
    bundle: true,
    platform: 'node',
    target: 'node20',
    minify: true,
    keepNames: true,
    logLevel: 'error',
    entryPoints,
    outfile,
  })
  copyFileSync(join(ROOT, 'container/dbt_host.py'), join(folder, 'app/dbt_host.py'))
  return outfile
}

export interface Bench {
  folder: string
  venv: string
  runner: string
  bucket: Bucket
}

/** Seconds of a shell line of dbt commands in a fresh copy of the project, with a fresh database. */
export async function timeShell(bench: Bench, project: BenchProject, line: string): Promise<number> {
  const dir = join(bench.folder, 'shell')
  rmSync(dir, { recursive: true, force: true })
  cpSync(project.dir, dir, { recursive: true })
  const env = { ...environment(bench), BENCH_DB: freshDatabase(bench, project), DBT_PROFILES_DIR: project.profiles }
  const began = performance.now()
  await endOf(spawn('sh', ['-c', line], { cwd: dir, env, stdio: 'ignore' }), line)
  return (performance.now() - began) / 1000
}

export interface RunnerTimes {
  /** From the start of the process to result.json in the bucket, and to its end. */
  stored: number
  exited: number
  result: RunnerResult
  /** Peak resident memory of the runner itself, MB. */
  peakMegabytes: number
}

export interface RunOptions {
  steps: PlanStep[]
  /** As in {@link ENV.dbtHost}. */
  host?: 'on' | 'off' | 'collect'
  secrets?: Record<string, string>
  /** Folder before the others on the PATH, e.g. with a program in dbt's place. */
  path?: string
  started?(child: ChildProcess, plan: Plan): void
  /** The bucket is left as it is, with its caches. */
  warm?: boolean
}

/** As in the image's ENTRYPOINT. */
const NODE_OPTIONS = ['--max-semi-space-size=4']

let runs = 0

export async function timeRunner(bench: Bench, project: BenchProject, options: RunOptions): Promise<RunnerTimes> {
  const { bucket, folder } = bench
  const plan = planOf(bench, project, options)
  const text = JSON.stringify(plan)
  if (!options.warm) bucket.objects.clear()
  bucket.put(KEY.plan(plan.run, 1), text)
  const env = {
    ...environment(bench),
    PATH: `${options.path ? `${options.path}:` : ''}${environment(bench).PATH}`,
    AWS_ENDPOINT_URL: bucket.endpoint,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'bench',
    AWS_SECRET_ACCESS_KEY: 'bench',
    [ENV.bucket]: 'data',
    [ENV.planKey]: KEY.plan(plan.run, 1),
    [ENV.planSha256]: createHash('sha256').update(text).digest('hex'),
    [ENV.workDir]: join(folder, 'work'),
    [ENV.dbtHost]: options.host ?? 'on',
    ...options.secrets,
  }
  const began = performance.now()
  let stored = Number.NaN
  const key = KEY.result(plan.prefixes.attempt)
  const watch = setInterval(() => {
    if (Number.isNaN(stored) && bucket.objects.has(key)) stored = (performance.now() - began) / 1000
  }, 5)
  const child = spawn(process.execPath, [...NODE_OPTIONS, bench.runner], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  let peakMegabytes = 0
  const memory = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, peakOf(child.pid))
  }, 50)
  options.started?.(child, plan)
  await endOf(child, 'the runner', true)
  const exited = (performance.now() - began) / 1000
  clearInterval(watch)
  clearInterval(memory)
  const result = JSON.parse(bucket.text(key)) as RunnerResult
  return { stored: Number.isNaN(stored) ? exited : stored, exited, result, peakMegabytes }
}

function planOf(bench: Bench, project: BenchProject, { steps, secrets = {} }: RunOptions): Plan {
  const id = `20261122T010000-${String(++runs).padStart(12, '0')}`
  const place = { project: 'bench', environment: 'prod', job: 'nightly', id }
  return {
    schemaVersion: 1,
    run: place,
    attempt: 1,
    cause: { kind: 'request', actor: 'bench', idempotencyKey: id },
    repository: { url: pathToFileURL(project.dir).href, folder: '.', branch: 'main', credentials: 'none', submodules: false },
    dbt: { engine: 'core-1.11', target: 'prod', profiles: PROFILE },
    variables: { BENCH_DB: freshDatabase(bench, project) },
    secrets: Object.keys(secrets),
    passAwsCredentials: false,
    steps,
    timeoutSeconds: 3600,
    prefixes: { attempt: KEY.attempt(place, 1), cache: KEY.cache('bench', 'prod'), docs: KEY.docs('bench', 'prod', id) },
  }
}

const environment = ({ venv, folder }: Bench) => ({
  PATH: `${venv}/bin:${process.env.PATH}`,
  HOME: folder,
  LANG: 'C.UTF-8',
  DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
})

function freshDatabase({ folder }: Bench, project: BenchProject): string {
  const path = join(folder, 'bench.duckdb')
  mkdirSync(folder, { recursive: true })
  for (const name of [path, `${path}.wal`]) rmSync(name, { force: true })
  copyFileSync(project.database, path)
  return path
}

function peakOf(pid: number | undefined): number {
  try {
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

function endOf(child: ChildProcess, what: string, anyCode = false): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), LONGEST_MILLISECONDS)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      clearTimeout(timer)
      if (code === 0 || (anyCode && signal === null)) resolve()
      else reject(new Error(`${what} ended with ${code ?? signal}`))
    })
  })
}

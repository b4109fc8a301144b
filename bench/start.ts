/** Starts what is compared: dbt as a person would, and the runner's bundle as ECS would. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { ENV, KEY } from '../shared/contract.ts'
import type { Plan, PlanStep, RunnerResult } from '../shared/plan.ts'
import { BUCKET } from './cloud.ts'
import { type BenchProject, type Place, PROFILE } from './project.ts'

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
  cpSync(join(ROOT, 'container/dbt_host'), join(folder, 'app/dbt_host'), { recursive: true })
  return outfile
}

export interface Bench extends Place {
  /** The bundle. */
  runner: string
  /** Called when the benchmark ends or is ended. */
  atEnd(close: () => Promise<void>): void
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
  /** From the start of the process to result.json in the bucket. */
  stored: number
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
  /** Its caches are found in the bucket; each run without one is in an environment of its own. */
  environment?: string
}

let runs = 0

export async function timeRunner(bench: Bench, project: BenchProject, options: RunOptions): Promise<RunnerTimes> {
  const plan = planOf(bench, project, options)
  const work = join(bench.folder, 'work')
  const env = { ...(await runnerEnvironment(bench, plan, work)), ...options.secrets }
  if (options.path) env.PATH = `${options.path}:${env.PATH}`
  env[ENV.dbtHost] = options.host ?? 'on'
  const began = Date.now()
  const child = startRunner(bench, env)
  let peakMegabytes = 0
  const memory = setInterval(() => {
    peakMegabytes = Math.max(peakMegabytes, peakOf(child.pid))
  }, 20)
  options.started?.(child, plan)
  await endOf(child, 'the runner', true).finally(() => clearInterval(memory))
  const key = KEY.result(plan.prefixes.attempt)
  const result = JSON.parse(await bench.cloud.text(key)) as RunnerResult
  return { stored: ((bench.cloud.storedAt(key) ?? Number.NaN) - began) / 1000, result, peakMegabytes }
}

/** Stores the plan; gives the environment of the task. */
export async function runnerEnvironment(bench: Bench, plan: Plan, work: string): Promise<Record<string, string>> {
  const text = JSON.stringify(plan)
  const key = KEY.plan(plan.run, plan.attempt)
  await bench.cloud.bucket.write(key, text, { type: 'application/json' })
  return {
    ...environment(bench),
    ...bench.cloud.env,
    [ENV.bucket]: BUCKET,
    [ENV.planKey]: key,
    [ENV.planSha256]: createHash('sha256').update(text).digest('hex'),
    [ENV.gitToken]: bench.cloud.git.token,
    [ENV.workDir]: work,
  }
}

/** As the image does. */
export const startRunner = ({ runner }: Bench, env: Record<string, string>, stdout: 'ignore' | 'pipe' = 'ignore'): ChildProcess =>
  spawn(process.execPath, ['--max-semi-space-size=4', runner], {
    env: { ...env, MALLOC_ARENA_MAX: '1' },
    stdio: ['ignore', stdout, 'inherit'],
  })

export function planOf(
  bench: Bench,
  project: Pick<BenchProject, 'url' | 'database'>,
  options: RunOptions,
  database?: string,
): Plan {
  const id = `20261122T010000-${String(++runs).padStart(12, '0')}`
  const environment = options.environment ?? `apart-${runs}`
  const place = { project: 'bench', environment, job: 'nightly', id }
  return {
    schemaVersion: 1,
    run: place,
    attempt: 1,
    cause: { kind: 'request', actor: 'bench', idempotencyKey: id },
    repository: { url: project.url, folder: '.', branch: 'main', credentials: 'token', submodules: false },
    dbt: { engine: 'core-1.11', target: 'prod', profiles: PROFILE },
    variables: { BENCH_DB: database ?? freshDatabase(bench, project) },
    secrets: Object.keys(options.secrets ?? {}),
    passAwsCredentials: false,
    steps: options.steps,
    timeoutSeconds: 3600,
    prefixes: {
      attempt: KEY.attempt(place, 1),
      cache: KEY.cache('bench', environment),
      docs: KEY.docs('bench', environment, id, 1),
    },
  }
}

const environment = ({ venv, folder }: Place): Record<string, string> => ({
  PATH: `${venv}/bin:${process.env.PATH}`,
  HOME: folder,
  LANG: 'C.UTF-8',
  DBT_SEND_ANONYMOUS_USAGE_STATS: 'false',
})

export function freshDatabase({ folder }: Place, project: Pick<BenchProject, 'database'>): string {
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

export function endOf(child: ChildProcess, what: string, anyCode = false): Promise<void> {
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

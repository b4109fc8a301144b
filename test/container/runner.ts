/** Starts the runner as ECS does: one process, a plan in the bucket, secrets in its environment. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { ENV, KEY } from '../../shared/contract.ts'
import type { PartLine, Plan, PlanStep, RunnerResult } from '../../shared/plan.ts'
import { dbtVenv } from '../venv.ts'
import type { Bucket } from './bucket.ts'
import { DUCKDB_PROFILE, type Repository } from './project.ts'

const ROOT = join(import.meta.dirname, '../..')
/** Line of dbt 1.x that the tests of this folder run; another one by `TIDEMILL_TEST_ENGINE=core-1.12`. */
export const ENGINE = process.env.TIDEMILL_TEST_ENGINE === 'core-1.12' ? 'core-1.12' : 'core-1.11'
/** It with DuckDB and PostgreSQL, made from the locks. */
export const VENV = await dbtVenv(ENGINE, 'duckdb', 'postgres')

const PLACE = { project: 'shop', environment: 'prod', job: 'nightly', id: '20261122T010000-00000000000a' }

export const step = (index: number, kind: PlanStep['kind'], args: string[] = [], required = true): PlanStep => ({
  index,
  name: kind === 'dbt' ? (args[0] ?? 'dbt') : kind,
  kind,
  args,
  required,
})

/** A run of the repository with `dbt build`, unless told otherwise. */
export function makePlan(repository: Pick<Repository, 'url'>, folder: string, changes: Partial<Plan> = {}): Plan {
  return {
    schemaVersion: 1,
    run: PLACE,
    attempt: 1,
    cause: { kind: 'request', actor: 'test', idempotencyKey: 'test' },
    repository: { url: repository.url, folder: '.', branch: 'main', credentials: 'none', submodules: false },
    dbt: { engine: ENGINE, target: 'prod', profiles: DUCKDB_PROFILE },
    variables: { SHOP_DB: join(folder, 'shop.duckdb') },
    secrets: [],
    passAwsCredentials: false,
    steps: [step(0, 'checkout'), step(1, 'deps'), step(2, 'dbt', ['build'])],
    timeoutSeconds: 120,
    prefixes: { attempt: KEY.attempt(PLACE, 1), cache: KEY.cache('shop', 'prod'), docs: KEY.docs('shop', 'prod', PLACE.id, 1) },
    ...changes,
  }
}

export interface RunnerEnd {
  code: number | null
  output: string
  /** The result in the bucket; undefined if none was stored. */
  result: RunnerResult | undefined
  lines: PartLine[]
}

export interface StartedRunner {
  child: ChildProcess
  end: Promise<RunnerEnd>
  /** Resolves when the output so far holds the text. */
  said(text: string): Promise<void>
}

/** `program`: for Node; the bundle as it is shipped, or else the source. */
export function startRunner(
  bucket: Bucket,
  plan: Plan,
  folder: string,
  env: Record<string, string> = {},
  program = ['--import', 'tsx', join(ROOT, 'container/runner/main.ts')],
): StartedRunner {
  const text = JSON.stringify(plan)
  const planKey = KEY.plan(plan.run, plan.attempt)
  bucket.put(planKey, text)
  const child = spawn(process.execPath, program, {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${VENV}/bin:${process.env.PATH}`,
      HOME: folder,
      AWS_ENDPOINT_URL: bucket.endpoint,
      AWS_REGION: 'eu-central-1',
      AWS_ACCESS_KEY_ID: 'test',
      AWS_SECRET_ACCESS_KEY: 'test',
      [ENV.bucket]: 'data',
      [ENV.planKey]: planKey,
      [ENV.planSha256]: createHash('sha256').update(text).digest('hex'),
      [ENV.workDir]: join(folder, 'work'),
      ...env,
    },
  })
  let output = ''
  const listeners = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => {
      output += chunk
      for (const listener of listeners) listener()
    })
  const end = new Promise<RunnerEnd>(resolve =>
    child.once('close', code => {
      const key = KEY.result(plan.prefixes.attempt)
      const result = bucket.objects.has(key) ? (JSON.parse(bucket.text(key)) as RunnerResult) : undefined
      resolve({ code, output, result, lines: readParts(bucket, plan) })
    }),
  )
  const said = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (output.includes(wanted)) resolve()
      }
      listeners.add(look)
      look()
      child.once('close', () => reject(new Error(`the runner ended without saying "${wanted}":\n${output}`)))
    })
  return { child, end, said }
}

/** Runs with a short time limit; again with a longer one if the machine was too slow to come as far as `enough` says. */
export async function runToLimit(
  plan: Plan,
  enough: (end: RunnerEnd) => boolean,
  run: () => Promise<RunnerEnd>,
): Promise<RunnerEnd> {
  for (plan.timeoutSeconds = 12; ; plan.timeoutSeconds *= 2.5) {
    const end = await run()
    if (enough(end) || plan.timeoutSeconds > 60) return end
  }
}

export const readParts = (bucket: Bucket, plan: Plan): PartLine[] =>
  bucket
    .keys(`${plan.prefixes.attempt}parts/`)
    .flatMap(key => bucket.text(key).trimEnd().split('\n'))
    .map(line => JSON.parse(line) as PartLine)

/**
 * PID 1 of the task. Exit codes: 0 success or warnings, 1 dbt failed, 3 anything else failed, 130/143 stopped by SIGINT/SIGTERM.
 * They are a hint for people: the Lambdas go by result.json.
 */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ENV, KEY } from '../../shared/contract.ts'
import type { Plan, RunnerResult } from '../../shared/plan.ts'
import { EXIT, exitCodeOf } from '../../shared/reasons.ts'
import { runAttempt } from './attempt.ts'
import { type Environment, takeEnvironment } from './environment.ts'
import { lastWords } from './last-words.ts'
import { createOutput, type Output } from './output.ts'
import { parsePlan, readResume } from './plan.ts'
import { stopCause, wait, watchStop } from './stop.ts'
import { createS3Store, type Store } from './store.ts'

/** Of the 120 s that ECS gives after SIGTERM: dbt first, then uploads, then the result. */
const LIMITS = { graceMilliseconds: 45_000, uploadMilliseconds: 40_000, flushMilliseconds: 5_000 }
const RESULT_MILLISECONDS = 15_000
const OUTPUT_BYTES = 1024 * 1024

const environment = takeEnvironment(process.env)
const output = createOutput(process.stdout, OUTPUT_BYTES)
main(environment.all).then(
  async code => {
    await output.drain(2_000)
    process.exit(code)
  },
  async error => {
    output.write(String(error?.stack ?? error))
    await output.drain(2_000)
    process.exit(EXIT.infrastructure)
  },
)

async function main(all: Environment): Promise<number> {
  // The SDK tells about Node versions on every start; users cannot act on it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true'
  // Before anything else: to PID 1 a signal without a handler does nothing.
  const stop = watchStop((signal, handler) => process.on(signal, handler))
  const store = createS3Store(need(all, ENV.bucket))
  const plan = parsePlan(await getPatiently(store, need(all, ENV.planKey)), need(all, ENV.planSha256))
  if (!environment.hidden)
    output.write('warning: the first environment of this process could not be hidden from other processes of the task')
  stop.limit(plan.timeoutSeconds, plan.attempt)
  // The same in every container: what dbt kept of a parse holds for one place only.
  const workDir = join(all[ENV.workDir] ?? join(tmpdir(), `${plan.run.id}-${plan.attempt}`), 'attempt')
  const resume = await readResume(plan, key => getPatiently(store, key))
  const result = await runAttempt({
    plan,
    resume,
    all,
    secrets: secretsOf(plan, all),
    workDir,
    store,
    credentials: store.credentials,
    output,
    now: () => new Date(),
    stop: stop.signal,
    limits: LIMITS,
    ...(all[ENV.dbtHost] !== 'off' && {
      dbtHost: { script: hostScript(), collect: all[ENV.dbtHost] === 'collect', memory: plan.memory },
    }),
  })
  stop.clear()
  const stored = await putResult(store, plan, result, output)
  await rm(workDir, { recursive: true, force: true }).catch(() => {})
  output.write(stored ? `${result.outcome}${result.message ? `: ${result.message}` : ''}` : lastWords(result))
  const cause = stopCause(stop.signal)
  if (result.outcome === 'cancelled' && cause?.kind === 'signal') return cause.signal === 'SIGINT' ? 130 : 143
  return exitCodeOf(result.outcome, result.reason)
}

/** Beside the bundle in an image; above this folder in the source tree. */
function hostScript(): string {
  const folder = dirname(process.argv[1] ?? '.')
  const script = join(folder, 'dbt_host/host.py')
  return existsSync(script) ? script : join(folder, '..', 'dbt_host/host.py')
}

function need(all: Environment, name: string): string {
  const value = all[name]
  if (!value) throw new Error(`${name} is not set: this program is started by Tidemill's dispatcher`)
  return value
}

function secretsOf(plan: Plan, all: Environment) {
  const dbt = Object.fromEntries(plan.secrets.flatMap(name => (all[name] === undefined ? [] : [[name, all[name]]])))
  const [token, sshKey] = [all[ENV.gitToken], all[ENV.gitSshKey]]
  return { dbt, git: { ...(token && { token }), ...(sshKey && { sshKey }) } }
}

/** A new task's network and credentials may need a moment. */
async function getPatiently(store: Store, key: string): Promise<Uint8Array> {
  for (let tries = 1; ; tries++) {
    try {
      return await store.get(key)
    } catch (error) {
      if (tries === 6) throw new Error(`the plan ${key} could not be read`, { cause: error })
      await wait(tries * 1000, new AbortController().signal)
    }
  }
}

/** Last of all: who sees it knows that everything else is stored or given up. */
async function putResult(store: Store, plan: Plan, result: RunnerResult, output: Output): Promise<boolean> {
  const deadline = Date.now() + RESULT_MILLISECONDS
  const upload = {
    key: KEY.result(plan.prefixes.attempt),
    body: { content: JSON.stringify(result) },
    contentType: 'application/json',
  }
  for (;;) {
    try {
      await Promise.race([
        store.put(upload),
        wait(RESULT_MILLISECONDS, new AbortController().signal).then(() => Promise.reject(new Error('timed out'))),
      ])
      return true
    } catch (error) {
      if (Date.now() + 2_000 > deadline) {
        output.write(`result.json could not be stored: ${(error as Error).message}`)
        return false
      }
      await wait(2_000, new AbortController().signal)
    }
  }
}

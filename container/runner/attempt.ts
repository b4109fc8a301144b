/** One attempt of a run: its steps in order, with everything stored whatever happens. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Plan, PlanStep, RunnerResult } from '../../shared/plan.ts'
import { NO_NODES, type NodeResult, type StepResult } from '../../shared/run.ts'
import { type Checkout, checkout } from './checkout.ts'
import { abilitiesOf, compilesAll, shownCommand, wordsOf } from './dbt-command.ts'
import { type DbtContext, runDbtStep, stepFolder } from './dbt-step.ts'
import { uploadDocs } from './docs.ts'
import type { Environment } from './environment.ts'
import { type Failure, StepFailure } from './failure.ts'
import { type GitSecrets, openGit } from './git.ts'
import type { Ledger } from './ledger.ts'
import { createLog } from './log.ts'
import { watchMemory } from './memory.ts'
import { addCounts } from './node-result.ts'
import { failuresOf, outcomeOf } from './outcome.ts'
import type { Output } from './output.ts'
import { createParts } from './parts.ts'
import { createRedactor } from './redact.ts'
import { stopCause, wait } from './stop.ts'
import type { AwsCredentials, Store } from './store.ts'
import { createUploads } from './uploads.ts'

export interface AttemptDeps {
  plan: Plan
  /** The environment that the task was started with. */
  all: Environment
  secrets: { dbt: Environment; git: GitSecrets }
  /** Writable; a folder for this attempt is made in it. */
  workDir: string
  store: Pick<Store, 'put'>
  credentials(): Promise<AwsCredentials>
  output: Output
  now(): Date
  stop: AbortSignal
  limits: {
    /** For dbt to cancel its queries, then SIGKILL. */
    graceMilliseconds: number
    /** For uploads after the last step, before they are given up. */
    uploadMilliseconds: number
    flushMilliseconds: number
  }
}

export async function runAttempt(deps: AttemptDeps): Promise<RunnerResult> {
  const { plan, now } = deps
  const startedAt = now().toISOString()
  const work = join(deps.workDir, `${plan.run.id}-${plan.attempt}`)
  const folders = await makeFolders(work)
  const redact = createRedactor([...Object.values(deps.secrets.dbt), deps.secrets.git.token ?? '', deps.secrets.git.sshKey ?? ''])
  const steps: StepResult[] = plan.steps.map(step => ({
    index: step.index,
    name: step.name,
    kind: step.kind,
    command: redact.text(shownCommand(step)),
    status: 'pending',
  }))
  let current: Ledger | undefined
  const uploads = createUploads({
    store: deps.store,
    wait,
    failed: (upload, error, tries) => {
      if (tries === 3) deps.output.write(`${upload.key} is not stored yet: ${(error as Error).name}: ${(error as Error).message}`)
    },
  })
  const parts = createParts({
    plan,
    folder: folders.outbox,
    uploads,
    redact,
    now,
    progress: () => ({ steps, nodes: current?.progress() ?? { done: 0, total: 0, running: [] } }),
  })
  const log = createLog({ output: deps.output, parts, redact, now })
  const memory = watchMemory()
  const flushing = setInterval(() => void parts.flush(), deps.limits.flushMilliseconds)
  const context: DbtContext = {
    plan,
    all: deps.all,
    secrets: deps.secrets.dbt,
    folders,
    projectDir: '',
    log,
    parts,
    uploads,
    redact,
    memory,
    stop: deps.stop,
    graceMilliseconds: deps.limits.graceMilliseconds,
    watch: ledger => {
      current = ledger
    },
  }

  const nodes: NodeResult[] = []
  let source: Checkout | undefined
  let dbtVersion: string | undefined
  let built: { target: string; complete: boolean } | undefined
  let docsUploaded = false
  let broken = false

  for (const [at, step] of plan.steps.entries()) {
    const result = steps[at] as StepResult
    if (deps.stop.aborted) break
    if (broken && !(step.kind === 'docs' && built)) {
      result.status = 'skipped'
      continue
    }
    await runStep(step, result)
    if ((result.status === 'error' || result.status === 'cancelled') && step.required) broken = true
  }
  return finish()

  async function runStep(step: PlanStep, result: StepResult): Promise<void> {
    current = undefined
    await mkdir(stepFolder(context, step), { recursive: true })
    const logFile = join(folders.outbox, `${step.index}-log.txt.gz`)
    log.openStep(logFile)
    Object.assign(result, { status: 'running', startedAt: now().toISOString() })
    log.info(step.index, `▸ ${result.command}`)
    await parts.flush()
    try {
      if (step.kind === 'checkout') await runCheckout(step, result)
      else await runDbt(step, result)
    } catch (error) {
      setFailure(result, failureOf(error))
    }
    result.endedAt = now().toISOString()
    if (result.message) log.info(step.index, `${result.status}: ${result.message}`)
    await log.closeStep()
    const key = `${KEY.step(plan.prefixes.attempt, step.index, step.name)}log.txt`
    void uploads.add('artifacts', {
      key,
      body: { file: logFile },
      contentType: 'text/plain; charset=utf-8',
      contentEncoding: 'gzip',
    })
    result.artifacts = [...(result.artifacts ?? []), 'log.txt']
    parts.touch()
    await parts.flush()
  }

  async function runCheckout(step: PlanStep, result: StepResult): Promise<void> {
    const opened = await openGit({
      plan,
      all: deps.all,
      home: folders.gitHome,
      secrets: deps.secrets.git,
      credentials: deps.credentials,
      now,
      stop: deps.stop,
    })
    source = await checkout(opened.repository, folders.clone, {
      git: opened.git,
      wait: milliseconds => wait(milliseconds, deps.stop),
      stopped: () => deps.stop.aborted,
      say: text => log.info(step.index, text),
    })
    context.projectDir = source.projectDir
    context.folders.profiles = plan.dbt.profiles === undefined ? source.projectDir : folders.profiles
    const { sha, author, subject } = source.commit
    log.info(step.index, `${sha.slice(0, 7)} "${subject}" by ${author}`)
    result.status = 'success'
  }

  async function runDbt(step: PlanStep, result: StepResult): Promise<void> {
    if (!source) throw new StepFailure('internal', 'The plan has a dbt step before its checkout.')
    if (step.kind === 'deps' && !['packages.yml', 'dependencies.yml'].some(name => existsSync(join(context.projectDir, name)))) {
      Object.assign(result, { status: 'skipped', message: 'The project has no packages.yml.' })
      return
    }
    const words = wordsOf(step)
    const end = await runDbtStep(step, step.kind === 'docs' && built?.complete ? [...words, '--no-compile'] : words, context)
    const { verdict } = end
    dbtVersion ??= end.dbtVersion
    if (existsSync(join(end.target, 'partial_parse.msgpack'))) context.parsedIn = end.target
    Object.assign(result, {
      status: verdict.status,
      artifacts: end.artifacts,
      ...(end.exitCode !== undefined && { exitCode: end.exitCode }),
    })
    if (verdict.failure) setFailure(result, verdict.failure)
    else if (verdict.message) result.message = redact.text(verdict.message)
    if (step.kind === 'dbt' && abilitiesOf(words).executes) {
      nodes.push(...verdict.nodes)
      result.counts = verdict.counts
      if (verdict.nodes.length > 0) built = { target: end.target, complete: compilesAll(words) && !verdict.failure }
    }
    if (step.kind === 'docs' && !verdict.failure)
      docsUploaded = await uploadDocs([end.target, ...(built ? [built.target] : [])], context)
  }

  function setFailure(result: StepResult, failure: Failure): void {
    const status = failure.reason === 'user_cancelled' ? 'cancelled' : 'error'
    Object.assign(result, { status, reason: failure.reason, message: redact.text(failure.message) })
  }

  /** A failure during a stop is the stop: git was interrupted, a file was half written. */
  function failureOf(error: unknown): Failure {
    const stop = stopCause(deps.stop)
    if (stop?.kind === 'timeout') return { reason: 'timeout', message: `The time limit of ${stop.seconds} s passed.` }
    if (stop) return { reason: 'user_cancelled', message: `The task received ${stop.signal}.` }
    if (error instanceof StepFailure) return error.failure
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC')
      return { reason: 'disk_full', message: `The disk is full: ${(error as Error).message}` }
    deps.output.write(redact.text(String((error as Error).stack ?? error)))
    return { reason: 'internal', message: `${(error as Error).name}: ${(error as Error).message}` }
  }

  async function finish(): Promise<RunnerResult> {
    const outcome = outcomeOf(steps, plan.steps, stopCause(deps.stop))
    for (const step of steps) if (step.status === 'pending') step.status = 'skipped'
    clearInterval(flushing)
    parts.touch()
    await parts.flush()
    const complete = await uploads.finish(deps.limits.uploadMilliseconds)
    const result: RunnerResult = {
      schemaVersion: SCHEMA_VERSION,
      run: plan.run.id,
      attempt: plan.attempt,
      ...outcome,
      ...(source && { commit: source.commit }),
      ...(dbtVersion && { dbtVersion }),
      steps,
      counts: steps.reduce((sum, step) => addCounts(sum, step.counts ?? NO_NODES), NO_NODES),
      failures: failuresOf(nodes),
      startedAt,
      endedAt: now().toISOString(),
      peakMemoryBytes: memory.peakBytes(),
      artifactsIncomplete: !complete,
      docsUploaded: docsUploaded && complete,
      parts: parts.count(),
    }
    return JSON.parse(redact.text(JSON.stringify(result))) as RunnerResult
  }

  async function makeFolders(root: string) {
    const at = (name: string) => join(root, name)
    const made = {
      clone: at('clone'),
      home: at('home'),
      gitHome: at('git-home'),
      cwd: at('cwd'),
      profiles: at('profiles'),
      steps: at('steps'),
      outbox: at('outbox'),
    }
    for (const folder of Object.values(made)) await mkdir(folder, { recursive: true, mode: 0o700 })
    if (plan.dbt.profiles !== undefined) await writeFile(join(made.profiles, 'profiles.yml'), plan.dbt.profiles, { mode: 0o600 })
    return made
  }
}

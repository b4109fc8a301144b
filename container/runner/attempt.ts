/** One attempt of a run: its steps in order, with everything stored whatever happens. */
import { join } from 'node:path'
import { SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Plan, Resume, RunnerResult } from '../../shared/plan.ts'
import { NO_NODES, type StepResult } from '../../shared/run.ts'
import { type AttemptState, runStep } from './attempt-step.ts'
import { createCache } from './cache.ts'
import { shownCommand } from './dbt-command.ts'
import { type HostOptions, warmDbt } from './dbt-host.ts'
import { engineOf } from './engine.ts'
import { dbtEnvironment, type Environment } from './environment.ts'
import { makeFolders } from './folders.ts'
import type { GitSecrets } from './git.ts'
import { createLog } from './log.ts'
import { watchMemory } from './memory.ts'
import { addCounts } from './node-result.ts'
import { failuresOf, outcomeOf } from './outcome.ts'
import type { Output } from './output.ts'
import { keepParse } from './parse-cache.ts'
import { createParts } from './parts.ts'
import { createRedactor } from './redact.ts'
import { stopCause, wait } from './stop.ts'
import type { AwsCredentials, Store } from './store.ts'
import { createUploads } from './uploads.ts'

export interface AttemptDeps {
  plan: Plan
  /** What earlier attempts of the run did. */
  resume?: Resume | undefined
  /** The environment that the task was started with. */
  all: Environment
  secrets: { dbt: Environment; git: GitSecrets }
  /** Of this attempt alone: emptied before it. */
  workDir: string
  store: Pick<Store, 'put' | 'fetch'>
  credentials(): Promise<AwsCredentials>
  output: Output
  now(): Date
  stop: AbortSignal
  /** Keeps dbt 1.x warm between the steps; without it each command is a process of its own. */
  dbtHost?: HostOptions
  limits: {
    /** For dbt to cancel its queries, then SIGKILL. */
    graceMilliseconds: number
    /** For uploads after the last step, before they are given up. */
    uploadMilliseconds: number
    flushMilliseconds: number
  }
}

/** For what is still on its way to the cache after the last step. */
const CACHE_MILLISECONDS = 30_000

export async function runAttempt(deps: AttemptDeps): Promise<RunnerResult> {
  const startedAt = deps.now().toISOString()
  const state = await prepare(deps)
  const flushing = setInterval(() => void state.parts.flush(), deps.limits.flushMilliseconds)
  let broken = false
  for (const [at, step] of deps.plan.steps.entries()) {
    const result = state.steps[at]
    if (deps.stop.aborted || !result) break
    // Done by an earlier attempt.
    if (result.attempt !== undefined) continue
    // Docs of what was built are worth having after a failure too.
    if (broken && !(step.kind === 'docs' && state.built)) {
      result.status = 'skipped'
      continue
    }
    await runStep(step, result, state)
    if (step.required && (result.status === 'error' || result.status === 'cancelled')) broken = true
  }
  clearInterval(flushing)
  state.dbt?.close()
  return finish(state, deps, startedAt)
}

async function prepare(deps: AttemptDeps): Promise<AttemptState> {
  const { plan, now, output } = deps
  const folders = await makeFolders(deps.workDir, plan.dbt.profiles)
  const { token = '', sshKey = '' } = deps.secrets.git
  const redact = createRedactor([...Object.values(deps.secrets.dbt), token, ...token.split(':'), sshKey])
  const steps = plan.steps.map<StepResult>(step => {
    const done = deps.resume?.steps.find(each => each.index === step.index && each.name === step.name)
    const command = redact.text(shownCommand(step))
    return done ?? { index: step.index, name: step.name, kind: step.kind, command, status: 'pending' }
  })
  const uploads = createUploads({
    store: deps.store,
    wait,
    failed({ key }, error, tries) {
      // The first tries are everyday; what lasts longer should be seen in the log that still works.
      if (tries === 3) output.write(`${key} is not stored yet, trying on: ${String(error)}`)
    },
  })
  const progress = () => {
    const nodes = state.ledger?.progress() ?? { done: 0, total: 0, running: [] }
    const running = steps.find(step => step.status === 'running' && step.kind === 'dbt')
    const selected = state.ledger?.selected()
    if (running && selected) running.selected = selected
    return { steps, ...(state.source && { commit: state.source.commit }), nodes }
  }
  const env = dbtEnvironment({ ...deps, ...plan, secrets: deps.secrets.dbt, home: folders.home, stamp: '', targetPath: '' })
  const engine = engineOf(plan.dbt.engine, env.PATH ?? '')
  // Before anything is started: whoever is in our control group then is not ours.
  const memory = watchMemory(plan.memory === undefined ? undefined : plan.memory * 1024 ** 2)
  const dbt = deps.dbtHost && engine.warm && warmDbt(deps.dbtHost, env, folders.cwd)
  const parts = createParts({ plan, folder: folders.outbox, uploads, redact, now, progress })
  const state: AttemptState = {
    plan,
    ...(deps.resume && { resume: deps.resume }),
    all: deps.all,
    secrets: deps.secrets.dbt,
    gitSecrets: deps.secrets.git,
    cache: createCache({
      store: deps.store,
      prefix: plan.prefixes.cache,
      say: text => state.log.info(steps.find(step => step.status === 'running')?.index ?? 0, text),
    }),
    store: deps.store,
    credentials: deps.credentials,
    now,
    folders,
    log: createLog({ output, parts, redact, now }),
    output,
    parts,
    uploads,
    redact,
    memory,
    engine,
    ...(dbt && { dbt }),
    stop: deps.stop,
    graceMilliseconds: deps.limits.graceMilliseconds,
    steps,
    nodes: [],
  }
  return state
}

async function finish(state: AttemptState, deps: AttemptDeps, startedAt: string): Promise<RunnerResult> {
  const { plan, steps, parts } = state
  const outcome = outcomeOf(steps, plan.steps, stopCause(deps.stop))
  for (const step of steps) if (step.status === 'pending') step.status = 'skipped'
  parts.touch()
  await parts.flush()
  // A stop leaves no time for what only helps the next run.
  if (!deps.stop.aborted) {
    const place = { folder: join(state.folders.root, 'parse'), clone: state.folders.clone }
    await keepParse(plan, state.cache, place, state.parsedIn, state.redact).catch(() => {})
  }
  await state.cache.settle(deps.stop.aborted ? 1_000 : CACHE_MILLISECONDS)
  const complete = await state.uploads.finish(deps.limits.uploadMilliseconds)
  const result: RunnerResult = {
    schemaVersion: SCHEMA_VERSION,
    run: plan.run.id,
    attempt: plan.attempt,
    ...outcome,
    ...(state.source && { commit: state.source.commit }),
    ...(state.dbtVersion && { dbtVersion: state.dbtVersion }),
    steps,
    counts: steps.reduce((sum, step) => addCounts(sum, step.counts ?? NO_NODES), NO_NODES),
    failures: failuresOf(state.nodes),
    startedAt,
    endedAt: deps.now().toISOString(),
    peakMemoryBytes: state.memory.peakBytes(),
    artifactsIncomplete: !complete,
    docsUploaded: complete && state.docs !== undefined && (await state.docs),
    parts: parts.count(),
  }
  return JSON.parse(state.redact.text(JSON.stringify(result))) as RunnerResult
}

/** One step of an attempt, of any kind: its log, its status, its failure in words. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { KEY } from '../../shared/contract.ts'
import type { PlanStep, Resume } from '../../shared/plan.ts'
import { LIMIT, type NodeResult, type StepResult } from '../../shared/run.ts'
import { COMMIT_VARIABLE } from '../../shared/run-facts.ts'
import type { Cache } from './cache.ts'
import type { Checkout } from './checkout.ts'
import { abilitiesOf, compilesAll, wordsOf } from './dbt-command.ts'
import { type DbtContext, runDbtStep, stepFolder, storeArtifacts } from './dbt-step.ts'
import { runDepsStep } from './deps-step.ts'
import { queueDocs } from './docs.ts'
import { type Failure, StepFailure } from './failure.ts'
import type { GitSecrets } from './git.ts'
import { writeDoneResults } from './merged-results.ts'
import { isFailing } from './node-result.ts'
import type { Output } from './output.ts'
import { restoreParse } from './parse-cache.ts'
import { restOfStep } from './resume.ts'
import { bringSource } from './source.ts'
import { bringSources, needsState, type PublishedState, restoreSources, restoreState, withState } from './state.ts'
import type { StepVerdict } from './step-status.ts'
import { stopCause, timeWords } from './stop.ts'
import type { AwsCredentials, Store } from './store.ts'

/** What grows while the steps run. */
export interface AttemptState extends DbtContext {
  /** What earlier attempts did. */
  resume?: Resume
  gitSecrets: GitSecrets
  cache: Cache
  store: Pick<Store, 'fetch'>
  /** Once a step has asked for it. */
  published?: PublishedState
  /** Target folder of the freshness step. */
  freshIn?: string | undefined
  credentials(): Promise<AwsCredentials>
  now(): Date
  output: Output
  steps: StepResult[]
  /** Of all dbt steps. */
  nodes: NodeResult[]
  source?: Checkout
  dbtVersion?: string
  /** The last step that built something; `complete`: its manifest has the compiled code of every node. */
  built?: { target: string; complete: boolean }
  /** Whether the docs are stored. Waited for at the end only: an outage of the bucket must not hold the steps up. */
  docs?: Promise<boolean>
}

/** Nodes of which dbt always tells the end. */
const BUILT = /^(model|seed|snapshot|test|unit_test)\./

export async function runStep(step: PlanStep, result: StepResult, state: AttemptState): Promise<void> {
  const { log, parts, now } = state
  delete state.ledger
  const logFile = join(state.folders.outbox, `${step.index}-log.txt.gz`)
  log.openStep(logFile)
  Object.assign(result, { status: 'running', startedAt: now().toISOString() })
  log.info(step.index, `▸ ${result.command}`)
  await parts.flush()
  try {
    await mkdir(stepFolder(state, step), { recursive: true })
    if (step.kind === 'checkout') await runCheckout(step, result, state)
    else await runDbt(step, result, state)
  } catch (error) {
    setFailure(result, failureOf(error, state), state)
  }
  result.endedAt = now().toISOString()
  if (result.message) log.info(step.index, `${result.status}: ${result.message}`)
  await log.closeStep()
  void state.uploads.add('artifacts', {
    key: `${KEY.step(state.plan.prefixes.attempt, step.index, step.name)}log.txt`,
    body: { file: logFile },
    contentType: 'text/plain; charset=utf-8',
    contentEncoding: 'gzip',
  })
  result.artifacts = [...(result.artifacts ?? []), 'log.txt']
  parts.touch()
  await parts.flush()
}

async function runCheckout(step: PlanStep, result: StepResult, state: AttemptState): Promise<void> {
  const { plan, folders, log } = state
  const source = await bringSource(step, state)
  state.source = source
  plan.variables[COMMIT_VARIABLE] = source.commit.sha
  const parsed = await restoreParse(plan, state.cache, join(folders.root, 'parse'), folders.clone)
  if (parsed !== undefined) state.parsedIn = parsed
  if (plan.dbt.profiles === undefined) folders.profiles = profilesOf(source.projectDir, folders.clone)
  const { sha, author, subject } = source.commit
  log.info(step.index, `${sha.slice(0, 7)} "${subject}" by ${author}`)
  result.status = source.warning ? 'warn' : 'success'
  if (source.warning) result.message = state.redact.text(source.warning)
}

/** A repository keeps its profiles beside the project or at its root. */
const profilesOf = (projectDir: string, clone: string) =>
  [projectDir, clone].find(dir => existsSync(join(dir, 'profiles.yml'))) ?? projectDir

async function runDbt(step: PlanStep, result: StepResult, state: AttemptState): Promise<void> {
  if (!state.source) throw new StepFailure('internal', 'The plan has a dbt step before its checkout.')
  const { projectDir } = state.source
  const words = await comparing(step, wordsOf(step), result, state)
  // The static page is made from the manifest beside it, which only a compiling `docs generate` writes.
  const compiled = step.kind === 'docs' && state.built?.complete && state.engine.docsOfManifest && !words.includes('--static')
  const rest = await restOfStep(step, words, projectDir, state)
  const warned = rest.kind === 'whole' ? 0 : (state.resume?.partial?.warned ?? 0)
  if (rest.kind === 'nothing') {
    const { target, version, done } = rest
    const stamp = `${state.plan.run.id}/${state.plan.attempt}/${step.index}`
    const args = { which: words[0], invocation_command: result.command }
    await writeDoneResults(target, done, { version, stamp, args, now: state.now() })
    Object.assign(result, { status: warned > 0 ? 'warn' : 'success', message: 'Earlier attempts had done all of it.' })
    result.artifacts = await storeArtifacts(step, target, state)
    return
  }
  const whole = compiled ? [...words, '--no-compile'] : words
  const end =
    step.kind === 'deps'
      ? await runDepsStep(step, result, projectDir, state)
      : rest.kind === 'part'
        ? await runDbtStep(step, rest.words, projectDir, state, rest.done)
        : await runDbtStep(step, whole, projectDir, state)
  if (!end) return
  const { verdict } = end
  if (rest.kind === 'part') checkRest(rest.left, verdict)
  if (verdict.status === 'success' && warned > 0)
    Object.assign(verdict, { status: 'warn', message: `${warned} nodes had warned in an earlier attempt` })
  if (end.dbtVersion) state.dbtVersion = end.dbtVersion
  if (existsSync(join(end.target, 'partial_parse.msgpack'))) state.parsedIn = end.target
  if (step.kind === 'freshness') state.freshIn = end.target
  Object.assign(result, { status: verdict.status, artifacts: end.artifacts })
  if (end.exitCode !== undefined) result.exitCode = end.exitCode
  const warnings = warningsOf(step, verdict.nodes)
  if (warnings.length) result.warnings = warnings
  if (verdict.failure) setFailure(result, verdict.failure, state)
  else if (verdict.message) result.message = state.redact.text(verdict.message)
  if (step.kind === 'dbt' && abilitiesOf(words).executes) {
    state.nodes = state.nodes.concat(verdict.nodes)
    result.counts = verdict.counts
    completeParts(step, verdict.nodes, state)
    const selected = state.ledger?.selected()
    if (selected) result.selected = selected
    const complete = rest.kind === 'whole' && compilesAll(words) && !verdict.failure
    if (verdict.nodes.length > 0) state.built = { target: end.target, complete }
  }
  if (step.kind === 'docs' && !verdict.failure) await publish(result, end.target, state)
}

/** A selection that dbt takes for an empty one ends well: nodes that were to run and have no result are no success. */
function checkRest(left: readonly string[], verdict: StepVerdict): void {
  const told = new Set(verdict.nodes.map(node => node.uniqueId))
  const missing = left.filter(id => BUILT.test(id) && !told.has(id))
  if (verdict.failure || missing.length === 0) return
  const message = `dbt ended well, but ran ${left.length - missing.length} of the ${left.length} nodes that were left; not ${missing[0]}.`
  Object.assign(verdict, { status: 'error', failure: { reason: 'inconsistent', message } })
}

/** Docs that were asked for and are not there are worth a warning, with dbt's own words for why. */
async function publish(result: StepResult, target: string, state: AttemptState): Promise<void> {
  const { stored, refused } = await queueDocs([target, ...(state.built ? [state.built.target] : [])], state)
  state.docs = stored
  if (refused) {
    const said = state.ledger?.warnings()[0]
    Object.assign(result, { status: 'warn', message: state.redact.text(`There are no docs of this run: ${said ?? refused}`) })
  }
}

/**
 * The words of a step, with the published state where it compares with one and the job asks for it: the newest, or the one that
 * an earlier attempt of the run had, as its nodes were selected by that.
 */
async function comparing(step: PlanStep, words: string[], result: StepResult, state: AttemptState): Promise<string[]> {
  const { plan, folders, resume } = state
  if (!plan.state || step.kind !== 'dbt' || !needsState(words)) return words
  const to = join(folders.root, 'state')
  state.published ??= await restoreState(plan.state, to, state.store, plan.run.environment, resume?.state)
  const { folder, run, commit } = state.published
  result.comparedWith = run
  state.log.info(step.index, `compared with run ${run}${commit ? ` at ${commit.slice(0, 7)}` : ''}`)
  // The next attempt has to know it however soon this one is killed.
  await state.parts.flush()
  state.freshIn ??= await earlierSources(state)
  await bringSources(state.freshIn, join(stepFolder(state, step), 'target'))
  return withState(words, folder)
}

/** Folder with the sources.json of a freshness check that an earlier attempt made. */
async function earlierSources({ plan, resume, folders, store }: AttemptState): Promise<string | undefined> {
  const done = resume?.steps.find(step => step.kind === 'freshness' && step.artifacts?.includes('sources.json'))
  if (done?.attempt === undefined) return undefined
  const prefix = KEY.step(KEY.attempt(plan.run, done.attempt), done.index, done.name)
  return restoreSources(`${prefix}sources.json`, join(folders.root, 'sources'), store)
}

/** What only the artifact says (skipped nodes have no end of their own): the parts are what the next attempt goes by. */
function completeParts(step: PlanStep, nodes: readonly NodeResult[], state: AttemptState): void {
  const told = new Map(state.ledger?.nodes().map(node => [node.uniqueId, node]))
  for (const node of nodes) {
    const before = told.get(node.uniqueId)
    const more = node.owners || node.group || node.tags || node.meta || (node.testedNode && !before?.testedNode)
    if (before?.status !== node.status || more) state.parts.add({ type: 'node', step: step.index, ...node })
  }
}

/** Of a freshness step every source that is not fresh, as its own message about it names them. */
function warningsOf(step: PlanStep, nodes: readonly NodeResult[]): NodeResult[] {
  const told = nodes.filter(({ status }) => status === 'warn' || (step.kind === 'freshness' && isFailing(status)))
  // Only what a message shows: the record has a place to fit in.
  return told
    .slice(0, LIMIT.failures)
    .map(({ startedAt, endedAt, executionSeconds, rowsAffected, materialized, relation, message, ...node }) => ({
      ...node,
      ...(message && { message: message.slice(0, 300) }),
    }))
}

function setFailure(result: StepResult, failure: Failure, state: AttemptState): void {
  const status = failure.reason === 'user_cancelled' ? 'cancelled' : 'error'
  Object.assign(result, { status, reason: failure.reason, message: state.redact.text(failure.message) })
}

/** A failure during a stop is the stop: git was interrupted, a file was half written. */
function failureOf(error: unknown, state: AttemptState): Failure {
  const stop = stopCause(state.stop)
  if (stop?.kind === 'timeout') return { reason: 'timeout', message: `Before the step was done ${timeWords(stop)} had passed.` }
  if (stop) return { reason: 'user_cancelled', message: `The task received ${stop.signal}.` }
  if (error instanceof StepFailure) return error.failure
  const { code, name, message, stack } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC') return { reason: 'disk_full', message: `The disk is full: ${message}` }
  state.output.write(state.redact.text(String(stack ?? error)))
  return { reason: 'internal', message: `${name}: ${message}` }
}

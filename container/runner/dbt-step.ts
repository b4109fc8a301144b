/** Runs one dbt command of the plan: a fresh target folder, its events to log and ledger, its artifacts to the bucket. */
import { existsSync } from 'node:fs'
import { copyFile, mkdir, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { KEY } from '../../shared/contract.ts'
import type { Plan, PlanStep } from '../../shared/plan.ts'
import type { NodeResult } from '../../shared/run.ts'
import { copyMasked, KEPT, type NodeFacts, readNodeFacts, readResults } from './artifacts.ts'
import { abilitiesOf, commandOf, dbtArguments, parseOptions } from './dbt-command.ts'
import { parseEvent } from './dbt-events.ts'
import { type Dbt, plainDbt } from './dbt-host.ts'
import type { DbtEngine } from './engine.ts'
import { dbtEnvironment, type Environment } from './environment.ts'
import type { Folders } from './folders.ts'
import { createLedger, type Ledger } from './ledger.ts'
import type { Log } from './log.ts'
import type { Memory } from './memory.ts'
import { mergeResults } from './merged-results.ts'
import { addOwners } from './node-owners.ts'
import { withoutUntold } from './node-result.ts'
import type { Parts } from './parts.ts'
import type { Redactor } from './redact.ts'
import { judgeStep, type StepVerdict } from './step-status.ts'
import { stopCause } from './stop.ts'
import type { Uploads } from './uploads.ts'

export interface DbtContext {
  plan: Plan
  all: Environment
  secrets: Environment
  folders: Folders
  log: Log
  parts: Parts
  uploads: Uploads
  redact: Redactor
  memory: Memory
  engine: DbtEngine
  /** Unless given, each command is a process of its own. */
  dbt?: Dbt
  stop: AbortSignal
  graceMilliseconds: number
  /** Of the current step, for the progress of the run. */
  ledger?: Ledger
  /** Target folder of the last step that parsed; its parse result is used again. */
  parsedIn?: string
}

export interface DbtStepEnd {
  verdict: StepVerdict
  exitCode: number | undefined
  artifacts: string[]
  target: string
  dbtVersion: string | undefined
}

export const stepFolder = (context: Pick<DbtContext, 'folders'>, step: PlanStep) =>
  join(context.folders.steps, `${step.index}-${step.name}`)

/** Less free space than this, and a failure is put down to it. */
const DISK_FULL_BYTES = 16 * 1024 * 1024

/** `done`: results of earlier attempts at the step, stored together with those of this one. */
export async function runDbtStep(
  step: PlanStep,
  words: string[],
  projectDir: string,
  context: DbtContext,
  done: readonly NodeResult[] = [],
): Promise<DbtStepEnd> {
  const { plan, log, parts, folders, engine } = context
  const folder = stepFolder(context, step)
  const target = join(folder, 'target')
  await mkdir(target, { recursive: true })
  await reuseParse(context.parsedIn, target)
  const stamp = `${plan.run.id}/${plan.attempt}/${step.index}`
  const abilities = abilitiesOf(words)
  const manifest = join(target, 'manifest.json')
  let facts: NodeFacts = { paths: new Map(), tested: new Map() }
  const testedBy = ({ uniqueId }: NodeResult) => {
    const testedNode = facts.tested.get(uniqueId)
    return testedNode && { testedNode }
  }
  const ledger = createLedger((id, nodePath) => (engine.pathsInEvents ? nodePath : facts.paths.get(id)))
  context.ledger = ledger
  const env = dbtEnvironment({
    all: context.all,
    home: folders.home,
    variables: plan.variables,
    secrets: context.secrets,
    passAwsCredentials: plan.passAwsCredentials,
    stamp,
    targetPath: target,
  })
  const where = { project: projectDir, profiles: folders.profiles, target, log: join(folder, 'dbt-log') }
  let unwatch = () => {}
  // At its end dbt calls what it interrupted an error like any other.
  let interrupted: string[] | undefined
  const noteRunning = () => {
    interrupted = ledger.progress().running
  }
  context.stop.addEventListener('abort', noteRunning, { once: true })
  const args = dbtArguments(words, where, plan.dbt.target, engine)
  const exit = await (context.dbt ?? plainDbt).run(
    { args, cwd: folders.cwd, env, ...where, parse: parseOptions(words) },
    {
      line,
      started(pid) {
        unwatch = context.memory.watch(pid)
      },
      stop: context.stop,
      graceMilliseconds: context.graceMilliseconds,
    },
  )
  unwatch()
  context.stop.removeEventListener('abort', noteRunning)
  const stop = stopCause(context.stop)
  const all = await readResults(target, abilities.writes ?? 'run_results.json', stamp)
  const results = engine.resultsOfWhatRan || exit.code === 0 ? all : all && withoutUntold(all, ledger.nodes())
  // A file that calls good nodes errors is of no use to anybody.
  if (results?.length !== all?.length) await rm(join(target, 'run_results.json'), { force: true })
  const verdict = judgeStep({
    command: commandOf(words),
    abilities,
    exit,
    stop,
    results,
    ledger: ledger.nodes(),
    running: ledger.progress().running,
    interrupted,
    phase: ledger.phase(),
    errors: ledger.errors(),
    warnings: ledger.warnings(),
    memory: context.memory.state(),
    diskFull: await isDiskFull(folders.steps),
  })
  if (!engine.manifestFirst) {
    facts = await readNodeFacts(manifest)
    for (const node of verdict.nodes) Object.assign(node, testedBy(node))
  }
  await addOwners(manifest, verdict.nodes)
  const merged =
    results && done.length > 0 ? await mergeResults(join(target, 'run_results.json'), folder, done).catch(notMerged) : undefined
  const artifacts = await storeArtifacts(step, target, context, merged)
  return { verdict, exitCode: exit.code ?? undefined, artifacts, target, dbtVersion: ledger.dbtVersion() }

  function notMerged(error: Error): undefined {
    log.info(step.index, `run_results.json has the nodes of this attempt alone: ${error.message}`)
  }

  async function line(text: string): Promise<void> {
    const event = parseEvent(text)
    if (event.name === 'FoundStats') facts = await readNodeFacts(manifest)
    // What 2.x says of a node after an interrupt need not be so: once it called a model that was cut a success. It counts as not done.
    const isTrue = engine.resultsOfWhatRan || !context.stop.aborted || event.name !== 'NodeFinished'
    const node = isTrue ? ledger.take(event) : undefined
    if (node) Object.assign(node, testedBy(node))
    if (event.level === 'debug') log.debug(event.text)
    else log.info(step.index, event.text)
    if (node && abilities.executes) parts.add({ type: 'node', step: step.index, ...node })
    if (event.name === 'NodeStart') parts.touch()
    await log.ready()
  }
}

/** A parse result of the same attempt saves dbt most of its start; without it dbt parses anew. */
async function reuseParse(from: string | undefined, target: string): Promise<void> {
  if (from) await copyFile(join(from, 'partial_parse.msgpack'), join(target, 'partial_parse.msgpack')).catch(() => {})
}

async function isDiskFull(folder: string): Promise<boolean> {
  const space = await statfs(folder).catch(() => undefined)
  return space !== undefined && space.bavail * space.bsize < DISK_FULL_BYTES
}

/** `merged`: file that takes the place of dbt's own run_results.json. */
export async function storeArtifacts(step: PlanStep, target: string, context: DbtContext, merged?: string): Promise<string[]> {
  const kept = KEPT.filter(name => existsSync(join(target, name)))
  const prefix = KEY.step(context.plan.prefixes.attempt, step.index, step.name)
  const stored: string[] = []
  for (const name of kept) {
    const file = join(context.folders.outbox, `${step.index}-${name}.gz`)
    try {
      await copyMasked(name === 'run_results.json' && merged ? merged : join(target, name), file, context.redact)
    } catch (error) {
      context.log.info(step.index, `${name} could not be copied: ${(error as Error).message}`)
      continue
    }
    void context.uploads.add('artifacts', {
      key: prefix + name,
      body: { file },
      contentType: 'application/json',
      contentEncoding: 'gzip',
    })
    stored.push(name)
  }
  return stored
}

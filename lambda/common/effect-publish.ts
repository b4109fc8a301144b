/** The effects `docs` and `state`: what a run made becomes the environment's newest, by a pointer that moves last. */
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName, KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { Pointer } from '../../shared/pointer.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { type Bucket, textOf } from './bucket.ts'
import type { EffectDeps } from './effects.ts'

/** Commands whose results describe what was built. */
const BUILDS = /^(build|run|seed|snapshot|test|retry)$/
const SELECTS = /^(--select|-s|--models?|-m|--exclude|--selector|--resource-types?|--exclude-resource-types?)(=|$)/

export async function publishDocs(deps: EffectDeps, run: RunRecord): Promise<void> {
  const job = await jobOf(deps, run)
  if (!run.docsUploaded || !job?.publishes.includes('docs') || ofOtherCode(run)) return
  await movePointer(deps, KEY.docsPointer(run.project, run.environment), run, ['index.html', 'manifest.json', 'catalog.json'])
}

export async function publishState(deps: EffectDeps, run: RunRecord): Promise<void> {
  const job = await jobOf(deps, run)
  const good = run.status === 'success' || run.status === 'warn'
  if (!good || !job?.publishes.includes('state') || ofOtherCode(run) || isPartial(job, run)) return
  const folder = KEY.stateRun(run.project, run.environment, run.id)
  const files: string[] = []
  for (const [name, from] of Object.entries(stateFiles(run)))
    if (await deps.bucket.copy(from + name, folder + name)) files.push(name)
  if (!files.includes('manifest.json')) return deps.log('no manifest to publish as state', { runId: run.id })
  await movePointer(deps, KEY.statePointer(run.project, run.environment), run, files)
}

async function jobOf(deps: EffectDeps, run: RunRecord): Promise<JobConfig | undefined> {
  return (await deps.configs.load(run.config)).jobs[fullName(run.project, run.job)]
}

/** Another branch or commit than the environment's own was asked for. */
const ofOtherCode = (run: RunRecord) => run.overrides?.branch !== undefined || run.overrides?.commit !== undefined

/** It did not build everything, or not with the job's own variables: its state says nothing of the rest. */
export const isPartial = (job: JobConfig, run: RunRecord) =>
  run.overrides?.steps !== undefined ||
  run.overrides?.vars !== undefined ||
  job.steps.some(step => step.args.some(word => SELECTS.test(word)))

/** File name to prefix of the step it comes from: the last build's manifest and results, and the freshness of sources. */
function stateFiles(run: RunRecord): Record<string, string> {
  const prefix = (step: StepResult) => KEY.step(KEY.attempt(run, step.attempt ?? run.attempts.length), step.index, step.name)
  const steps = run.steps ?? []
  const build = steps.findLast(
    step => step.kind === 'dbt' && BUILDS.test(step.command.split(/\s+/)[1] ?? '') && step.status !== 'skipped',
  )
  const freshness = steps.findLast(step => step.artifacts?.includes('sources.json'))
  return {
    ...(build && { 'manifest.json': prefix(build), 'run_results.json': prefix(build) }),
    ...(freshness && { 'sources.json': prefix(freshness) }),
  }
}

/** Moves the pointer forward only: from a run whose commit was resolved earlier. Of several at the same moment the latest stays. */
async function movePointer(deps: EffectDeps, key: string, run: RunRecord, files: string[]): Promise<void> {
  const pointer: Pointer = {
    schemaVersion: SCHEMA_VERSION,
    run: run.id,
    job: run.job,
    commit: run.commit?.sha ?? null,
    resolvedAt: resolvedAt(run),
    files,
  }
  for (let left = 20; left > 0; left--) {
    const object = await deps.bucket.read(key, POINTER_BYTES)
    const before = object && readPointer(object)
    if (
      before &&
      (before.resolvedAt > pointer.resolvedAt || (before.resolvedAt === pointer.resolvedAt && before.run >= pointer.run))
    )
      return deps.log('pointer is further already', { runId: run.id, key, at: before.run })
    if (await deps.bucket.replace(key, JSON.stringify(pointer), object?.etag ?? null))
      return deps.log('pointer moved', { runId: run.id, key })
  }
  throw new Error(`${key} was changed by others 20 times in a row`)
}

/** The checkout follows the start of the task; later attempts stay on the commit of the first that had one. */
const resolvedAt = (run: RunRecord) => (run.attempts.find(each => each.resume) ?? run.attempts.at(-1))?.startedAt ?? run.claimedAt

const POINTER_BYTES = 64 * 1024

/** Undefined for what is not a pointer: it is replaced. */
function readPointer(object: NonNullable<Awaited<ReturnType<Bucket['read']>>>): { run: string; resolvedAt: string } | undefined {
  try {
    const value = JSON.parse(textOf(object.body, POINTER_BYTES) ?? '') as { run?: unknown; resolvedAt?: unknown }
    return typeof value.run === 'string' && typeof value.resolvedAt === 'string'
      ? { run: value.run, resolvedAt: value.resolvedAt }
      : undefined
  } catch {
    return undefined
  }
}

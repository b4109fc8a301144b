/** The effects `docs` and `state`: what a run made becomes the environment's newest, by a pointer that moves last. */
import type { JobConfig } from '../../shared/config-model.ts'
import { fullName, KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import { type Pointer, parsePointer } from '../../shared/pointer.ts'
import type { RunRecord, StepResult } from '../../shared/run.ts'
import { textOf } from './bucket.ts'
import type { EffectDeps } from './effects.ts'

/** Commands whose results describe what was built. */
const BUILDS = /^(build|run|seed|snapshot|test|retry)$/
const SELECTS = /^(--select|-s|--models?|-m|--exclude|--selector|--resource-types?|--exclude-resource-types?)(=|$)/

export async function publishDocs(deps: EffectDeps, run: RunRecord): Promise<void> {
  if (!run.docsUploaded) return
  const { project, environment, id } = run
  const docs =
    (await docsOf(deps, KEY.docs(project, environment, id, run.attempts.length), { attempt: run.attempts.length })) ??
    // The plan of an attempt that the version before started.
    (await docsOf(deps, KEY.docsRun(project, environment, id), {}))
  if (!docs) return deps.log('no docs to publish', { runId: id })
  if (docs.attempt !== undefined) await movePointer(deps, KEY.docsRunPointer(project, environment, id), run, docs)
  const job = await jobOf(deps, run)
  if (job?.publishes.includes('docs') && !ofOtherCode(run))
    await movePointer(deps, KEY.docsPointer(project, environment), run, docs)
}

/** What a task says that it has stored is looked for: a pointer is to name nothing that is not there. */
async function docsOf({ bucket }: EffectDeps, folder: string, of: Pick<Pointer, 'attempt'>): Promise<Published | undefined> {
  const files = await bucket.list(folder, MOST_FILES)
  const known = ['index.html', 'manifest.json', 'catalog.json'].filter(name => files.includes(folder + name))
  return known[0] === 'index.html' ? { ...of, files: known } : undefined
}
/** The application of dbt 2.x has some hundred. */
const MOST_FILES = 10_000

type Published = Pick<Pointer, 'attempt' | 'files'>

export async function publishState(deps: EffectDeps, run: RunRecord): Promise<void> {
  const job = await jobOf(deps, run)
  const good = run.status === 'success' || run.status === 'warn'
  if (!good || !job?.publishes.includes('state') || ofOtherCode(run) || isPartial(job, run)) return
  const folder = KEY.stateRun(run.project, run.environment, run.id)
  const files: string[] = []
  for (const [name, from] of Object.entries(stateFiles(run)))
    if (await deps.bucket.copy(from + name, folder + name)) files.push(name)
  if (!files.includes('manifest.json')) return deps.log('no manifest to publish as state', { runId: run.id })
  await movePointer(deps, KEY.statePointer(run.project, run.environment), run, { files })
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

/**
 * Moves the pointer forward only: from a run whose commit was resolved earlier, and of one run from an earlier attempt. Of several
 * at the same moment the latest stays.
 */
async function movePointer(deps: EffectDeps, key: string, run: RunRecord, published: Published): Promise<void> {
  const pointer: Pointer = {
    schemaVersion: SCHEMA_VERSION,
    run: run.id,
    job: run.job,
    commit: run.commit?.sha ?? null,
    resolvedAt: resolvedAt(run),
    ...published,
  }
  for (let left = 20; left > 0; left--) {
    const object = await deps.bucket.read(key, POINTER_BYTES)
    // What is not a pointer is replaced.
    const before = object && parsePointer(textOf(object.body, POINTER_BYTES) ?? '')
    if (before && rankOf(before) >= rankOf(pointer))
      return deps.log('pointer is further already', { runId: run.id, key, at: before.run })
    if (await deps.bucket.replace(key, JSON.stringify(pointer), object?.etag ?? null))
      return deps.log('pointer moved', { runId: run.id, key })
  }
  throw new Error(`${key} was changed by others 20 times in a row`)
}

/** The checkout follows the start of the task; later attempts stay on the commit of the first that had one. */
const resolvedAt = (run: RunRecord) => (run.attempts.find(each => each.resume) ?? run.attempts.at(-1))?.startedAt ?? run.claimedAt

const POINTER_BYTES = 64 * 1024

const rankOf = ({ resolvedAt, run, attempt = 0 }: Pointer) => `${resolvedAt} ${run} ${String(attempt).padStart(4, '0')}`

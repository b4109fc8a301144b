/** Several attempts of a run seen as one: each node as it was last, and what the next attempt need not do again. */
import { isReadable, SCHEMA_VERSION } from './contract.ts'
import { parseNode, parseSteps } from './parse-result.ts'
import type { Resume } from './plan.ts'
import { countNodes, type Rebuilt, type StepNode } from './rebuild.ts'
import { type Commit, LIMIT, NO_NODES, type NodeCounts, type NodeResult, type NodeStatus, type StepResult } from './run.ts'

/** What an attempt left in its parts. */
export interface AttemptLedger extends Pick<Rebuilt, 'steps' | 'nodes' | 'commit'> {
  attempt: number
}

export interface Merged {
  steps: StepResult[]
  counts: NodeCounts
  failures: NodeResult[]
  nodes: StepNode[]
  commit?: Commit
}

/** `ledgers` in the order of their attempts. */
export function mergeAttempts(ledgers: readonly AttemptLedger[]): Merged {
  const nodes = new Map<string, StepNode>()
  for (const { nodes: found } of ledgers)
    for (const each of found) {
      const key = `${each.step} ${each.node.uniqueId}`
      // Last wins also in order: what failed again belongs to the end.
      nodes.delete(key)
      nodes.set(key, each)
    }
  const all = [...nodes.values()]
  const steps = (ledgers.at(-1)?.steps ?? []).map(step => mergeStep(step, ledgers, all))
  const commit = ledgers.findLast(each => each.commit)?.commit
  const failing = all.map(each => each.node).filter(node => node.status === 'error' || node.status === 'fail')
  const isTest = (node: NodeResult) => node.resourceType === 'test' || node.resourceType === 'unit_test'
  return {
    steps,
    counts: steps.reduce((sum, step) => addCounts(sum, step.counts ?? NO_NODES), NO_NODES),
    failures: [...failing.filter(node => !isTest(node)), ...failing.filter(isTest)].slice(0, LIMIT.failures),
    nodes: all,
    ...(commit && { commit }),
  }
}

/** A step is as the newest attempt left it that came to it; its nodes are those of all attempts. */
function mergeStep(step: StepResult, ledgers: readonly AttemptLedger[], all: readonly StepNode[]): StepResult {
  const versions = ledgers.flatMap(({ attempt, steps }) => {
    const found = steps.find(each => each.index === step.index && each.name === step.name)
    return found ? [{ attempt, found }] : []
  })
  const newest = versions.findLast(({ found }) => found.status !== 'pending' && found.status !== 'skipped')
  if (!newest) return step
  const { attempt, found } = newest
  const own = all.filter(each => each.step === step.index).map(each => each.node)
  const selected = Math.max(0, ...versions.map(version => version.found.selected ?? 0))
  return {
    ...found,
    ...(own.length > 0 && { counts: countNodes(own) }),
    ...(selected > 0 && { selected }),
    ...(attempt !== ledgers.at(-1)?.attempt && { attempt: found.attempt ?? attempt }),
  }
}

const addCounts = (a: NodeCounts, b: NodeCounts): NodeCounts =>
  Object.fromEntries(Object.entries(a).map(([status, n]) => [status, n + b[status as NodeStatus]])) as NodeCounts

/** Done for good: dbt's retry leaves these alone as well. */
const DONE: ReadonlySet<NodeStatus> = new Set(['success', 'warn', 'no-op'])

/**
 * What the next attempt need not do again; undefined as long as no commit is known, as nothing was built then. Results that
 * contradicted each other are not built upon. Docs are made again: they are of the whole run.
 */
export function makeResume(run: string, ledgers: readonly AttemptLedger[]): { resume: Resume; left?: number } | undefined {
  const { steps, nodes, commit } = mergeAttempts(ledgers)
  const attempt = ledgers.at(-1)?.attempt
  if (!commit || attempt === undefined) return undefined
  const good = (step: StepResult) => step.status === 'success' || step.status === 'warn'
  const finished = steps
    .filter(step => (step.kind === 'dbt' || step.kind === 'freshness') && good(step))
    .map(step => ({ ...step, attempt: step.attempt ?? attempt }))
  const broken = steps.find(step => step.kind === 'dbt' && (step.status === 'error' || step.status === 'cancelled'))
  const done = nodes.filter(({ step, node }) => step === broken?.index && DONE.has(node.status)).map(({ node }) => node)
  const state = ledgers.flatMap(each => each.steps).find(step => step.comparedWith)?.comparedWith
  const trusted = broken && broken.reason !== 'inconsistent' && done.length > 0
  const resume: Resume = {
    schemaVersion: SCHEMA_VERSION,
    run,
    attempt,
    steps: finished,
    ...(state && { state }),
    ...(trusted && {
      partial: {
        step: broken.index,
        done: done.map(node => node.uniqueId),
        warned: done.filter(node => node.status === 'warn').length,
        results: done,
      },
    }),
  }
  const left = broken?.selected === undefined ? undefined : broken.selected - (trusted ? countable(done) : 0)
  return { resume, ...(left !== undefined && left > 0 && { left }) }
}

/** Hooks and ephemeral models have results and are not among the nodes that dbt counts. */
const countable = (done: readonly NodeResult[]) =>
  done.filter(node => node.resourceType !== 'operation' && node.materialized !== 'ephemeral').length

/** Reads the object in the runner; throws on one that is not of the run. */
export function parseResume(text: string, run: string): Resume {
  const value = JSON.parse(text) as Resume
  if (!isReadable(value.schemaVersion) || value.run !== run || !Array.isArray(value.steps))
    throw new Error(`the record of earlier attempts is not one of run ${run}, or of another version`)
  const results = value.partial?.results?.flatMap(each => parseNode(each) ?? [])
  return {
    ...value,
    steps: parseSteps(value.steps),
    ...(value.partial && { partial: { ...value.partial, ...(results && { results }) } }),
  }
}

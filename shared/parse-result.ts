/**
 * Readers of what a container writes: result and parts. All of it is untrusted: only what we use is read, every text is
 * bounded, names that become part of a key are checked, and what does not fit is left out.
 */
import { SCHEMA_VERSION } from './contract.ts'
import { type Fields, fieldsOf, parseJson } from './fields.ts'
import type { LogLine, NodeLine, PartLine, Progress, RunnerResult } from './plan.ts'
import { isReason } from './reason-labels.ts'
import {
  type Commit,
  LIMIT,
  NO_NODES,
  NODE_STATUSES,
  type NodeCounts,
  type NodeResult,
  type NodeStatus,
  type StepKind,
  type StepResult,
  type StepStatus,
} from './run.ts'

const STEP_KINDS: readonly StepKind[] = ['checkout', 'deps', 'freshness', 'dbt', 'docs']
const STEP_STATUSES: readonly StepStatus[] = ['pending', 'running', 'success', 'warn', 'error', 'cancelled', 'skipped']
const OUTCOMES = ['success', 'warn', 'error', 'cancelled'] as const
const MAX = { steps: 200, artifacts: 50, name: 512, running: 100, owners: 5, tags: 20, meta: 10, word: 100 } as const
/** Safe as part of a key. */
const SAFE_NAME = /^[\w.-]{1,100}$/

/** Undefined: not a result of this attempt. */
export function parseResult(text: string, run: string, attempt: number): RunnerResult | undefined {
  const value = fieldsOf(parseJson(text))
  const outcome = oneOf(OUTCOMES, value.outcome)
  if (!outcome || value.run !== run || value.attempt !== attempt || number(value.schemaVersion) === undefined) return undefined
  return {
    schemaVersion: SCHEMA_VERSION,
    run,
    attempt,
    outcome,
    ...given('reason', isReason(value.reason) ? value.reason : undefined),
    ...given('message', string(value.message, LIMIT.message)),
    ...given('commit', parseCommit(value.commit)),
    ...given('dbtVersion', string(value.dbtVersion, 50)),
    steps: parseSteps(value.steps),
    counts: parseCounts(value.counts) ?? NO_NODES,
    failures: list(value.failures, LIMIT.failures).flatMap(each => parseNode(each) ?? []),
    startedAt: time(value.startedAt) ?? '',
    endedAt: time(value.endedAt) ?? '',
    ...given('peakMemoryBytes', count(value.peakMemoryBytes)),
    artifactsIncomplete: value.artifactsIncomplete === true,
    docsUploaded: value.docsUploaded === true,
    parts: count(value.parts) ?? 0,
  }
}

/** One line of a part; undefined for what is none. */
export function parsePartLine(text: string): PartLine | undefined {
  const value = fieldsOf(parseJson(text))
  if (value.type === 'log') return parseLogLine(value)
  if (value.type === 'progress') return parseProgress(value)
  const node = value.type === 'node' ? parseNode(value) : undefined
  return node && ({ type: 'node', step: count(value.step) ?? 0, ...node } satisfies NodeLine)
}

/** The same, of a line of the log alone. */
export function parseLog(text: string): LogLine | undefined {
  const value = fieldsOf(parseJson(text))
  return value.type === 'log' ? parseLogLine(value) : undefined
}

function parseLogLine(value: Fields): LogLine | undefined {
  const at = time(value.at)
  return at === undefined || typeof value.text !== 'string'
    ? undefined
    : { type: 'log', at, step: count(value.step) ?? 0, text: value.text }
}

function parseProgress(value: Fields): Progress {
  const nodes = fieldsOf(value.nodes)
  return {
    type: 'progress',
    schemaVersion: SCHEMA_VERSION,
    run: string(value.run, 50) ?? '',
    attempt: count(value.attempt) ?? 0,
    part: count(value.part) ?? 0,
    at: time(value.at) ?? '',
    steps: parseSteps(value.steps),
    ...given('commit', parseCommit(value.commit)),
    nodes: {
      done: count(nodes.done) ?? 0,
      total: count(nodes.total) ?? 0,
      running: list(nodes.running, MAX.running).flatMap(each => string(each, MAX.name) ?? []),
    },
  }
}

/** Warnings of all steps together are no more than the failures of a run: the record has a place to fit in. */
export function parseSteps(value: unknown): StepResult[] {
  let left: number = LIMIT.failures
  return list(value, MAX.steps).flatMap(each => {
    const step = parseStep(each)
    if (!step) return []
    const warnings = list(fieldsOf(each).warnings, left).flatMap(node => parseNode(node) ?? [])
    left -= warnings.length
    return [warnings.length ? { ...step, warnings } : step]
  })
}

function parseStep(given_: unknown): StepResult | undefined {
  const value = fieldsOf(given_)
  const index = count(value.index)
  const kind = oneOf(STEP_KINDS, value.kind)
  const status = oneOf(STEP_STATUSES, value.status)
  const { name } = value
  if (index === undefined || !kind || !status || typeof name !== 'string' || !SAFE_NAME.test(name)) return undefined
  return {
    index,
    name,
    kind,
    status,
    command: string(value.command, LIMIT.message) ?? '',
    ...given('reason', isReason(value.reason) ? value.reason : undefined),
    ...given('message', string(value.message, LIMIT.message)),
    ...given('exitCode', number(value.exitCode)),
    ...given('startedAt', time(value.startedAt)),
    ...given('endedAt', time(value.endedAt)),
    ...given('counts', parseCounts(value.counts)),
    ...given('selected', count(value.selected)),
    ...given('artifacts', parseNames(value.artifacts)),
    ...given('attempt', count(value.attempt)),
    ...given('comparedWith', safeName(value.comparedWith)),
  }
}

const safeName = (value: unknown) => (typeof value === 'string' && SAFE_NAME.test(value) ? value : undefined)
const parseNames = (value: unknown) =>
  Array.isArray(value)
    ? list(value, MAX.artifacts).filter((name): name is string => typeof name === 'string' && SAFE_NAME.test(name))
    : undefined

export function parseNode(given_: unknown): NodeResult | undefined {
  const value = fieldsOf(given_)
  const uniqueId = string(value.uniqueId, MAX.name)
  const status = oneOf(NODE_STATUSES, value.status)
  if (!uniqueId || !status) return undefined
  return {
    uniqueId,
    name: string(value.name, MAX.name) ?? uniqueId,
    resourceType: string(value.resourceType, 50) ?? '',
    status,
    ...given('message', string(value.message, LIMIT.nodeMessage)),
    ...given('startedAt', time(value.startedAt)),
    ...given('endedAt', time(value.endedAt)),
    ...given('executionSeconds', positive(value.executionSeconds)),
    ...given('failures', count(value.failures)),
    ...given('rowsAffected', number(value.rowsAffected)),
    ...given('path', string(value.path, MAX.name)),
    ...given('materialized', string(value.materialized, 100)),
    ...given('relation', string(value.relation, MAX.name)),
    ...given('testedNode', string(value.testedNode, MAX.name)),
    ...given('owners', parseWords(value.owners, MAX.owners)),
    ...given('group', string(value.group, MAX.word)),
    ...given('tags', parseWords(value.tags, MAX.tags)),
    ...given('meta', parseMeta(value.meta)),
  }
}

function parseWords(value: unknown, max: number): string[] | undefined {
  const words = list(value, max).flatMap(each => string(each, MAX.word) ?? [])
  return words.length ? words : undefined
}

function parseMeta(value: unknown): Record<string, string> | undefined {
  const entries = Object.entries(fieldsOf(value)).flatMap(([key, each]) => {
    const text = string(each, MAX.word)
    return text === undefined || key.length > MAX.word ? [] : [[key, text]]
  })
  return entries.length ? Object.fromEntries(entries.slice(0, MAX.meta)) : undefined
}

function parseCounts(value: unknown): NodeCounts | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const counts = fieldsOf(value)
  return Object.fromEntries(NODE_STATUSES.map((status: NodeStatus) => [status, count(counts[status]) ?? 0])) as NodeCounts
}

function parseCommit(given_: unknown): Commit | undefined {
  const value = fieldsOf(given_)
  const sha = typeof value.sha === 'string' && /^[0-9a-f]{7,64}$/.test(value.sha) ? value.sha : undefined
  if (!sha) return undefined
  return {
    sha,
    author: string(value.author, 200) ?? '',
    subject: string(value.subject, 500) ?? '',
    committedAt: time(value.committedAt) ?? '',
  }
}

const list = (value: unknown, max: number): unknown[] => (Array.isArray(value) ? value.slice(0, max) : [])
const oneOf = <T>(values: readonly T[], value: unknown): T | undefined => values.find(each => each === value)
const string = (value: unknown, max: number) => (typeof value === 'string' ? value.slice(0, max) : undefined)
const number = (value: unknown) => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const positive = (value: unknown) => (typeof value === 'number' && value >= 0 && Number.isFinite(value) ? value : undefined)
const count = (value: unknown) => (Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : undefined)
const given = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: V }

function time(value: unknown): string | undefined {
  const at = typeof value === 'string' && value.length < 50 ? new Date(value) : undefined
  return at && !Number.isNaN(at.getTime()) ? at.toISOString() : undefined
}

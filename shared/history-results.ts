/** The rows of one run for nodes, tests and sources. */
import type { RunNode } from './history-index.ts'
import type { SourceFreshness } from './history-sources.ts'
import type { HistoryRow, HistoryRows } from './history-tables.ts'
import { bigintOf, secondsBetween, timeOf } from './history-values.ts'

type OfRun = Pick<HistoryRow<'nodes'>, 'run_id' | 'project' | 'environment' | 'job' | 'claimed_at'>

export function resultRows(
  of: OfRun,
  commit: string | null,
  nodes: readonly RunNode[],
  sources: readonly SourceFreshness[],
): Pick<HistoryRows, 'nodes' | 'tests' | 'sources'> {
  const isSource = (node: RunNode) => node.resourceType === 'source'
  return {
    nodes: nodes.filter(node => !isTest(node) && !isSource(node)).map(node => nodeRow(of, commit, node)),
    tests: nodes.filter(isTest).map(node => testRow(of, commit, node)),
    sources: sources.map(source => sourceRow(of, source)),
  }
}

const isTest = (node: RunNode) => node.resourceType === 'test' || node.resourceType === 'unit_test'

const resultOf = (of: OfRun, commit: string | null, node: RunNode) => ({
  ...of,
  commit_sha: commit,
  step: node.step,
  attempt: node.attempt,
  earlier_failures: node.earlierFailures ?? 0,
  unique_id: node.uniqueId,
  name: node.name,
  package_name: packageOf(node.uniqueId),
  resource_type: node.resourceType,
  status: node.status,
  message: node.message ?? null,
  started_at: timeOf(node.startedAt),
  ended_at: timeOf(node.endedAt),
  seconds: node.executionSeconds ?? secondsBetween(node.startedAt, node.endedAt),
  path: node.path ?? null,
  group_name: node.group ?? null,
  owners: node.owners ?? null,
  tags: node.tags ?? null,
})

const nodeRow = (of: OfRun, commit: string | null, node: RunNode): HistoryRow<'nodes'> => ({
  ...resultOf(of, commit, node),
  rows_affected: bigintOf(node.rowsAffected),
  materialized: node.materialized ?? null,
  relation: node.relation ?? null,
})

const testRow = (of: OfRun, commit: string | null, node: RunNode): HistoryRow<'tests'> => ({
  ...resultOf(of, commit, node),
  failures: bigintOf(node.failures),
  tested_node: node.testedNode ?? modelOfUnitTest(node.uniqueId) ?? null,
})

function sourceRow(of: OfRun, source: SourceFreshness): HistoryRow<'sources'> {
  const [, , sourceName, ...table] = source.uniqueId.split('.')
  return {
    ...of,
    step: source.step,
    attempt: source.attempt,
    unique_id: source.uniqueId,
    package_name: packageOf(source.uniqueId),
    source_name: sourceName ?? null,
    name: table.join('.') || source.uniqueId,
    status: source.status,
    message: source.message ?? null,
    max_loaded_at: source.maxLoadedAt ?? null,
    snapshotted_at: source.snapshottedAt ?? null,
    age_seconds: source.ageSeconds ?? null,
    warn_after_seconds: source.warnAfterSeconds ?? null,
    error_after_seconds: source.errorAfterSeconds ?? null,
    filter: source.filter ?? null,
    seconds: source.seconds ?? null,
  }
}

/** `model.shop.orders` → `shop`. */
const packageOf = (uniqueId: string) => uniqueId.split('.')[1] ?? null

/** `unit_test.shop.orders.adds_up` tests `model.shop.orders`. */
function modelOfUnitTest(uniqueId: string): string | undefined {
  const [type, name, model] = uniqueId.split('.')
  return type === 'unit_test' && model ? `model.${name}.${model}` : undefined
}

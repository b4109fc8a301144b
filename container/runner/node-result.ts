/** Results of nodes, from dbt's events and from its artifacts, in the words of shared/run.ts. */
import { LIMIT, NO_NODES, type NodeCounts, type NodeResult, type NodeStatus } from '../../shared/run.ts'
import { numberOf, recordOf, stringOf } from './dbt-events.ts'

/** dbt's words for the status of a node; those of freshness results too. */
const STATUSES: Record<string, NodeStatus> = {
  success: 'success',
  pass: 'success',
  reused: 'success',
  warn: 'warn',
  error: 'error',
  'runtime error': 'error',
  'partial success': 'error',
  fail: 'fail',
  skipped: 'skipped',
  'no-op': 'no-op',
}
const nodeStatus = (status: unknown): NodeStatus | undefined =>
  typeof status === 'string' ? STATUSES[status.toLowerCase()] : undefined

export const isFailing = (status: NodeStatus) => status === 'error' || status === 'fail'
const TESTS = new Set(['test', 'unit_test'])
export const isTest = (node: NodeResult) => TESTS.has(node.resourceType)

/** From a NodeFinished event; undefined if it is not one we understand. */
export function nodeOfEvent(
  data: Record<string, unknown>,
  pathOf: (uniqueId: string, nodePath: string | undefined) => string | undefined,
  saidOf: (uniqueId: string) => string | undefined = () => undefined,
): NodeResult | undefined {
  const info = recordOf(data.node_info)
  const result = recordOf(data.run_result)
  const uniqueId = stringOf(info.unique_id)
  const status = nodeStatus(result.status) ?? nodeStatus(info.node_status)
  if (!uniqueId || !status) return undefined
  return defined({
    uniqueId,
    // A source is known by both its names.
    name: (uniqueId.startsWith('source.') ? undefined : stringOf(info.node_name)) ?? nameOf(uniqueId),
    resourceType: stringOf(info.resource_type) ?? uniqueId.split('.')[0] ?? '',
    status,
    message: messageOf(result.message ?? saidOf(uniqueId)),
    startedAt: timeOf(info.node_started_at),
    endedAt: timeOf(info.node_finished_at),
    executionSeconds: numberOf(result.execution_time),
    failures: numberOf(result.num_failures) || undefined,
    rowsAffected: numberOf(recordOf(result.adapter_response).rows_affected),
    path: pathOf(uniqueId, stringOf(info.node_path)),
    materialized: stringOf(info.materialized),
    relation: stringOf(recordOf(info.node_relation).relation_name),
  })
}

/** From an entry of run_results.json or sources.json. */
export function nodeOfArtifact(entry: unknown): NodeResult | undefined {
  const result = recordOf(entry)
  const uniqueId = stringOf(result.unique_id)
  const status = nodeStatus(result.status)
  if (!uniqueId || !status) return undefined
  return defined({
    uniqueId,
    name: nameOf(uniqueId),
    resourceType: uniqueId.split('.')[0] ?? '',
    status,
    message: messageOf(result.message ?? result.error) ?? ageOf(result),
    executionSeconds: numberOf(result.execution_time),
    failures: numberOf(result.failures) || undefined,
    rowsAffected: numberOf(recordOf(result.adapter_response).rows_affected),
    relation: stringOf(result.relation_name),
  })
}

/** A source's age from sources.json, and the limit that it is beyond. */
function ageOf({ max_loaded_at_time_ago_in_s: seconds, status, criteria }: Record<string, unknown>): string | undefined {
  const age = numberOf(seconds)
  if (age === undefined) return undefined
  const { count, period } = recordOf(recordOf(criteria)[status === 'warn' ? 'warn_after' : 'error_after'])
  const beyond = status === 'warn' || status === 'error'
  const limit = beyond && numberOf(count) && stringOf(period) ? `, limit ${count} ${period}${count === 1 ? '' : 's'}` : ''
  return `last loaded ${age < 7200 ? `${Math.round(age / 60)} min` : `${Math.round(age / 3600)} h`} ago${limit}`
}

/** `test.shop.not_null_a_id.f6a5f640da` → `not_null_a_id`; `source.shop.raw.orders` → `raw.orders`. */
function nameOf(uniqueId: string): string {
  const [type, , ...rest] = uniqueId.split('.')
  if (type === 'test' && rest.length > 1) return rest.slice(0, -1).join('.')
  return rest.join('.') || uniqueId
}

/** 2.x gives a node that has nothing to say its status once more. */
const NOTHING_SAID = /^(error|fail|warn|pass|succe(ss|eded))$/i
function messageOf(message: unknown): string | undefined {
  const text = stringOf(message)?.trim().slice(0, LIMIT.nodeMessage)
  return text && NOTHING_SAID.test(text) ? undefined : text
}
/** dbt writes UTC, in events without the Z. */
const timeOf = (time: unknown) => {
  const text = stringOf(time)
  return text && (/Z|[+-]\d\d:\d\d$/.test(text) ? text : `${text}Z`)
}

type Loose<T> = { [K in keyof T]: T[K] | undefined }
const defined = (node: Loose<NodeResult>) =>
  Object.fromEntries(Object.entries(node).filter(([, v]) => v !== undefined)) as unknown as NodeResult

/** Results without the failures that nothing was heard of while dbt ran. */
export function withoutUntold(results: NodeResult[], told: readonly NodeResult[]): NodeResult[] {
  const failed = new Set(told.filter(node => isFailing(node.status)).map(node => node.uniqueId))
  return results.filter(node => !isFailing(node.status) || failed.has(node.uniqueId))
}

export function countNodes(nodes: Iterable<NodeResult>): NodeCounts {
  const counts = { ...NO_NODES }
  for (const node of nodes) counts[node.status]++
  return counts
}
export const addCounts = (a: NodeCounts, b: NodeCounts): NodeCounts =>
  Object.fromEntries(Object.entries(a).map(([status, n]) => [status, n + b[status as NodeStatus]])) as NodeCounts

/** Which nodes a message names: those that failed, that warned, the sources that are stale; for an owner only its own. */
import type { MessageInput } from './message.ts'
import type { MessageKind } from './reasons.ts'
import { NO_NODES, type NodeResult, type RunRecord } from './run.ts'

/** Sources older than their limit, as the freshness steps found them. */
export const staleSources = ({ steps }: Pick<RunRecord, 'steps'>): NodeResult[] =>
  (steps ?? []).flatMap(step => (step.warnings ?? []).filter(node => node.resourceType === 'source'))

/** What went wrong is told node by node; the message of the run adds nothing to that. */
export const isAboutNodes = ({ reason }: Pick<RunRecord, 'reason'>) =>
  !reason || reason === 'node_failures' || reason === 'test_failures' || reason === 'freshness'

/** Nodes that a run's end of this kind is about; those that could not be built before the tests that found rows. */
export function nodesOfKind(kind: MessageKind, record: RunRecord): NodeResult[] {
  const failures = record.failures ?? []
  switch (kind) {
    case 'error': {
      const stale = record.reason === 'freshness' ? staleSources(record) : []
      const known = new Set(failures.map(node => node.uniqueId))
      const failed = [...failures.filter(node => node.status === 'error'), ...failures.filter(node => node.status === 'fail')]
      return [...failed, ...stale.filter(node => !known.has(node.uniqueId))]
    }
    case 'warn': {
      const warned = (record.steps ?? []).flatMap(step => step.warnings ?? []).filter(node => node.resourceType !== 'source')
      return [...failures.filter(node => node.status === 'warn'), ...warned]
    }
    case 'source_stale':
      return staleSources(record)
    default:
      return []
  }
}

export function nodesToName({ kind, record, nodes }: MessageInput): NodeResult[] {
  const all = nodesOfKind(kind, record)
  return nodes ? all.filter(node => nodes.includes(node.uniqueId)) : all
}

/** How many there are in all; the record keeps the first ones. */
export function totalOf({ kind, record, nodes }: MessageInput, named: readonly NodeResult[]): number {
  if (nodes) return named.length
  const { error, fail, warn } = record.counts ?? NO_NODES
  return Math.max(named.length, kind === 'warn' ? warn : kind === 'error' ? error + fail : 0)
}

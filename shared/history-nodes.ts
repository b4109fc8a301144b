/** The results of all attempts of a run as one list: each node as it was last. Its input comes from containers: it is bounded. */
import type { RunNode } from './history-index.ts'
import type { NodeLine } from './plan.ts'
import { LIMIT, type NodeResult, type RunRecord } from './run.ts'

/**
 * Characters of all results together. 5,000 nodes with paths and a message of the database each come to about three million;
 * beyond it messages are left out first, then whole nodes.
 */
const MOST_CHARACTERS = 24 * 1024 * 1024
const MESSAGES_CHARACTERS = 16 * 1024 * 1024

export interface NodeCollector {
  /** In the order of attempts and of their parts. */
  add(attempt: number, line: NodeLine): void
  /** In order of their starts; those without a start are last. */
  finish(): { nodes: RunNode[] /** Results that found no room. */; dropped: number }
}

/** `fresh`: attempts up to this one were done again from the first step, and only their failures still count. */
export function collectNodes(fresh = 0): NodeCollector {
  const nodes = new Map<string, RunNode>()
  const failed = new Map<string, number[]>()
  let characters = 0
  let dropped = 0

  function keep(node: RunNode): void {
    const before = nodes.get(node.uniqueId)
    // A later step has the last word, whatever attempt it is of.
    if (before && before.step > node.step) return
    const plain = characters > MESSAGES_CHARACTERS ? withoutTexts(node) : node
    const size = sizeOf(plain) - (before ? sizeOf(before) : 0)
    if (characters + size > MOST_CHARACTERS || (!before && nodes.size >= LIMIT.nodes)) {
      dropped++
      return
    }
    characters += size
    nodes.set(node.uniqueId, plain)
  }

  return {
    add(attempt, { type: _, ...node }) {
      if (isFailing(node) && (failed.has(node.uniqueId) || failed.size < LIMIT.nodes)) {
        const attempts = failed.get(node.uniqueId) ?? []
        if (attempts.at(-1) !== attempt) failed.set(node.uniqueId, [...attempts, attempt])
      }
      if (attempt > fresh) keep({ ...node, attempt })
    },
    finish() {
      const all = [...nodes.values()].map(node => {
        const earlierFailures = (failed.get(node.uniqueId) ?? []).filter(attempt => attempt < node.attempt).length
        return earlierFailures ? { ...node, earlierFailures } : node
      })
      const start = ({ startedAt }: RunNode) => startedAt ?? '~'
      return { nodes: all.sort((a, b) => (start(a) < start(b) ? -1 : start(a) > start(b) ? 1 : 0)), dropped }
    },
  }
}

const isFailing = ({ status }: NodeResult) => status === 'error' || status === 'fail'

function withoutTexts(node: RunNode): RunNode {
  const { message: _, meta: __, tags: ___, owners: ____, ...rest } = node
  return rest
}

/** Of what can be long. */
function sizeOf({ uniqueId, name, message, path, relation, materialized, tags, owners, meta }: RunNode): number {
  const texts = [uniqueId, name, message, path, relation, materialized, ...(tags ?? []), ...(owners ?? [])]
  const words = Object.entries(meta ?? {}).flat()
  return [...texts, ...words].reduce((sum, text) => sum + (text?.length ?? 0), 0)
}

/** Failures that the record knows and the parts do not: an upload was given up. */
export function missingFailures(run: RunRecord, nodes: readonly RunNode[]): RunNode[] {
  const known = new Set(nodes.map(node => node.uniqueId))
  const failed = run.steps?.findLast(each => each.kind === 'dbt' && each.status === 'error')
  const place = { step: failed?.index ?? 0, attempt: failed?.attempt ?? Math.max(1, run.attempts.length) }
  return (run.failures ?? []).filter(node => !known.has(node.uniqueId)).map(node => ({ ...node, ...place }))
}

/** Foreign words in a message: what a node was told by the database, in one readable line. */
import { oneLine, plural, stripControls } from './format.ts'
import type { NodeResult } from './run.ts'

/** Longest texts in a message, in UTF-16 units: five failing nodes have to fit a phone. */
const MAX = { name: 100, words: 220, path: 120 } as const

export interface FailureLine {
  name: string
  /** The database's own words, or the rows a test found. */
  words: string
  path?: string
}

export function describeFailure(node: NodeResult): FailureLine {
  return {
    name: oneLine(node.name, MAX.name) || oneLine(node.uniqueId, MAX.name),
    words: foundRows(node) ?? databaseWords(node.message ?? node.status),
    ...(node.path && { path: oneLine(node.path, MAX.path) }),
  }
}

function foundRows(node: NodeResult): string | undefined {
  const counts = node.status === 'fail' || node.status === 'warn'
  return counts && node.resourceType === 'test' && node.failures !== undefined ? plural(node.failures, 'row') : undefined
}

/** Lines that dbt or the driver put around what the database said: the name again, the place in compiled code. */
const AROUND = [
  /^[\w ]+ Error in \w+ .*\(.*\)$/,
  /^(?:compiled code at|Compiled code at) /,
  /^LINE \d+:/,
  /^\s*\^+\s*$/,
  /^@@|^\+{3}|^-{3}$/,
]

/** `Conversion Error: Could not convert string "x" to DECIMAL(8,2)` out of the lines dbt makes of it. */
function databaseWords(message: string): string {
  const lines = stripControls(message.slice(0, 4 * MAX.words)).split('\n')
  const said = lines.filter(line => line.trim() && !AROUND.some(pattern => pattern.test(line.trim())))
  return oneLine((said.length ? said : lines).join(' '), MAX.words)
}

/** `1 model, 2 tests`: by dbt's word for each kind of node, in the order they first appear. */
export function countByType(nodes: readonly NodeResult[]): string {
  const counts = new Map<string, number>()
  for (const { resourceType } of nodes) counts.set(resourceType, (counts.get(resourceType) ?? 0) + 1)
  const word = (type: string) => (type === 'operation' ? 'hook' : oneLine(type.replaceAll('_', ' '), 30))
  return [...counts].map(([type, count]) => plural(count, word(type))).join(', ')
}

/** Which nodes the table shows, and in what order. Pure. */
import type { RunNode } from '../../shared/history-index.ts'
import type { NodeStatus } from '../../shared/run.ts'

export interface NodeFilter {
  status: string
  kind: string
  text: string
  sort: string
}
export const STATUSES = [
  ['bad', 'failed'],
  ['warn', 'warned'],
  ['skipped', 'skipped'],
  ['good', 'good'],
] as const
export const SORTS = [
  ['', 'worst first'],
  ['slow', 'slowest first'],
  ['start', 'as they started'],
  ['name', 'by name'],
] as const

export const readNodeFilter = (query: URLSearchParams): NodeFilter => ({
  status: query.get('status') ?? '',
  kind: query.get('kind') ?? '',
  text: query.get('q') ?? '',
  sort: query.get('sort') ?? '',
})

const RANK: Record<NodeStatus, number> = { error: 0, fail: 1, warn: 2, skipped: 3, success: 4, 'no-op': 5 }
const GROUP: Record<NodeStatus, string> = {
  error: 'bad',
  fail: 'bad',
  warn: 'warn',
  skipped: 'skipped',
  success: 'good',
  'no-op': 'good',
}

export function pickNodes(nodes: readonly RunNode[], { status, kind, text, sort }: NodeFilter): RunNode[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const picked = nodes.filter(
    node =>
      (!status || GROUP[node.status] === status) &&
      (!kind || node.resourceType === kind) &&
      (words.length === 0 || hasWords(node, words)),
  )
  return picked.sort(orderOf(sort))
}

function hasWords(node: RunNode, words: string[]): boolean {
  const text = [node.name, node.uniqueId, node.path, node.message, ...(node.owners ?? []), ...(node.tags ?? [])]
    .join(' ')
    .toLowerCase()
  return words.every(word => text.includes(word))
}

function orderOf(sort: string): (a: RunNode, b: RunNode) => number {
  const slow = (a: RunNode, b: RunNode) => (b.executionSeconds ?? 0) - (a.executionSeconds ?? 0)
  if (sort === 'slow') return slow
  if (sort === 'name') return (a, b) => a.name.localeCompare(b.name)
  if (sort === 'start') return (a, b) => (a.startedAt ?? '').localeCompare(b.startedAt ?? '')
  return (a, b) => RANK[a.status] - RANK[b.status] || slow(a, b)
}

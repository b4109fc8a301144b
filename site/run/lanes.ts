/** When each node ran, on which lane, and which chain of nodes the run waited for. Pure. */
import type { RunNode } from '../../shared/history-index.ts'

export interface Bar {
  node: RunNode
  /** Seconds after the first bar. */
  start: number
  end: number
  lane: number
}
export interface Timing {
  bars: Bar[]
  lanes: number
  /** Of the whole, seconds; `busy`: of all lanes together. */
  seconds: number
  busy: number
  /** ISO 8601. */
  from: string
}

/** Lanes are dbt's threads as far as times tell them: a node takes the first lane that is free when it starts. */
export function timingOf(nodes: readonly RunNode[]): Timing {
  const timed = nodes
    .flatMap(node => {
      const [start, end] = [Date.parse(node.startedAt ?? ''), Date.parse(node.endedAt ?? '')]
      return Number.isNaN(start) || Number.isNaN(end) || end < start ? [] : [{ node, start, end }]
    })
    .sort((a, b) => a.start - b.start || a.end - b.end)
  const zero = timed[0]?.start ?? 0
  const free: number[] = []
  const bars = timed.map(({ node, start, end }): Bar => {
    const found = free.findIndex(until => until <= start)
    const lane = found < 0 ? free.length : found
    free[lane] = end
    return { node, start: (start - zero) / 1000, end: (end - zero) / 1000, lane }
  })
  return {
    bars,
    lanes: free.length,
    seconds: Math.max(0, ...bars.map(bar => bar.end)),
    busy: bars.reduce((sum, bar) => sum + bar.end - bar.start, 0),
    from: new Date(zero).toISOString(),
  }
}

export interface Link {
  bar: Bar
  /** Seconds between the end of what it needs and its own start: it waited for a thread. */
  waited: number
}

/**
 * The chain that ended last, walked back over whatever ended last of what each node had to wait for: shortening anything else does
 * not make the run shorter. In order of time.
 */
export function criticalPath(bars: readonly Bar[], parents: Record<string, readonly string[]>): Link[] {
  const path: Link[] = []
  let bar = lastOf(bars)
  while (bar && path.length <= bars.length) {
    const { start } = bar
    const before = lastOf(waitedFor(bar, bars, parents).filter(each => each.end <= start + CLOCKS))
    path.unshift({ bar, waited: Math.max(0, start - (before?.end ?? 0)) })
    bar = before
  }
  return path
}

/** Seconds: the end of a node and the start of the next are told by two clocks of dbt. */
const CLOCKS = 0.05

const lastOf = (bars: readonly Bar[]) =>
  bars.reduce<Bar | undefined>((last, each) => (last && last.end >= each.end ? last : each), undefined)

/**
 * What dbt builds before a node: what it needs, and, in `dbt build`, the tests of all that and its own unit tests, as none of them
 * may fail. The manifest knows of the first alone.
 */
function waitedFor({ node }: Bar, bars: readonly Bar[], parents: Record<string, readonly string[]>): Bar[] {
  const tested = node.resourceType === 'unit_test' ? (parents[node.uniqueId] ?? []) : [node.uniqueId]
  const above = ancestorsOf(tested, parents)
  return bars.filter(({ node: { uniqueId, resourceType } }) => {
    const own = parents[uniqueId] ?? []
    if (uniqueId === node.uniqueId) return false
    if (resourceType === 'unit_test') return own.includes(node.uniqueId)
    return (
      above.has(uniqueId) ||
      (resourceType === 'test' && node.resourceType !== 'test' && own.length > 0 && own.every(id => above.has(id)))
    )
  })
}

function ancestorsOf(ids: readonly string[], parents: Record<string, readonly string[]>): Set<string> {
  const found = new Set<string>()
  const queue = [...ids]
  for (let next = queue.pop(); next !== undefined; next = queue.pop())
    for (const id of parents[next] ?? [])
      if (!found.has(id)) {
        found.add(id)
        queue.push(id)
      }
  return found
}

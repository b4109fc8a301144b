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
 * The chain that ended last, walked back over whatever ended last of what each node needs: shortening anything else does not
 * make the run shorter. In order of time.
 */
export function criticalPath(bars: readonly Bar[], parents: Record<string, readonly string[]>): Link[] {
  const byId = new Map(bars.map(bar => [bar.node.uniqueId, bar]))
  const path: Link[] = []
  let bar = bars.reduce<Bar | undefined>((last, each) => (last && last.end >= each.end ? last : each), undefined)
  while (bar && path.length <= bars.length) {
    const { start } = bar
    const before = lastOf(ran(bar.node.uniqueId, parents, byId).filter(each => each.end <= start + CLOCKS))
    path.unshift({ bar, waited: Math.max(0, start - (before?.end ?? 0)) })
    bar = before
  }
  return path
}

/** Seconds: the end of a node and the start of the next are told by two clocks of dbt. */
const CLOCKS = 0.05

const lastOf = (bars: Bar[]) =>
  bars.reduce<Bar | undefined>((last, each) => (last && last.end >= each.end ? last : each), undefined)

/** Parents that ran; ephemeral models in between are looked through. */
function ran(id: string, parents: Record<string, readonly string[]>, byId: Map<string, Bar>): Bar[] {
  const found: Bar[] = []
  const seen = new Set([id])
  const queue = [...(parents[id] ?? [])]
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (seen.has(next)) continue
    seen.add(next)
    const bar = byId.get(next)
    if (bar) found.push(bar)
    else queue.push(...(parents[next] ?? []))
  }
  return found
}

/** What a run that goes on has done so far, node by node, from its parts. */
import { useRef } from 'preact/hooks'
import type { RunNode } from '../../shared/history-index.ts'
import type { Progress } from '../../shared/plan.ts'
import { isFinal, type RunRecord } from '../../shared/run.ts'
import { readProgress } from '../server.ts'
import { type Loaded, useLoad } from '../use.ts'
import { loadNodes } from './load.ts'

export interface Results {
  /** In order of their ends while it goes on, else of their starts. */
  nodes: RunNode[]
  progress?: Progress
  /** Parts that were left out because there are too many; the results come when the run has ended. */
  leftOut: number
}

const EVERY = 3000

interface Feed {
  run: string
  attempt: number
  last: number
  leftOut: number
  nodes: Map<string, RunNode>
  progress?: Progress
}

/** `undefined` value while the record is not there. */
export function useResults(record: RunRecord | undefined): Loaded<Results> {
  const feed = useRef<Feed>(undefined)
  const final = record !== undefined && isFinal(record.status)
  return useLoad<Results>(
    async signal => {
      if (!record) return { nodes: [], leftOut: 0 }
      const nodes = final ? await loadNodes(record) : undefined
      if (nodes) return { nodes, leftOut: 0 }
      feed.current = await readFeed(feed.current, record, signal)
      const { progress, leftOut } = feed.current
      return { nodes: [...feed.current.nodes.values()], leftOut, ...(progress && { progress }) }
    },
    ['results', record?.id, record?.attempts.length, final],
    { every: () => !final && EVERY },
  )
}

async function readFeed(before: Feed | undefined, record: RunRecord, signal: AbortSignal): Promise<Feed> {
  const attempt = record.attempts.length
  const same = before?.run === record.id
  const feed: Feed =
    same && before.attempt === attempt
      ? before
      : { run: record.id, attempt, last: 0, leftOut: 0, nodes: same ? before.nodes : new Map() }
  if (attempt === 0) return feed
  // A run that is opened in its second attempt has results of the first.
  for (let number = same ? attempt : 1; number <= attempt; number++) {
    const found = await readProgress(record.id, number, number === attempt ? feed.last : 0, signal)
    for (const node of found.nodes) {
      // Later results of a node take the place of earlier ones, at the end.
      feed.nodes.delete(node.uniqueId)
      feed.nodes.set(node.uniqueId, node)
    }
    feed.leftOut += found.leftOut
    if (number === attempt) feed.last = found.last
    if (found.progress) feed.progress = found.progress
  }
  return feed
}

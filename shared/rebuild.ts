/** What a run did, from its parts alone: for a runner that died before it could write its result. */
import type { LogLine, PartLine } from './plan.ts'
import { type Commit, LIMIT, NO_NODES, type NodeCounts, type NodeResult, type StepResult } from './run.ts'

export interface Rebuilt {
  counts: NodeCounts
  failures: NodeResult[]
  steps: StepResult[]
  /** The last result of each node in each step. */
  nodes: StepNode[]
  commit?: Commit
  /** The last lines of the log, in order. */
  lastLines: LogLine[]
}

export interface StepNode {
  step: number
  node: NodeResult
}

/** Lines by which the rest of the log in CloudWatch is joined. */
const KEPT_LINES = 50

export interface Rebuilder {
  add(line: PartLine): void
  finish(): Rebuilt
}

/** Takes lines in order; keeps one status per node and step, so that memory does not grow with the log. */
export function makeRebuilder(): Rebuilder {
  const nodes = new Map<string, StepNode>()
  let steps: StepResult[] = []
  let commit: Commit | undefined
  const lastLines: LogLine[] = []
  return {
    add(line) {
      if (line.type === 'progress') {
        steps = line.steps
        commit = line.commit ?? commit
      } else if (line.type === 'log') {
        lastLines.push(line)
        if (lastLines.length > 2 * KEPT_LINES) lastLines.splice(0, KEPT_LINES)
      } else {
        const { type: _, step, ...node } = line
        const key = `${step} ${node.uniqueId}`
        if (nodes.size < LIMIT.nodes || nodes.has(key)) nodes.set(key, { step, node })
      }
    },
    finish() {
      const all = [...nodes.values()]
      // A node that a later step did again counts as it was last.
      const results = [...new Map(all.map(({ node }) => [node.uniqueId, node])).values()]
      return {
        counts: countNodes(results),
        failures: results.filter(node => node.status === 'error' || node.status === 'fail').slice(0, LIMIT.failures),
        steps: steps.map(step =>
          interrupt(
            step,
            all.filter(each => each.step === step.index).map(each => each.node),
          ),
        ),
        nodes: all,
        ...(commit && { commit }),
        lastLines: lastLines.slice(-KEPT_LINES),
      }
    },
  }
}

/** A step that was running when the runner died did not end well. */
function interrupt(step: StepResult, nodes: readonly NodeResult[]): StepResult {
  const counts = nodes.length > 0 ? { counts: countNodes(nodes) } : {}
  return step.status === 'running' ? { ...step, ...counts, status: 'error' } : { ...counts, ...step }
}

export function countNodes(nodes: readonly NodeResult[]): NodeCounts {
  const counts = { ...NO_NODES }
  for (const node of nodes) counts[node.status]++
  return counts
}

/** A line of the runner's stdout as the parts have it: it begins with its moment, which is earlier than CloudWatch's. */
export function parseOutputLine(message: string, timestamp: number): Pick<LogLine, 'at' | 'text'> {
  const [, at, text = ''] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)(?: (.*))?$/s.exec(message.replace(/\n$/, '')) ?? []
  return at === undefined ? { at: new Date(timestamp).toISOString(), text: message.replace(/\n$/, '') } : { at, text }
}

/**
 * The lines of CloudWatch that the parts do not have: everything behind the last place where the end of the parts is
 * found. Without such a place (nothing was uploaded, or CloudWatch lost lines) what is later than the last part.
 */
export function linesBehind(parts: readonly LogLine[], cloudWatch: readonly LogLine[]): LogLine[] {
  for (let length = Math.min(parts.length, KEPT_LINES); length > 0; length--) {
    const end = parts.slice(-length).map(line => line.text.trimEnd())
    for (let at = cloudWatch.length - length; at >= 0; at--)
      if (end.every((text, index) => cloudWatch[at + index]?.text.trimEnd() === text)) return cloudWatch.slice(at + length)
  }
  const last = parts.at(-1)?.at
  return last === undefined ? [...cloudWatch] : cloudWatch.filter(line => line.at > last)
}

/** What dbt has said about a step so far: nodes running and finished, and the texts that explain a failure. */
import type { NodeResult } from '../../shared/run.ts'
import type { DbtEvent } from './dbt-events.ts'
import { numberOf, recordOf, stringOf } from './dbt-events.ts'
import { nodeOfEvent } from './node-result.ts'

/** How far dbt came; tells a profile that is wrong from a project that does not parse and a warehouse that refuses. */
export type DbtPhase = 'started' | 'profile-read' | 'parsed' | 'running'

export interface Ledger {
  /** Takes an event; gives the node back that it finished. */
  take(event: DbtEvent): NodeResult | undefined
  nodes(): NodeResult[]
  progress(): { done: number; total: number; running: string[] }
  /** Nodes of the step as dbt counts them (without hooks and ephemeral models); 0 until it says so. */
  selected(): number
  phase(): DbtPhase
  /** dbt's words for why it ended, best first. */
  errors(): string[]
  /** The first warnings that are about no node. */
  warnings(): string[]
  dbtVersion(): string | undefined
}

/** Texts kept for a message. */
const KEPT_ERRORS = 5
const RUNNING_SHOWN = 20

const ORDER: DbtPhase[] = ['started', 'profile-read', 'parsed', 'running']

export function createLedger(pathOf: (uniqueId: string, nodePath: string | undefined) => string | undefined): Ledger {
  const finished = new Map<string, NodeResult>()
  const running = new Map<string, string>()
  const fatal: string[] = []
  const other: string[] = []
  const warned: string[] = []
  /** Why a node failed, told before its end (2.x; 1.x tells it with the end). */
  const reasons = new Map<string, string>()
  const phases: Record<string, DbtPhase> = { AdapterRegistered: 'profile-read', FoundStats: 'parsed', NodeStart: 'running' }
  let phase: DbtPhase = 'started'
  let total = 0
  let version: string | undefined

  function finish(data: DbtEvent['data']): NodeResult | undefined {
    const node = nodeOfEvent(data, pathOf, id => reasons.get(id))
    if (!node) return undefined
    running.delete(node.uniqueId)
    reasons.delete(node.uniqueId)
    finished.set(node.uniqueId, node)
    return node
  }

  return {
    take({ name, level, text, data }) {
      // 2.x tells of a parsed project only by its manifest, which it writes after an error too.
      const next = phases[name] ?? (name === 'ArtifactWritten' && fatal.length + other.length === 0 ? 'parsed' : phase)
      if (ORDER.indexOf(next) > ORDER.indexOf(phase)) phase = next
      total = Math.max(total, numberOf(data.total) ?? 0)
      const info = recordOf(data.node_info)
      const id = stringOf(info.unique_id)
      if (name === 'NodeStart' && id) running.set(id, stringOf(info.node_name) ?? id)
      if (name === 'MainReportVersion') version = stringOf(data.version)?.replace(/^=/, '')
      if (name === 'MainEncounteredError' || name === 'RunningOperationCaughtError')
        push(fatal, text.replace(/^(\[ERROR\]: )?Encountered an error( while running operation)?:\s*/, ''))
      else if (name === 'DebugCmdResult' && /\bfail|\berror/i.test(text) && !/^\d+ checks? failed:\s*$/.test(text))
        push(fatal, withoutAdvice(text))
      else if (level === 'error' && name !== 'MainStackTrace') {
        push(other, withoutAdvice(text))
        if (id) reasons.set(id, text)
      } else if (name === 'Text' && /error|exception|not found|invalid/i.test(text)) push(other, text)
      else if (level === 'warn' && !id) push(warned, text)
      return name === 'NodeFinished' ? finish(data) : undefined
    },
    nodes: () => [...finished.values()],
    progress: () => ({
      done: finished.size,
      total: Math.max(total, finished.size),
      running: [...running.values()].slice(0, RUNNING_SHOWN),
    }),
    selected: () => total,
    phase: () => phase,
    errors: () => [...fatal, ...other],
    warnings: () => warned,
    dbtVersion: () => version,
  }
}

/** What `dbt debug` says around the words of the database; 2.x says it in every command. */
const withoutAdvice = (text: string) =>
  text
    .replace(
      /dbt was unable to connect to the specified database\.\s*(The database returned the following error|The following error was returned):\s*>?/,
      '',
    )
    .replace(/\s*Check your database credentials and try again\.[\s\S]*$/, '')
    .trim()

function push(list: string[], text: string): void {
  if (list.length < KEPT_ERRORS && text.trim() !== '') list.push(text.trim())
}

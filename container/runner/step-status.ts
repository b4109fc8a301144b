/** The status of a dbt step: from its results first, then what it said while running, then its exit code. Pure. */
import { LIMIT, type NodeCounts, type NodeResult } from '../../shared/run.ts'
import type { ChildExit } from './child.ts'
import type { DbtAbilities } from './dbt-command.ts'
import { nodeWords, plainWords, sentence } from './error-words.ts'
import type { Failure } from './failure.ts'
import type { DbtPhase } from './ledger.ts'
import { countNodes, isFailing, isTest } from './node-result.ts'
import { type StopCause, timeWords } from './stop.ts'

export interface StepEvidence {
  /** Command words, e.g. `build`. */
  command: string
  abilities: DbtAbilities
  exit: ChildExit
  stop: StopCause | undefined
  /** Of the step's own artifact, proven by its stamp. */
  results: NodeResult[] | undefined
  ledger: NodeResult[]
  running: string[]
  /** What ran when the run was told to stop. */
  interrupted?: string[] | undefined
  phase: DbtPhase
  errors: string[]
  /** Warnings that are about no node. */
  warnings?: string[]
  /** The kernel killed something of ours for memory, or the peak came near the limit. */
  memory: { exhausted: boolean; text: string }
  /** Free space of the work folder is nearly gone. */
  diskFull: boolean
}

export interface StepVerdict {
  status: 'success' | 'warn' | 'error' | 'cancelled'
  failure?: Failure
  /** For a warning: what was warned about. */
  message?: string
  nodes: NodeResult[]
  counts: NodeCounts
}

export function judgeStep(evidence: StepEvidence): StepVerdict {
  const nodes = mergeNodes(evidence.results, evidence.ledger)
  const base = { nodes, counts: countNodes(nodes) }
  const failure = failureOf(evidence, nodes)
  if (failure) {
    const status = failure.reason === 'user_cancelled' ? 'cancelled' : 'error'
    return { ...base, status, failure: { ...failure, message: failure.message.slice(0, LIMIT.message) } }
  }
  const warned = nodes.filter(node => node.status === 'warn')
  if (warned.length > 0) return { ...base, status: 'warn', message: `${plural(warned.length, 'warning')}: ${firstNode(warned)}` }
  return { ...base, status: 'success' }
}

/**
 * Statuses of the artifact; details that only the events have (path, times) and nodes that it leaves out from the ledger:
 * sources.json has no source whose query failed, and after an interrupt run_results.json lacks what was running.
 */
function mergeNodes(results: NodeResult[] | undefined, ledger: NodeResult[]): NodeResult[] {
  if (!results) return ledger
  const told = new Map(ledger.map(node => [node.uniqueId, node]))
  const merged = results.map(node => ({ ...told.get(node.uniqueId), ...node, name: told.get(node.uniqueId)?.name ?? node.name }))
  for (const { uniqueId } of results) told.delete(uniqueId)
  return [...merged, ...told.values()]
}

function failureOf(evidence: StepEvidence, nodes: NodeResult[]): Failure | undefined {
  const { exit, stop, command, errors } = evidence
  if (exit.startError) return { reason: 'internal', message: `dbt could not be started: ${exit.startError.message}` }
  if (stop && !ended(evidence)) return stopFailure(stop, evidence)
  if (exit.signal && !exit.killed) return killedFailure(evidence)
  const failing = nodes.filter(node => isFailing(node.status))
  const full =
    exit.code !== 0 &&
    (evidence.diskFull ||
      [...errors, ...failing.map(n => n.message ?? '')].some(text =>
        /No space left on device|ENOSPC|disk quota exceeded/i.test(text),
      ))
  if (full)
    return { reason: 'disk_full', message: `The disk was full while dbt ${command} ran. dbt: ${firstOf(errors, failing)}` }
  if (command === 'source freshness' && failing.length > 0)
    return {
      reason: 'freshness',
      message: `${plural(failing.length, 'source')} did not pass the freshness check. ${firstNode(failing)}`,
    }
  if (exit.code === 0) return contradictionOfSuccess(evidence, failing)
  if (failing.length > 0) return nodesFailure(nodes, failing)
  if (evidence.results && evidence.abilities.executes && evidence.results.length > 0)
    return {
      reason: 'inconsistent',
      message: `dbt ${command} ended with exit code ${exit.code}, although none of its results is a failure.${said(errors)}`,
    }
  return fatalFailure(evidence)
}

/** dbt was done before the stop could matter. */
const ended = ({ exit, results, running, abilities }: StepEvidence) =>
  exit.code === 0 && running.length === 0 && (abilities.writes === undefined || results !== undefined)

function stopFailure(stop: StopCause, evidence: StepEvidence): Failure {
  const running = evidence.interrupted ?? evidence.running
  const at = running.length > 0 ? ` while building ${running.slice(0, 3).join(', ')}` : ''
  const hard = evidence.exit.killed ? ' It did not react to the interrupt and was killed.' : ''
  if (stop.kind === 'timeout')
    return {
      reason: 'timeout',
      message: `dbt ${evidence.command} was stopped${at}: ${timeWords(stop)} had passed.${hard}`,
    }
  return {
    reason: 'user_cancelled',
    message: `dbt ${evidence.command} was stopped${at}: the task received ${stop.signal}.${hard}`,
  }
}

function killedFailure({ exit, command, memory, running }: StepEvidence): Failure {
  const at = running.length > 0 ? ` while building ${running.slice(0, 3).join(', ')}` : ''
  if (exit.signal === 'SIGKILL' && memory.exhausted)
    return { reason: 'out_of_memory', message: `dbt ${command} was stopped for lack of memory${at} (${memory.text}).` }
  return {
    reason: 'infrastructure',
    message: `dbt ${command} was ended by ${exit.signal}${at}, which nobody here had sent (${memory.text}).`,
  }
}

function contradictionOfSuccess(
  { command, abilities, results, ledger, errors, warnings = [] }: StepEvidence,
  failing: NodeResult[],
): Failure | undefined {
  const inconsistent = (what: string): Failure => ({
    reason: 'inconsistent',
    message: `dbt ${command} ended with exit code 0, but ${what}.${said(errors)}`,
  })
  if (abilities.executes && failing.length > 0)
    return inconsistent(`its results show ${plural(failing.length, 'failure')}: ${firstNode(failing)}`)
  // dbt 2.x goes past a command that it does not have yet.
  const unhandled = warnings.find(text => /Unhandled command|is not supported/.test(text))
  if (abilities.writes && !results && unhandled)
    return { reason: 'command_refused', message: `This dbt does not do \`dbt ${command}\`: ${plainWords(unhandled)}` }
  if (abilities.writes && !results) return inconsistent(`it left no ${abilities.writes} of this step`)
  const told = abilities.executes ? ledger.filter(node => isFailing(node.status)) : []
  if (told.length > 0) return inconsistent(`reported ${plural(told.length, 'failure')} while running: ${firstNode(told)}`)
  return undefined
}

/** Each kind by itself, `1 of 9 models and 2 of 14 tests failed.`: dbt counts tests as nodes too, people do not. */
function nodesFailure(nodes: NodeResult[], failing: NodeResult[]): Failure {
  const kindOf = (node: NodeResult) => (isTest(node) ? 'test' : node.resourceType)
  const countOf = (of: NodeResult[], kind: string) => of.filter(node => kindOf(node) === kind).length
  const ordered = [...failing.filter(node => !isTest(node)), ...failing.filter(isTest)]
  const parts = [...new Set(ordered.map(kindOf))].map(
    kind => `${countOf(failing, kind)} of ${plural(countOf(nodes, kind), kind)}`,
  )
  const reason = failing.every(isTest) ? 'test_failures' : 'node_failures'
  return { reason, message: `${parts.join(' and ')} failed. ${firstNode(ordered)}` }
}

/** dbt ended before it ran anything: how far it came tells what is wrong. */
function fatalFailure({ command, exit, phase, errors }: StepEvidence): Failure {
  const raw = errors[0] ?? `exit code ${exit.code} without a word`
  const words = sentence(plainWords(raw))
  if (command === 'debug') return { reason: 'profile_error', message: `dbt debug found something wrong: ${words}` }
  if (command === 'deps') return { reason: 'deps_failed', message: `dbt deps could not install the packages: ${words}` }
  if (
    phase === 'started' &&
    /^(Usage:|[Ee]rror: )|No such (option|command)|Got unexpected extra argument|is not a valid command/m.test(errors.join('\n'))
  )
    return {
      reason: 'command_refused',
      message: `dbt does not take the command "dbt ${command}" as it stands in the job: ${words}`,
    }
  if (/is not installed|dbt deps/.test(raw) && phase === 'profile-read')
    return { reason: 'deps_failed', message: `dbt ${command} needs packages that are not installed: ${words}` }
  if (phase === 'started' && !/dbt_project\.yml|project config|^ *--> (?!.*profiles\.yml)/im.test(raw))
    return { reason: 'profile_error', message: `dbt ${command} could not read its profile: ${words} Nothing was built.` }
  if (phase === 'started' || phase === 'profile-read')
    return { reason: 'parse_error', message: `dbt could not parse the project: ${words} Nothing was built.` }
  if (command === 'run-operation') return { reason: 'node_failures', message: `dbt run-operation failed: ${words}` }
  return phase === 'parsed'
    ? { reason: 'profile_error', message: `dbt ${command} could not work with the warehouse: ${words} Nothing was built.` }
    : { reason: 'inconsistent', message: `dbt ${command} ended with exit code ${exit.code} and left no results. dbt: ${words}` }
}

const firstNode = ([node]: NodeResult[]) =>
  node ? `${node.name}: ${nodeWords(node.message ?? rowsOf(node) ?? node.status)}${node.path ? ` (${node.path})` : ''}` : ''
const rowsOf = ({ failures }: NodeResult) => (failures ? plural(failures, 'row') : undefined)
const firstOf = (errors: string[], failing: NodeResult[]) => (errors[0] ? plainWords(errors[0]) : firstNode(failing))
const said = (errors: string[]) => (errors[0] ? ` dbt: ${plainWords(errors[0])}` : '')
const plural = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`

/** What we know of dbt's commands, and how each is called. Nothing else in the runner asks which command it is. */
import type { PlanStep } from '../../shared/plan.ts'
import type { DbtEngine } from './engine.ts'

export interface DbtAbilities {
  /** It runs nodes: its results count for the run. */
  executes: boolean
  /** The artifact that it must leave behind. */
  writes?: 'run_results.json' | 'sources.json'
  /** It takes `--target-path`. */
  targetPath: boolean
}

const executes: DbtAbilities = { executes: true, writes: 'run_results.json', targetPath: true }
const reads: DbtAbilities = { executes: false, targetPath: true }

/** By the first one or two words after `dbt`; the same in 1.x and 2.x. A command that is not here only has its exit code. */
const COMMANDS: Record<string, DbtAbilities> = {
  build: executes,
  run: executes,
  test: executes,
  seed: executes,
  snapshot: executes,
  retry: executes,
  clone: executes,
  'run-operation': { executes: true, targetPath: true },
  compile: { ...reads, writes: 'run_results.json' },
  'docs generate': reads,
  'source freshness': { ...reads, writes: 'sources.json' },
  parse: reads,
  deps: { executes: false, targetPath: false },
  debug: { executes: false, targetPath: false },
}

/** Command words of a step, e.g. `source freshness`. */
export function commandOf(args: readonly string[]): string {
  const two = args.slice(0, 2).join(' ')
  return COMMANDS[two] ? two : (args[0] ?? '')
}
export const abilitiesOf = (args: readonly string[]): DbtAbilities => COMMANDS[commandOf(args)] ?? reads

/** Options that make `build` leave nodes out; its manifest then lacks their compiled code. */
const SELECTING = /^(--(select|models?|exclude|selector|resource-types?|exclude-resource-types?)(=.*)?|-[sm].*)$/

/** Whether docs can take the compiled code from this step. */
export const compilesAll = (args: readonly string[]) => args[0] === 'build' && !args.slice(1).some(arg => SELECTING.test(arg))

/** Options that choose what is done with the parsed project, each with the words that belong to it. */
const AFTER_PARSE =
  /^(--(select|models?|exclude|selector|resource-types?|exclude-resource-types?|threads|fail-fast|no-compile)(=.*)?|-[smx].*)$/

/** The rest: commands of the same project with the same ones parse it to the same manifest. */
export function parseOptions(words: readonly string[]): string {
  const kept: string[] = []
  let keep = false
  for (const word of words.slice(words.findIndex(word => word.startsWith('-')))) {
    if (word.startsWith('-')) keep = !AFTER_PARSE.test(word)
    if (keep) kept.push(word)
  }
  return JSON.stringify(kept)
}

/** The words of a dbt step's own command, for the built-in steps as well. */
export function wordsOf(step: PlanStep): string[] {
  if (step.args.length > 0) return step.args
  const builtIn: Record<string, string[]> = { deps: ['deps'], freshness: ['source', 'freshness'], docs: ['docs', 'generate'] }
  return builtIn[step.kind] ?? []
}

/** The step as a person would type it. */
export function shownCommand(step: PlanStep): string {
  if (step.kind === 'checkout') return 'git checkout'
  return ['dbt', ...wordsOf(step)]
    .map(word => (/^[\w@%+=:,./*-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ')
}

/**
 * All arguments of a dbt process. Ours stand last, where they win over the step's own. Events go to stdout as JSON at level
 * debug: only there is NodeFinished, with each node's message and timing. dbt's own log file would say the same again.
 */
export function dbtArguments(
  words: readonly string[],
  paths: { project: string; profiles: string; target: string; log: string },
  target: string | undefined,
  { plainLog }: Pick<DbtEngine, 'plainLog'>,
): string[] {
  return [
    ...words,
    ...(target && !words.some(word => /^(--target|-t)(=|$)/.test(word)) ? ['--target', target] : []),
    '--project-dir',
    paths.project,
    '--profiles-dir',
    paths.profiles,
    ...(abilitiesOf(words).targetPath ? ['--target-path', paths.target] : []),
    '--log-path',
    paths.log,
    '--log-format',
    'json',
    '--log-level',
    'debug',
    ...plainLog,
  ]
}

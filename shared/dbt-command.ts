/** A dbt command line as people type it: split without a shell, checked, and named for S3 keys. */
import { parse } from 'yaml'
import { COMMANDS, type CommandRow, OWNED_FLAGS, REFUSED_COMMANDS, VALUE_FLAGS } from './dbt-commands.ts'
import { splitWords } from './dbt-words.ts'
import { type Refusal, refuse } from './refusal.ts'
import { meant } from './suggest.ts'

export interface DbtCommand {
  /** `build`, `source freshness`. */
  command: string
  /** Words after `dbt`. */
  args: string[]
  /** What works, but is seldom meant. */
  warnings: string[]
}

/** Reads one step. The refusal is a sentence that says what to write. */
export function parseDbtCommand(line: string): DbtCommand | Refusal {
  const words = splitWords(line)
  if ('refused' in words) return words
  const [program = '', ...args] = words
  if (program !== 'dbt') return refuse(notDbt(program))
  const command = findCommand(args)
  if ('refused' in command) return command
  for (const word of args) {
    const flag = word.split('=')[0] ?? ''
    const why = OWNED_FLAGS[flag]
    if (why) return refuse(`${flag} is not for a step: ${why}`)
  }
  const vars = args.find((word, i) => word.startsWith('--vars=') || args[i - 1] === '--vars')
  if (vars && !readVars(vars.replace(/^--vars=/, ''))) return refuse("--vars needs a map, e.g. --vars '{day: 2027-01-31}'")
  return { command: command.name, args, warnings: warningsOf(command.name, args) }
}

function notDbt(program: string): string {
  if (!program) return 'is empty; write a dbt command, e.g. dbt build'
  if (/^\w+=/.test(program)) return `"${program}": there is no shell; put variables in \`variables\` of the environment`
  if (COMMANDS.some(row => row.name.split(' ')[0] === program)) return `begins with dbt: write "dbt ${program} …"`
  return `begins with "${program}"; a step is a dbt command, e.g. dbt build`
}

/** The command is the first word that is neither a flag nor the value of one. */
function findCommand(args: readonly string[]): CommandRow | Refusal {
  const words: string[] = []
  for (let i = 0; i < args.length && words.length < 2; i++) {
    const word = args[i] ?? ''
    if (!word.startsWith('-')) words.push(word)
    else if (words.length === 0 && VALUE_FLAGS.has(word)) i++
    else if (words.length) break
  }
  const [first = '', second = ''] = words
  const both = `${first} ${second}`
  const refused = REFUSED_COMMANDS[both] ?? REFUSED_COMMANDS[first]
  if (refused) return refuse(`makes no sense in a job: ${refused}`)
  const row = COMMANDS.find(each => each.name === both || each.name === first || each.aliases?.includes(first))
  if (row) return row
  const groups = COMMANDS.filter(each => each.name.startsWith(`${first} `)).map(each => each.name)
  if (groups.length) return refuse(`needs a second word: ${groups.map(name => `dbt ${name}`).join(', ')}`)
  return refuse(
    first
      ? `is not a dbt command${meant(
          first,
          COMMANDS.map(each => each.name),
        )}`
      : 'names no dbt command, e.g. dbt build',
  )
}

function warningsOf(command: string, args: readonly string[]): string[] {
  const warnings: string[] = []
  const note = COMMANDS.find(row => row.name === command)?.note
  if (note) warnings.push(note)
  if (args.includes('--empty')) warnings.push('--empty builds every model without rows')
  return warnings
}

/**
 * The words of a step with what a request asks for: `--full-refresh` where the command takes it, and variables merged
 * over those of the step's own `--vars` (dbt takes the last `--vars` alone, so two would lose the first).
 */
export function withOverrides(
  args: readonly string[],
  wanted: { fullRefresh?: boolean; vars?: Record<string, unknown> },
): string[] {
  const row = findCommand(args)
  const refresh = wanted.fullRefresh && 'name' in row && row.fullRefresh && !args.includes('--full-refresh')
  const words = [...args, ...(refresh ? ['--full-refresh'] : [])]
  if (!wanted.vars || Object.keys(wanted.vars).length === 0) return words
  const { vars, rest } = takeVars(words)
  return [...rest, '--vars', JSON.stringify({ ...vars, ...wanted.vars })]
}

/** The words of a step with variables that its own `--vars` win over. */
export function withDefaultVars(args: readonly string[], defaults: Record<string, unknown>): string[] {
  if (Object.keys(defaults).length === 0) return [...args]
  const { vars, rest } = takeVars(args)
  return [...rest, '--vars', JSON.stringify({ ...defaults, ...vars })]
}

function takeVars(words: readonly string[]): { vars: Record<string, unknown>; rest: string[] } {
  let vars: Record<string, unknown> = {}
  const rest: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '--vars') vars = readVars(words[++i] ?? '') ?? {}
    else if (word.startsWith('--vars=')) vars = readVars(word.slice('--vars='.length)) ?? {}
    else rest.push(word)
  }
  return { vars, rest }
}

/** dbt reads the value as YAML and wants a map. */
function readVars(text: string): Record<string, unknown> | undefined {
  try {
    const vars: unknown = parse(text)
    return typeof vars === 'object' && vars !== null && !Array.isArray(vars) ? (vars as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Only commands that look and change nothing: such a job does no work. */
export const onlyLooks = (commands: readonly DbtCommand[]): boolean =>
  commands.length > 0 && commands.every(({ command }) => COMMANDS.find(row => row.name === command)?.looks)

/** Names of steps for S3 keys and tables: `build`, and `test-2` for the second `dbt test`. */
export function stepNames(commands: readonly string[]): string[] {
  const seen = new Map<string, number>()
  return commands.map(command => {
    const name = command.replaceAll(' ', '-')
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    return count === 1 ? name : `${name}-${count}`
  })
}

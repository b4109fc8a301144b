/** A dbt command line as people type it: split without a shell, checked, and named for S3 keys. */
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

/** From the words typed to an exit code: builds the parser from the table of commands and shows results and errors. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Argument } from 'commander'
import { CommanderError, InvalidArgumentError, Command as Parser, Option as ParserOption } from 'commander'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Command, Context, GlobalOptions, Input, Outcome } from './command.ts'
import type { Effects } from './effects.ts'
import { pasteable } from './pasteable.ts'
import { makeStyle, wantsColor } from './style.ts'

/** Answers the exit code; the only place that writes errors. */
export async function runProgram(commands: Command[], argv: string[], effects: Effects): Promise<number> {
  const json = argv.includes('--json')
  const paste = pasteable(commands, argv)
  try {
    const outcome: { value: Outcome | undefined } = { value: undefined }
    const parser = buildParser(commands, effects, async (command, globals, input) => {
      outcome.value = await command.run(makeContext(effects, globals, paste), input)
    })
    if (argv.length === 0) parser.outputHelp()
    else await parser.parseAsync(argv, { from: 'user' })
    if (outcome.value) showOutcome({ ...outcome.value, lines: outcome.value.lines.map(paste) }, json, effects)
    return outcome.value?.exitCode ?? EXIT.ok
  } catch (error) {
    return showError(error, { json, color: !argv.includes('--no-color'), command: wordsOf(commands, argv), paste }, effects)
  }
}

const wordOf = (argument: Argument) => (argument.required ? `<${argument.name()}>` : `[${argument.name()}]`)

type Act = (command: Command, globals: GlobalOptions, input: Input) => Promise<void>

function buildParser(commands: Command[], effects: Effects, act: Act): Parser {
  const program = new Parser('tidemill')
  program
    .description('Runs dbt in production on your own AWS account, with no server to keep.')
    .version(readVersion(effects.packageRoot), '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: text => effects.stdout.write(text),
      // Errors are shown by showError, in one form for people and for --json.
      writeErr: () => {},
      getOutHelpWidth: () => Math.min(effects.stdout.columns, 100),
      getOutHasColors: () => false,
    })
    .showHelpAfterError(false)
    .configureHelp({ subcommandTerm: command => [command.name(), ...command.registeredArguments.map(wordOf)].join(' ') })
  addGlobals(program)
  program.addHelpText(
    'after',
    '\nWhere to begin: tidemill init, then tidemill validate, then tidemill local up or tidemill deploy.',
  )
  for (const command of commands) addCommand(program, command, act)
  return program
}

/** What commands of two words are about. */
const GROUPS: Record<string, string> = {
  local: 'the cloud on this machine',
  config: 'the configurations that were deployed',
  history: 'what is kept of the runs',
}

function addCommand(program: Parser, command: Command, act: Act) {
  const [first = '', ...rest] = command.usage.split(' ')
  const path = [first, ...rest.filter(word => /^[a-z]/.test(word))]
  const words = rest.filter(word => !/^[a-z]/.test(word))
  let parent = program
  for (const name of path.slice(0, -1)) {
    const group = parent.commands.find(candidate => candidate.name() === name)
    parent = group ?? parent.command(name).helpCommand(false).exitOverride().copyInheritedSettings(program)
  }
  const parser = parent.command([path.at(-1), ...words].join(' '))
  if (parent !== program)
    parent.description(`${parent.commands.map(each => each.name()).join(', ')}: ${GROUPS[parent.name()] ?? ''}`)
  parser.copyInheritedSettings(program).exitOverride().description(command.summary)
  for (const option of command.options) {
    const spec = new ParserOption(option.flags, option.text)
    if (option.many) spec.argParser((value: string, previous: string[] | undefined) => [...(previous ?? []), value])
    parser.addOption(spec)
  }
  addGlobals(parser)
  if (command.examples?.length)
    parser.addHelpText('after', `\nExamples:\n${command.examples.map(line => `  ${line}`).join('\n')}`)
  const names = words.map(word => word.replace(/[[\]<>.]/g, ''))
  parser.action(async (...args: unknown[]) => {
    const typed: Record<string, string | undefined> = {}
    names.forEach((name, i) => {
      typed[name] = typeof args[i] === 'string' ? args[i] : undefined
    })
    const options = parser.optsWithGlobals()
    await act(command, readGlobals(options), { words: typed, options })
  })
}

/** They may stand before or after the name of the command. */
function addGlobals(parser: Parser) {
  const text = (value: string) => {
    if (!value) throw new InvalidArgumentError('It is empty.')
    return value
  }
  parser
    .optionsGroup('Everywhere:')
    .addOption(new ParserOption('--config <path>', 'tidemill.yml (default: here or in a folder above)').argParser(text))
    .addOption(new ParserOption('--installation <name>', 'which installation, where there is no tidemill.yml').argParser(text))
    .option('--local', 'the cloud on this machine (or TIDEMILL_LOCAL=1)')
    .addOption(new ParserOption('--profile <name>', 'AWS profile').argParser(text))
    .addOption(new ParserOption('--region <name>', 'AWS region').argParser(text))
    .option('--json', 'one JSON document on stdout')
    .option('--no-color', 'no colours (or NO_COLOR=1)')
}

function readGlobals(options: Record<string, unknown>): GlobalOptions {
  const text = (name: string) => (typeof options[name] === 'string' ? { [name]: options[name] } : {})
  return {
    ...text('config'),
    ...text('installation'),
    ...text('profile'),
    ...text('region'),
    local: options.local === true,
    json: options.json === true,
    color: options.color !== false,
  }
}

function makeContext(effects: Effects, globals: GlobalOptions, paste: (line: string) => string): Context {
  const sink = globals.json ? effects.stderr : effects.stdout
  return {
    effects,
    globals,
    style: makeStyle(wantsColor(sink.isTTY, effects.env, globals.color)),
    say: line => sink.write(`${paste(line)}\n`),
    paste,
  }
}

/** The beginning of what was typed that names a command. */
function wordsOf(commands: Command[], argv: string[]): string {
  const typed = argv.filter(word => !word.startsWith('-'))
  const known = (words: string[]) => commands.some(({ usage }) => `${usage} `.startsWith(`${words.join(' ')} `))
  const count = [2, 1].find(length => typed.length >= length && known(typed.slice(0, length))) ?? 0
  return typed
    .slice(0, count)
    .map(word => ` ${word}`)
    .join('')
}

function showOutcome(outcome: Outcome, json: boolean, effects: Effects) {
  if (json) effects.stdout.write(`${JSON.stringify(outcome.document, null, effects.stdout.isTTY ? 2 : undefined)}\n`)
  else if (outcome.lines.length > 0) effects.stdout.write(`${outcome.lines.join('\n')}\n`)
}

interface Shown {
  json: boolean
  color: boolean
  /** The command that was typed, as far as it is one: ` runs`. */
  command: string
  paste(line: string): string
}

function showError(error: unknown, { json, color, command, paste }: Shown, effects: Effects): number {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok
  const described = describeError(error, command)
  const { exitCode } = described
  const [message, hint] = [paste(described.message), described.hint === undefined ? undefined : paste(described.hint)]
  if (json) {
    effects.stdout.write(`${JSON.stringify({ error: { message, ...(hint !== undefined && { hint }), exitCode } })}\n`)
    return exitCode
  }
  const style = makeStyle(wantsColor(effects.stderr.isTTY, effects.env, color))
  effects.stderr.write(`${style.red('✗')} ${message}\n${hint === undefined ? '' : `${hint}\n`}`)
  return exitCode
}

function describeError(error: unknown, command: string): { message: string; hint?: string; exitCode: number } {
  if (error instanceof UserError)
    return { message: error.message, ...(error.hint !== undefined && { hint: error.hint }), exitCode: error.exitCode }
  if (error instanceof CommanderError) {
    const [first = '', ...more] = error.message.replace(/^error: /, '').split('\n')
    const message =
      first === '(outputHelp)' || first === '' ? 'The command is not complete.' : `${first[0]?.toUpperCase()}${first.slice(1)}.`
    return {
      message: message.replace(/\.\.$/, '.'),
      hint: more.join(' ').trim() || `See: tidemill${command} --help`,
      exitCode: EXIT.usage,
    }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return {
    message: `This is a fault in Tidemill itself.\n${stack}`,
    hint: 'Please report it with the lines above.',
    exitCode: EXIT.infrastructure,
  }
}

function readVersion(packageRoot: string): string {
  const parsed: unknown = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))
  return typeof parsed === 'object' && parsed && 'version' in parsed ? String(parsed.version) : 'unknown'
}

/** What a command is: data for the help, and one function. The table is in commands.ts. */
import type { Effects } from './effects.ts'
import type { Style } from './style.ts'

export interface GlobalOptions {
  config?: string
  installation?: string
  local: boolean
  profile?: string
  region?: string
  json: boolean
  /** False with `--no-color`. */
  color: boolean
}

export interface Context {
  effects: Effects
  globals: GlobalOptions
  style: Style
  /** A line for people while the command works: stdout, or stderr when stdout is kept for the JSON document. */
  say(line: string): void
  /** The text with the flags that chose the installation in each command named in it. */
  paste(text: string): string
}

/** What the user typed after the command: positional words by name, options by their long name in camel case. */
export interface Input {
  words: Record<string, string | undefined>
  options: Record<string, unknown>
}

/** The end of a command: one document for `--json`, or lines for people. */
export interface Outcome {
  document: unknown
  lines: string[]
  /** 0 unless the command says otherwise. */
  exitCode?: number
}

export interface Option {
  /** As commander reads it: `-n, --count <number>`. */
  flags: string
  text: string
  /** May be given several times; the value is a list. */
  many?: boolean
}

export interface Command {
  /** Words as typed, e.g. `run <job>` or `local up`. */
  usage: string
  summary: string
  options: Option[]
  /** Shown below the help, ready to be pasted. */
  examples?: string[]
  run(context: Context, input: Input): Promise<Outcome>
}

export const textOption = (input: Input, name: string): string | undefined => {
  const value = input.options[name]
  return typeof value === 'string' ? value : undefined
}
export const flagOption = (input: Input, name: string): boolean => input.options[name] === true
export const listOption = (input: Input, name: string): string[] => {
  const value = input.options[name]
  return Array.isArray(value) ? value.map(String) : []
}

/** dbt's commands and flags as data, from `dbt <command> --help` of 1.11. */
// biome-ignore-all format: a table is read by its rows

export interface CommandRow {
  name: string
  aliases?: string[]
  /** Takes --full-refresh. */
  fullRefresh?: boolean
  /** Looks and changes nothing. */
  looks?: boolean
  /** Why it is seldom meant as a step. */
  note?: string
}

export const COMMANDS: CommandRow[] = [
  { name: 'build', fullRefresh: true },
  { name: 'run', fullRefresh: true },
  { name: 'test' },
  { name: 'seed', fullRefresh: true },
  { name: 'snapshot' },
  { name: 'compile', fullRefresh: true },
  { name: 'run-operation' },
  { name: 'source freshness', aliases: ['freshness'] },
  { name: 'docs generate', note: 'docs: true makes the docs from the build itself, without compiling again' },
  { name: 'clone', fullRefresh: true },
  { name: 'deps', note: 'packages are installed before the steps anyway' },
  { name: 'parse', looks: true },
  { name: 'list', aliases: ['ls'], looks: true },
  { name: 'show', looks: true },
  { name: 'debug', looks: true },
  { name: 'clean', note: 'every attempt starts in a fresh folder, there is nothing to clean' },
]

export const REFUSED_COMMANDS: Record<string, string> = {
  init: 'it makes a new project; run it on your machine',
  'docs serve': 'it never ends; write docs: true and open the docs with tidemill docs',
  retry: 'it looks at the results of whatever ran last in the same folder; use tidemill retry RUN, or retry: of the job',
}

const OURS = 'the runner sets it, so that every attempt is kept apart'
const LOGS = 'the runner reads dbt’s log in a form of its own; the stored log is the readable one'

/** Flags that the runner or the environment sets. */
export const OWNED_FLAGS: Record<string, string> = {
  '--profiles-dir': 'name the file in profile of the environment, or leave profile out for the repository’s own',
  '--project-dir': 'write folder in project',
  '--target': 'write target in the environment; another target is another environment',
  '-t': 'write target in the environment; another target is another environment',
  '--target-path': OURS,
  '--log-path': OURS,
  '--log-format': LOGS,
  '--log-format-file': LOGS,
  '--log-level': LOGS,
  '--log-level-file': LOGS,
  '--log-file-max-bytes': LOGS,
  '--no-write-json': 'results are read from dbt’s artifacts',
  '--version': 'the version is in the record of every run',
  '--help': 'a step is to do something',
  '-h': 'a step is to do something',
}

/** Flags that may stand before the command and take a value. */
export const VALUE_FLAGS = new Set([
  '--vars', '--profile', '--target', '-t', '--threads', '--printer-width', '--warn-error-options', '--state', '--defer-state',
  '--favor-state-path', '--log-format', '--log-format-file', '--log-level', '--log-level-file', '--log-path', '--target-path',
  '--profiles-dir', '--project-dir', '--log-file-max-bytes', '--invocation-id', '--event-time-start', '--event-time-end',
])

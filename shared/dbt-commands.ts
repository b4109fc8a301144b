/** dbt's commands and flags as data, from the click commands of dbt-core 1.11. All take --vars. */
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
  { name: 'source freshness' },
  { name: 'docs generate', note: 'docs: true makes the docs from the build itself, without compiling again' },
  { name: 'clone', fullRefresh: true },
  { name: 'deps', note: 'packages are installed before the steps anyway' },
  { name: 'parse', looks: true },
  { name: 'list', aliases: ['ls'], looks: true },
  { name: 'show', fullRefresh: true, looks: true },
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
  '-v': 'the version is in the record of every run',
  '-V': 'the version is in the record of every run',
}

/** Flags with a value that may stand before the command: without them, the value would be taken for the command. */
export const VALUE_FLAGS: ReadonlySet<string> = new Set([
  '--defer-state', '--indirect-selection', '--log-file-max-bytes', '--log-format', '--log-format-file', '--log-level', '--log-level-file',
  '--log-path', '--partial-parse-file-path', '--printer-width', '--profile', '--record-timing-info', '-r', '--state', '--target', '-t',
  '--warn-error-options',
])

/** What differs between dbt 1.x and 2.x. Nothing else in the runner asks which one it drives. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'

export interface DbtEngine {
  /** A Python program: its commands can share one process. */
  warm: boolean
  /** Options that keep a log file and colours out. */
  plainLog: readonly string[]
  /** Its events say where in the project a node's file lies; else only the manifest does. */
  pathsInEvents: boolean
  /** Its results hold what it did; 2.x, when it ends early, calls every node of the step an error, whatever had become of it. */
  resultsOfWhatRan: boolean
  /** `docs generate --no-compile` makes the pages of a manifest that is there already. */
  docsOfManifest: boolean
  /** Options of `ls` for every kind of node. */
  everyKind: readonly string[]
  /** Takes `--defer-state` beside `--state`; else one folder serves both. */
  deferState: boolean
}

const PYTHON: DbtEngine = {
  warm: true,
  plainLog: ['--log-level-file', 'none', '--no-use-colors'],
  pathsInEvents: false,
  resultsOfWhatRan: true,
  docsOfManifest: true,
  everyKind: ['--resource-type', 'all'],
  deferState: true,
}

const RUST: DbtEngine = {
  warm: false,
  plainLog: ['--log-level-file', 'off'],
  pathsInEvents: true,
  resultsOfWhatRan: false,
  docsOfManifest: false,
  everyKind: [],
  deferState: false,
}

/** `engine` of the plan; what is in an image of the user's own tells its `dbt` program. */
export function engineOf(engine: string, path: string): DbtEngine {
  if (engine === 'image') return isBinary(path) ? RUST : PYTHON
  return engine.startsWith('core-1.') ? PYTHON : RUST
}

/** dbt 1.x is a script that Python runs, 2.x a program of the system. */
function isBinary(path: string): boolean {
  const folder = path.split(':').find(each => existsSync(join(each, 'dbt')))
  if (folder === undefined) return false
  const file = openSync(join(folder, 'dbt'), 'r')
  try {
    const head = Buffer.alloc(4)
    return readSync(file, head, 0, 4, 0) === 4 && head.toString('latin1') === '\x7fELF'
  } finally {
    closeSync(file)
  }
}

/** What differs between dbt 1.x and 2.x. Nothing else in the runner asks which one it drives. */
import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs'
import { join } from 'node:path'

export interface DbtEngine {
  /** A Python program: its commands can share one process. */
  warm: boolean
  /** Options that keep a log file and colours out. */
  plainLog: readonly string[]
  /** Its events say where in the project a node's file lies; else only the manifest does. */
  pathsInEvents: boolean
  /** Its manifest is there before the first node starts; else it comes at the end. */
  manifestFirst: boolean
  /** Its results hold what it did; 2.x, when it ends early, calls every node of the step an error, whatever had become of it. */
  resultsOfWhatRan: boolean
  /** `docs generate --no-compile` makes the pages of a manifest that is there already. */
  docsOfManifest: boolean
  /** Options of `ls` for every kind of node. */
  everyKind: readonly string[]
}

const PYTHON: DbtEngine = {
  warm: true,
  plainLog: ['--log-level-file', 'none', '--no-use-colors'],
  pathsInEvents: false,
  manifestFirst: true,
  resultsOfWhatRan: true,
  docsOfManifest: true,
  everyKind: ['--resource-type', 'all'],
}

const RUST: DbtEngine = {
  warm: false,
  plainLog: ['--log-level-file', 'off'],
  pathsInEvents: true,
  manifestFirst: false,
  resultsOfWhatRan: false,
  docsOfManifest: false,
  everyKind: [],
}

/** `engine` of the plan; what is in an image of the user's own is seen from its `dbt`, the first on the PATH. */
export function engineOf(engine: string, path: string): DbtEngine {
  if (engine !== 'image') return engine.startsWith('core-1.') ? PYTHON : RUST
  const folder = path.split(':').find(each => existsSync(join(each, 'dbt')))
  return folder !== undefined && (isProgram(join(folder, 'dbt')) || hasPackage(join(folder, '../lib'))) ? RUST : PYTHON
}

/** dbt 2.x is a program of the system, 1.x a script that Python runs. */
function isProgram(file: string): boolean {
  const opened = openSync(file, 'r')
  try {
    const head = Buffer.alloc(4)
    return readSync(opened, head, 0, 4, 0) === 4 && head.toString('latin1') === '\x7fELF'
  } finally {
    closeSync(opened)
  }
}

/** 2.x may come as a Python package that starts such a program. */
function hasPackage(lib: string): boolean {
  const folders = existsSync(lib) ? readdirSync(lib).filter(name => /^python3/.test(name)) : []
  return folders.some(name => {
    const packages = join(lib, name, 'site-packages')
    return existsSync(packages) && readdirSync(packages).some(each => /^dbt(_core|_oss)?-2\..*\.dist-info$/.test(each))
  })
}

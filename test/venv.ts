/** The Python environments of the tests that run dbt: made from the locks of the image, once for each state of them. */
import { join } from 'node:path'
import { ensureImageVenv } from '../local/image.ts'
import { findPython } from '../local/venv.ts'
import type { Engine } from '../shared/config-model.ts'

const root = join(import.meta.dirname, '..')

/** Folder of an environment with an engine and these adapters. Making it takes about half a minute. */
export const dbtVenv = async (engine: Engine, ...adapters: string[]): Promise<string> =>
  ensureImageVenv(engine, adapters, {
    // The locks lie below the source tree as they do below the built code.
    dist: root,
    cacheDir: join(root, '.cache'),
    python: await findPython(process.env.TIDEMILL_PYTHON),
    onProgress: line => process.stderr.write(`  ${line}\n`),
  })

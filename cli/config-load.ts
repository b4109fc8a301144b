/** tidemill.yml from the disk. The reader of YAML and the validator are loaded only here: they take a while to start. */
import { readFileSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import type { ConfigResult } from '../shared/config.ts'
import type { Config } from '../shared/config-model.ts'
import { UserError } from '../shared/errors.ts'
import type { Context } from './command.ts'
import { requireConfigFile } from './installation.ts'

export interface LoadedConfig {
  /** Absolute. */
  path: string
  /** As it is shown: from the folder of the user. */
  shown: string
  result: ConfigResult
}

export async function loadConfigFile(context: Context): Promise<LoadedConfig> {
  const path = requireConfigFile(context)
  const { loadConfig } = await import('../shared/config.ts')
  const shown = relative(context.effects.cwd, path) || path
  return { path, shown, result: loadConfig({ path: shown, text: readText(path, shown), read: reader(context) }) }
}

/** The configuration, or an error with everything that is wrong with it. */
export async function readConfig(context: Context): Promise<Config> {
  const { result } = await loadConfigFile(context)
  return requireOk(result)
}

export async function requireOk(result: ConfigResult): Promise<Config> {
  if (result.ok) return result.config
  const { formatProblems } = await import('../shared/config.ts')
  throw new UserError(formatProblems(result.problems), { hint: 'Nothing was changed.' })
}

/** The same for files that are not written yet; `texts` by path, others are read from the disk. */
export async function checkTexts(context: Context, path: string, texts: Record<string, string>): Promise<Config> {
  const { requireConfig } = await import('../shared/config.ts')
  const read = (name: string) => texts[name] ?? reader(context)(name)
  return requireConfig({ path, text: texts[path] ?? '', read }).config
}

/** For programs of ours that know the file. */
export async function loadConfigAt(path: string): Promise<Config> {
  const { requireConfig } = await import('../shared/config.ts')
  return requireConfig({ path, text: readText(path, path), read: readIfThere }).config
}

const reader =
  ({ effects }: Context) =>
  (path: string): string | undefined =>
    readIfThere(resolve(effects.cwd, path))

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function readText(path: string, shown: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError(`${shown} cannot be read: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

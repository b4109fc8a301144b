/** Which installation is meant: the nearest tidemill.yml, flags and environment variables. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { UserError } from '../shared/errors.ts'
import type { Context } from './command.ts'
import type { Connection, Target } from './connection.ts'

export const CONFIG_FILE = 'tidemill.yml'

/** Path of the configuration: `--config`, TIDEMILL_CONFIG, or the nearest one here or above. */
export function findConfigFile({ effects, globals }: Context): string | undefined {
  const named = globals.config ?? effects.env.TIDEMILL_CONFIG
  if (named !== undefined) {
    const path = resolve(effects.cwd, named)
    if (!existsSync(path))
      throw new UserError(`No file ${path}.`, { hint: 'Name the configuration: --config PATH, or make one: tidemill init' })
    return path
  }
  for (let folder = effects.cwd; ; folder = dirname(folder)) {
    const path = join(folder, CONFIG_FILE)
    if (existsSync(path)) return path
    if (dirname(folder) === folder) return undefined
  }
}

export function requireConfigFile(context: Context): string {
  const path = findConfigFile(context)
  if (path === undefined) throw noConfigFile()
  return path
}

const noConfigFile = () =>
  new UserError(`No ${CONFIG_FILE} here or above.`, { hint: 'Make one: tidemill init. Or name it: --config PATH' })

export const wantsLocal = ({ effects, globals }: Context) =>
  globals.local || (effects.env.TIDEMILL_LOCAL !== undefined && !['', '0', 'false'].includes(effects.env.TIDEMILL_LOCAL))

/** A connection to the installation that the flags and the nearest tidemill.yml mean. */
export async function connect(context: Context): Promise<Connection> {
  return context.effects.connect(await findTarget(context))
}

export async function findTarget(context: Context): Promise<Target> {
  const { effects, globals } = context
  const named = globals.installation ?? effects.env.TIDEMILL_INSTALLATION
  const local = wantsLocal(context)
  const path = named !== undefined && !local ? undefined : requireConfigFile(context)
  const installation = named ?? (await readInstallationName(path ?? ''))
  return {
    installation,
    ...(globals.profile !== undefined && { profile: globals.profile }),
    ...(globals.region !== undefined && { region: globals.region }),
    ...(local && path !== undefined && { localFolder: dirname(path) }),
  }
}

/** Only the name is read: a mistake elsewhere in the file does not hinder looking at runs. */
async function readInstallationName(path: string): Promise<string> {
  const { parse } = await import('yaml')
  let spec: unknown
  try {
    spec = parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`, {
      hint: 'See all problems: tidemill validate',
      cause: error,
    })
  }
  const name = typeof spec === 'object' && spec !== null ? Reflect.get(spec, 'installation') : undefined
  return typeof name === 'string' ? name : 'tidemill'
}

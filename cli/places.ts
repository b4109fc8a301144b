/** Folders that commands share. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../shared/errors.ts'
import { EXIT } from '../shared/reasons.ts'
import type { Effects } from './effects.ts'

/** Python environments and demos; may be deleted at any time. In a clone the clone's own. */
export function cacheFolder(effects: Effects): string {
  if (effects.env.TIDEMILL_CACHE) return effects.env.TIDEMILL_CACHE
  if (existsSync(join(effects.packageRoot, '.git'))) return join(effects.packageRoot, '.cache')
  return join(effects.env.XDG_CACHE_HOME ?? join(effects.homeDir, '.cache'), 'tidemill')
}

/** The built code, which deployments use as it is. */
export function distFolder(effects: Effects): string {
  const dist = join(effects.packageRoot, 'dist')
  if (existsSync(join(dist, 'bin', 'app.mjs'))) return dist
  throw new UserError(`The built code is missing in ${dist}.`, { hint: 'Build it: npm run build', exitCode: EXIT.infrastructure })
}

/** Starts the process of the local ECS, and says what it reads from its environment. */
import { z } from 'zod/mini'
import { type ProcessRecord, startDetached } from './process.ts'

/** Variable that carries {@link EcsSettings} as JSON. */
export const SETTINGS_VARIABLE = 'TIDEMILL_LOCAL_ECS'

export const ecsSettings = z.object({
  /** Its own address, and the port of it. */
  endpoint: z.string(),
  port: z.number(),
  emulator: z.object({ endpoint: z.string(), region: z.string(), accessKeyId: z.string(), secretAccessKey: z.string() }),
  tasksDir: z.string(),
  dist: z.string(),
  cacheDir: z.string(),
  python: z.object({ path: z.string(), version: z.string() }),
  maxTasks: z.number(),
  /** What tasks may take to end when it ends itself. */
  stopSeconds: z.number(),
})
export type EcsSettings = z.infer<typeof ecsSettings>

/** pip's settings and the way out to the network: it may have to make a Python environment. Tasks get none of it. */
const KEPT = /^(HOME|PATH|LANG|PIP_\w+|https?_proxy|no_proxy|SSL_CERT_FILE|REQUESTS_CA_BUNDLE)$/i

export function startEcs(options: { settings: EcsSettings; program: string; cwd: string; log: string }): ProcessRecord {
  const { settings, program, cwd, log } = options
  const kept = Object.entries(process.env).filter(
    (entry): entry is [string, string] => KEPT.test(entry[0]) && entry[1] !== undefined,
  )
  return startDetached({
    command: process.execPath,
    args: ['--enable-source-maps', program],
    cwd,
    log,
    env: { ...Object.fromEntries(kept), [SETTINGS_VARIABLE]: JSON.stringify(settings) },
  })
}

/** Looks for secret values where they must not be: in what processes show, and in every file that an installation keeps. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

/** A value as it is, and as the tools on its way may write it. */
export function formsOf(value: string): string[] {
  const base64 = [0, 1, 2].map(offset => {
    const encoded = Buffer.concat([Buffer.alloc(offset), Buffer.from(value)]).toString('base64')
    // Without the first and the last group, which depend on what stands beside the value.
    return encoded.slice(4, -4)
  })
  return [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1), ...base64]
}

export interface Found {
  pid: number
  /** Program, `git-remote-http` and the like. */
  name: string
  where: 'cmdline' | 'environ'
}

/** Processes of this machine that show the value. Those that may not be read, or ended meanwhile, count as not showing it. */
export function processesShowing(value: string): Found[] {
  const pids = readdirSync('/proc').filter(name => /^\d+$/.test(name))
  return pids.flatMap(pid =>
    (['cmdline', 'environ'] as const).flatMap(where => {
      const shown = read(`/proc/${pid}/${where}`)?.includes(value)
      return shown ? [{ pid: Number(pid), name: read(`/proc/${pid}/comm`)?.toString().trim() ?? '', where }] : []
    }),
  )
}

/** Files below `folder` that hold one of the values; compressed ones are unpacked first. */
export function filesHolding(folder: string, values: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(name => {
    const bytes = read(join(folder, name))
    if (!bytes) return false
    const content = unpacked(bytes)
    return values.some(value => content.includes(value))
  })
}

function unpacked(bytes: Buffer): Buffer {
  try {
    return gunzipSync(bytes)
  } catch {
    return bytes
  }
}

function read(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}

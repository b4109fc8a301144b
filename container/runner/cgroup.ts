/** The control group that the kernel counts our memory in (version 1 or 2), and whether it is ours alone. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Cgroup {
  /** Nobody but us and what started us was in it: its memory is the task's. */
  alone: boolean
  /** Processes that the kernel has killed in it for want of memory. */
  oomKills(): number
  /** Bytes in use without what the kernel keeps of files and gives back when asked. */
  workingBytes(): number | undefined
  /** Most bytes ever in use, files included. */
  mostBytes(): number | undefined
  limitBytes(): number | undefined
}

const MOUNT = '/sys/fs/cgroup'

/** Undefined where the kernel keeps no account of our own. */
export function findCgroup(): Cgroup | undefined {
  const lines = (readText('/proc/self/cgroup') ?? '').split('\n').map(line => line.split(':'))
  const first = lines.find(([, controllers]) => controllers?.split(',').includes('memory'))
  const second = lines.find(([id]) => id === '0')
  // In a container the group's own folder is often mounted in place of the whole tree, whatever its path says.
  const places = (root: string, path = '/') => [join(root, path), root]
  const v1 = first && places(join(MOUNT, 'memory'), first[2]).find(each => existsSync(join(each, 'memory.usage_in_bytes')))
  if (v1) return versionOne(v1)
  const v2 = second && places(MOUNT, second[2]).find(each => existsSync(join(each, 'memory.current')))
  return v2 ? versionTwo(v2) : undefined
}

const versionOne = (dir: string): Cgroup => ({
  alone: isAlone(dir),
  oomKills: () => field(dir, 'memory.oom_control', 'oom_kill') ?? 0,
  workingBytes: () => working(dir, 'memory.usage_in_bytes', ['total_inactive_file', 'total_active_file']),
  mostBytes: () => number(dir, 'memory.max_usage_in_bytes'),
  limitBytes: () => limit(dir, 'memory.limit_in_bytes'),
})

const versionTwo = (dir: string): Cgroup => ({
  alone: isAlone(dir),
  oomKills: () => field(dir, 'memory.events', 'oom_kill') ?? 0,
  workingBytes: () => working(dir, 'memory.current', ['inactive_file', 'active_file']),
  mostBytes: () => number(dir, 'memory.peak'),
  limitBytes: () => limit(dir, 'memory.max'),
})

/** A machine's shell or a test runner shares its group with us; what was in a container before us is its init. */
function isAlone(dir: string): boolean {
  const inside = (readText(join(dir, 'cgroup.procs')) ?? '').split('\n').filter(Boolean).map(Number)
  const ours = new Set([process.pid])
  for (let pid = process.pid; pid > 1; ) {
    // proc(5): the parent is the second field behind the name, which may hold spaces.
    const stat = readText(`/proc/${pid}/stat`)
    pid = Number(stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
    ours.add(pid)
  }
  return inside.length > 0 && inside.every(pid => ours.has(pid))
}

function working(dir: string, usage: string, fileFields: readonly string[]): number | undefined {
  const used = number(dir, usage)
  const stat = readText(join(dir, 'memory.stat'))
  if (used === undefined || stat === undefined) return used
  return Math.max(0, used - fileFields.reduce((sum, name) => sum + (fieldOf(stat, name) ?? 0), 0))
}

/** Version 1 writes a number near 2^63 for "none". */
function limit(dir: string, name: string): number | undefined {
  const bytes = number(dir, name)
  return bytes !== undefined && bytes < 2 ** 50 ? bytes : undefined
}

const field = (dir: string, file: string, name: string) => fieldOf(readText(join(dir, file)) ?? '', name)
function fieldOf(text: string, name: string): number | undefined {
  const value = new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]
  return value === undefined ? undefined : Number(value)
}
function number(dir: string, name: string): number | undefined {
  const text = readText(join(dir, name))?.trim()
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

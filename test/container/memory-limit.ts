/** A control group of its own with a limit of memory, as a container has; the kernel kills in it for real. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface MemoryLimit {
  /** Puts a process and all that it starts from now on under the limit. */
  add(pid: number): void
  setMegabytes(megabytes: number): void
  /** How often the kernel has killed in it. */
  kills(): number
  remove(): void
}

/** Undefined where none may be made: it takes root and a kernel that lets us. */
export function limitMemory(name: string, megabytes: number): MemoryLimit | undefined {
  const path = /^\d+:memory:(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1]
  const [parent, files] =
    path === undefined
      ? ['/sys/fs/cgroup', { limit: ['memory.max'], swap: ['memory.swap.max'], kills: 'memory.events' }]
      : [
          join('/sys/fs/cgroup/memory', path),
          { limit: ['memory.limit_in_bytes'], swap: ['memory.memsw.limit_in_bytes'], kills: 'memory.oom_control' },
        ]
  const dir = join(parent, `tidemill-test-${process.pid}-${name}`)
  const write = (names: readonly string[], text: string) => {
    for (const each of names) if (existsSync(join(dir, each))) writeFileSync(join(dir, each), text)
  }
  const limit: MemoryLimit = {
    add: pid => writeFileSync(join(dir, 'cgroup.procs'), String(pid)),
    setMegabytes(size) {
      const bytes = String(size * 1024 * 1024)
      // Version 1 counts memory and swap together, and never less than memory alone.
      const grows = path !== undefined
      if (grows) write(files.swap, '-1')
      write(files.limit, bytes)
      write(files.swap, grows ? bytes : '0')
    },
    kills: () => Number(/^oom_kill (\d+)$/m.exec(readFileSync(join(dir, files.kills), 'utf8'))?.[1] ?? 0),
    remove() {
      try {
        rmdirSync(dir)
      } catch {
        // Something of the test still runs in it.
      }
    },
  }
  try {
    mkdirSync(dir)
    limit.setMegabytes(megabytes)
    if (!existsSync(join(dir, files.limit[0] ?? ''))) throw new Error('the kernel limits no memory here')
    return limit
  } catch {
    limit.remove()
    return undefined
  }
}

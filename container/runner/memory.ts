/** Memory of the task: the cgroup where it is ours alone, else what the processes themselves used. */
import { readFileSync } from 'node:fs'

export interface Memory {
  /** Watches a process until `stop`. */
  watch(pid: number): () => void
  peakBytes(): number
  /** Whether the kernel ran out of memory for us since the start. */
  state(): { exhausted: boolean; text: string }
}

const ROOT = '/sys/fs/cgroup'
const number = (path: string): number | undefined => {
  const text = read(path)
  const value = text === undefined || text.trim() === 'max' ? Number.NaN : Number(text)
  return Number.isFinite(value) ? value : undefined
}
function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

/** Kills by the kernel in this cgroup (version 2, else 1). */
const oomKills = () =>
  Number(/^oom_kill (\d+)/m.exec(read(`${ROOT}/memory.events`) ?? read(`${ROOT}/memory/memory.oom_control`) ?? '')?.[1] ?? 0)
const cgroupPeak = () => number(`${ROOT}/memory.peak`) ?? number(`${ROOT}/memory/memory.max_usage_in_bytes`)
const cgroupLimit = () => {
  const limit = number(`${ROOT}/memory.max`) ?? number(`${ROOT}/memory/memory.limit_in_bytes`)
  // Version 1 writes a number near 2^63 for "none".
  return limit !== undefined && limit < 2 ** 50 ? limit : undefined
}
/** Peak resident memory of a process so far. */
const processPeak = (pid: number | 'self') =>
  Number(/^VmHWM:\s*(\d+) kB/m.exec(read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * 1024

/** `alone`: nobody else was in the cgroup at the start, as in a container; its figures are then the task's. */
export function watchMemory(): Memory {
  const others = (read(`${ROOT}/cgroup.procs`) ?? read(`${ROOT}/memory/cgroup.procs`) ?? '').trim().split('\n')
  const alone = process.pid < 10 && others.length <= 3
  const killsBefore = oomKills()
  let childPeak = 0
  const peakBytes = () => (alone ? cgroupPeak() : undefined) ?? childPeak + processPeak('self')
  return {
    watch(pid) {
      const sample = () => {
        childPeak = Math.max(childPeak, processPeak(pid))
      }
      const timer = setInterval(sample, 500)
      return () => clearInterval(timer)
    },
    peakBytes,
    state() {
      const peak = peakBytes()
      const limit = alone ? cgroupLimit() : undefined
      const exhausted = oomKills() > killsBefore || (limit !== undefined && peak >= 0.95 * limit)
      const of = limit === undefined ? '' : ` of ${megabytes(limit)}`
      return { exhausted, text: `peak ${megabytes(peak)}${of}` }
    },
  }
}
const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`

/** Memory of the task: from the kernel's account where that is the task's alone, else what its processes use. */
import { readdirSync } from 'node:fs'
import { type Cgroup, findCgroup, readText } from './cgroup.ts'

export interface Memory {
  /** Watches a process and what it starts, until called again. */
  watch(pid: number): () => void
  /** Highest so far. Files that the kernel keeps in free memory do not count. */
  peakBytes(): number
  /** Whether memory ran out: the kernel has killed for it, or the peak came near the size of the task. */
  state(): { exhausted: boolean; text: string }
}

const SAMPLE_MILLISECONDS = 500
const NEAR = 0.95

/** `taskBytes`: size of the task; Fargate's limit lies outside of the container, where nobody in it can read it. */
export function watchMemory(taskBytes?: number, cgroup: Cgroup | undefined = findCgroup()): Memory {
  const own = cgroup?.alone ? cgroup : undefined
  const before = { kills: cgroup?.oomKills() ?? 0, most: own?.mostBytes() ?? 0 }
  const limits = [taskBytes, own?.limitBytes()].filter(bytes => bytes !== undefined)
  const limit = limits.length > 0 ? Math.min(...limits) : undefined
  let peak = 0
  const note = (bytes: number | undefined) => {
    peak = Math.max(peak, bytes ?? 0)
  }
  const sample = (pid?: number) =>
    note(own ? Math.max(own.workingBytes() ?? 0, highestBytes('self') + (pid ? highestBytes(pid) : 0)) : processBytes(pid))
  return {
    watch(pid) {
      const timer = setInterval(() => sample(pid), SAMPLE_MILLISECONDS)
      return () => {
        clearInterval(timer)
        sample(pid)
      }
    },
    peakBytes() {
      sample()
      return peak
    },
    state() {
      sample()
      // A quick rise is over before the next sample; the kernel's own highest figure has it, with files.
      const most = own?.mostBytes() ?? 0
      const seen = most > before.most ? Math.max(peak, most) : peak
      const near = limit !== undefined && seen >= NEAR * limit
      const killed = (cgroup?.oomKills() ?? 0) > before.kills
      const of = limit === undefined ? '' : ` of ${megabytes(limit)}`
      return { exhausted: killed || near, text: `peak ${megabytes(near ? seen : peak)}${of}` }
    },
  }
}

/** Of this process and another at their highest, and of all below the other now. */
const processBytes = (pid: number | undefined) =>
  statusBytes('self', 'VmHWM') + (pid === undefined ? 0 : statusBytes(pid, 'VmHWM') + belowBytes(pid))

/** A rise between two samples is in the kernel's high-water mark; what is mapped of files is given back when asked. */
const highestBytes = (pid: number | 'self') => Math.max(0, statusBytes(pid, 'VmHWM') - statusBytes(pid, 'RssFile'))

const belowBytes = (pid: number): number =>
  children(pid).reduce((sum, child) => sum + statusBytes(child, 'VmRSS') + belowBytes(child), 0)

function children(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap(task =>
      (readText(`/proc/${pid}/task/${task}/children`) ?? '').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return []
  }
}

const statusBytes = (pid: number | 'self', name: 'VmHWM' | 'VmRSS' | 'RssFile') =>
  Number(new RegExp(`^${name}:\\s*(\\d+) kB`, 'm').exec(readText(`/proc/${pid}/status`) ?? '')?.[1] ?? 0) * 1024

const megabytes = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MB`

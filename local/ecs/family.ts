/** All processes of a task, also those that left the group of the first one: a container takes everything in it along. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { signal } from '../process.ts'

/** A process may start another one just before its end. */
const ROUNDS = 20

/** Ends every process whose home lies in the folder of the task: only what descends from the task has it. */
export async function endFamily(folder: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const pids = familyOf(folder)
    if (pids.length === 0) return
    for (const pid of pids) signal(pid, 'SIGKILL')
    await sleep(20)
  }
}

function familyOf(folder: string): number[] {
  const home = `HOME=${folder}/`
  if (process.platform !== 'linux') return pidsByPs(home)
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && environmentOf(name).some(entry => entry.startsWith(home)))
    .map(Number)
}

/** Empty for a process of somebody else, one that has ended (a zombie too), and the runner, which hides its own. */
function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')
  } catch {
    return []
  }
}

function pidsByPs(home: string): number[] {
  try {
    const lines = execFileSync('ps', ['-axEwwo', 'pid=,command='], { encoding: 'utf8', maxBuffer: 64 << 20 }).split('\n')
    return lines.filter(line => line.includes(` ${home}`)).map(line => Number.parseInt(line, 10))
  } catch {
    return []
  }
}

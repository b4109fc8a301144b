/** Background processes by pid: started detached in their own group, recognised after a restart, ended without guessing. */
import { execFileSync, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../shared/errors.ts'

/** A process that we started. The start time tells it from another one that got the same pid later. */
export interface ProcessRecord {
  pid: number
  started: string
}

/** When the process started, in the system's own terms; undefined: there is none (a zombie counts as none). */
export function startOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      // The second field is the program's name in parentheses and may hold anything: count from the last one.
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
      return fields[0] === 'Z' ? undefined : fields[19]
    }
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
  } catch {
    return undefined
  }
}

export const isAlive = (record: ProcessRecord | undefined): record is ProcessRecord =>
  record !== undefined && startOf(record.pid) === record.started

export interface SpawnOptions {
  command: string
  args: string[]
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>
  cwd: string
  /** Output is appended here. */
  log: string
}

/** Starts a process that outlives this one, as the leader of its own group. */
export function startDetached({ command, args, env, cwd, log }: SpawnOptions): ProcessRecord {
  const output = openSync(log, 'a', 0o600)
  try {
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', output, output] })
    child.on('error', () => undefined)
    child.unref()
    const started = child.pid === undefined ? undefined : startOf(child.pid)
    if (child.pid === undefined || started === undefined)
      throw new UserError(`${command} could not be started.`, { hint: `See ${log}`, exitCode: 3 })
    return { pid: child.pid, started }
  } finally {
    closeSync(output)
  }
}

/** Sends a signal to the process, or with `group` to all of its group; true if there was somebody to get it. */
export function signal(pid: number, name: NodeJS.Signals, group = false): boolean {
  try {
    process.kill(group ? -pid : pid, name)
    return true
  } catch {
    return false
  }
}

/** Ends the process: SIGTERM, time to finish, SIGKILL; then what is left of its group. */
export async function endProcess(record: ProcessRecord, graceSeconds: number): Promise<void> {
  if (!isAlive(record)) return
  signal(record.pid, 'SIGTERM')
  const deadline = Date.now() + graceSeconds * 1000
  while (isAlive(record) && Date.now() < deadline) await sleep(50)
  // While a member lives the group's number cannot be given to somebody else, so this reaches only what we started.
  signal(record.pid, 'SIGKILL', true)
  while (isAlive(record)) await sleep(20)
}

const canListen = (port: number): Promise<number | undefined> =>
  new Promise(resolve => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen(port, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
    })
  })

/**
 * A free port on loopback. `fixed`: exactly this one, or a UserError; `preferred`: this one if it is free, so that
 * addresses stay the same over down and up.
 */
export async function freePort(wish: { fixed?: number | undefined; preferred?: number | undefined }): Promise<number> {
  if (wish.fixed !== undefined) {
    if (await canListen(wish.fixed)) return wish.fixed
    throw new UserError(`Port ${wish.fixed} on 127.0.0.1 is taken by another program.`, {
      hint: 'End that program or name another port; without a port, local mode finds a free one.',
      exitCode: 3,
    })
  }
  const port = (wish.preferred && (await canListen(wish.preferred))) || (await canListen(0))
  if (!port) throw new UserError('No free port on 127.0.0.1.', { exitCode: 3 })
  return port
}

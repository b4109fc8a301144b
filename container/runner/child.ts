/** Child processes in a group of their own: started, read line by line, stopped with everything they started. */
import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { createLineReader } from './lines.ts'
import { wait } from './stop.ts'

export interface Command {
  file: string
  args: string[]
  cwd: string
  env: Record<string, string>
}

export interface ChildExit {
  code: number | null
  signal: NodeJS.Signals | null
  /** We sent SIGKILL after the grace time. */
  killed: boolean
  /** The program could not be started. */
  startError?: Error
}

/**
 * dbt cancels the queries that it sees at the first interrupt, and then waits for its threads. A query that a thread began a
 * moment later goes on, for hours if it is slow, and dbt with it (seen on DuckDB); the second interrupt ends the waiting.
 * It must not come while dbt still cancels, which takes a second or so per connection on a warehouse: dbt tells of each one,
 * so silence for this long means that it waits.
 */
const QUIET_MILLISECONDS = 2_000

export interface ChildOptions {
  /** May give a promise: reading waits for it, so a fast program does not outrun us. */
  line(text: string, source: 'stdout' | 'stderr'): void | Promise<void>
  started?(pid: number): void
  stop: AbortSignal
  graceMilliseconds: number
}

/** Runs a program to its end; `stop` ends it as {@link stopGroup} does. */
export async function runChild(command: Command, options: ChildOptions): Promise<ChildExit> {
  // Interrupted while it loads, Python ends with a traceback that tells nobody anything.
  if (options.stop.aborted) return { code: null, signal: null, killed: false }
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: signals reach what dbt starts, and the terminal's Ctrl-C does not bypass us.
    detached: true,
  })
  const exited = exitOf(child)
  if (child.pid !== undefined) options.started?.(child.pid)
  let heardAt = 0
  const hear = (source: 'stdout' | 'stderr') => (text: string) => {
    heardAt = performance.now()
    return options.line(text, source)
  }
  const reading = Promise.all([readLines(child.stdout, hear('stdout')), readLines(child.stderr, hear('stderr'))])
  const ended = new AbortController()
  const stopping = stopGroup(child, { ...options, heardAt: () => heardAt, ended: ended.signal })
  const exit = await exited
  ended.abort()
  const killed = await stopping
  // What the program left running would hold the pipes and go on writing to the warehouse.
  signalGroup(child, 'SIGKILL')
  await Promise.race([reading, wait(5_000, AbortSignal.timeout(6_000))])
  child.stdout.destroy()
  child.stderr.destroy()
  return { ...exit, killed }
}

/**
 * When `stop` fires, the group gets SIGINT (dbt then cancels its queries), again each time that it has been silent for a
 * while, and SIGKILL after the grace time. Gives whether it was killed.
 */
export async function stopGroup(
  child: ChildProcess,
  options: { stop: AbortSignal; graceMilliseconds: number; ended: AbortSignal; heardAt(): number },
): Promise<boolean> {
  const { ended } = options
  await aborted(AbortSignal.any([options.stop, ended]))
  const deadline = performance.now() + options.graceMilliseconds
  let sentAt: number | undefined
  while (!ended.aborted && performance.now() < deadline) {
    const now = performance.now()
    if (sentAt === undefined || now - Math.max(sentAt, options.heardAt()) >= QUIET_MILLISECONDS) {
      signalGroup(child, 'SIGINT')
      sentAt = now
    }
    await wait(Math.min(100, deadline - now), ended)
  }
  if (ended.aborted) return false
  signalGroup(child, 'SIGKILL')
  return true
}

export const exitOf = (child: ChildProcess): Promise<Omit<ChildExit, 'killed'>> =>
  new Promise(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', startError => resolve({ code: null, signal: null, startError }))
  })

export function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group is gone.
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))

export async function readLines(stream: Readable, line: (text: string) => void | Promise<void>): Promise<void> {
  const reader = createLineReader()
  try {
    for await (const chunk of stream) for (const text of reader.push(chunk)) await line(text)
  } catch {
    // Destroyed after the end of the program.
  }
  for (const text of reader.end()) await line(text)
}

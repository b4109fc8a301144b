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
 * Interrupts within the grace time. One does not always end dbt: on DuckDB it may wait for the query that it meant to cancel
 * (seen: the third one ended it).
 */
const INTERRUPTS = 4

/**
 * Runs a program. When `stop` fires, its group gets SIGINT (dbt then cancels its queries), again in
 * quarters of `graceMilliseconds`, and then SIGKILL.
 * `line` may give a promise: reading waits for it, so a fast program does not outrun us.
 */
export async function runChild(
  command: Command,
  options: {
    line(text: string, source: 'stdout' | 'stderr'): void | Promise<void>
    started?(pid: number): void
    stop: AbortSignal
    graceMilliseconds: number
  },
): Promise<ChildExit> {
  const child = spawn(command.file, command.args, {
    cwd: command.cwd,
    env: command.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: signals reach what dbt starts, and the terminal's Ctrl-C does not bypass us.
    detached: true,
  })
  const exited = exitOf(child)
  if (child.pid !== undefined) options.started?.(child.pid)
  const reading = Promise.all([
    readLines(child.stdout, text => options.line(text, 'stdout')),
    readLines(child.stderr, text => options.line(text, 'stderr')),
  ])
  const ended = new AbortController()
  let killed = false
  const stopping = stopGroup()
  const exit = await exited
  ended.abort()
  await stopping
  // What the program left running would hold the pipes and go on writing to the warehouse.
  signalGroup(child, 'SIGKILL')
  await Promise.race([reading, wait(5_000, AbortSignal.timeout(6_000))])
  child.stdout.destroy()
  child.stderr.destroy()
  return { ...exit, killed }

  async function stopGroup(): Promise<void> {
    await aborted(AbortSignal.any([options.stop, ended.signal]))
    if (ended.signal.aborted) return
    for (let i = 0; i < INTERRUPTS; i++) {
      signalGroup(child, 'SIGINT')
      await wait(options.graceMilliseconds / INTERRUPTS, ended.signal)
      if (ended.signal.aborted) return
    }
    killed = true
    signalGroup(child, 'SIGKILL')
  }
}

const exitOf = (child: ChildProcess): Promise<Omit<ChildExit, 'killed'>> =>
  new Promise(resolve => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
    child.once('error', startError => resolve({ code: null, signal: null, startError }))
  })

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // The group is gone.
  }
}

const aborted = (signal: AbortSignal): Promise<void> =>
  signal.aborted ? Promise.resolve() : new Promise(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))

async function readLines(stream: Readable, line: (text: string) => void | Promise<void>): Promise<void> {
  const reader = createLineReader()
  try {
    for await (const chunk of stream) for (const text of reader.push(chunk)) await line(text)
  } catch {
    // Destroyed after the end of the program.
  }
  for (const text of reader.end()) await line(text)
}

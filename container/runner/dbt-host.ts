/**
 * How dbt's commands are started: in one warm process for all of an attempt (container/dbt_host), or each as a program of
 * its own where that cannot be: dbt 2.x, no Python beside dbt, or a host that ended.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { type ChildExit, type ChildOptions, exitOf, readLines, runChild, signalGroup, stopGroup } from './child.ts'
import { recordOf } from './dbt-events.ts'
import type { Environment } from './environment.ts'
import { wait } from './stop.ts'

export interface DbtCommand {
  args: string[]
  cwd: string
  env: Record<string, string>
  /** Folders of which the arguments speak; the host looks there for changes since the last parse. */
  project: string
  profiles: string
  target: string
  /** Options that go into the parse. Commands with the same ones can share a manifest. */
  parse: string
}

export interface Dbt {
  run(command: DbtCommand, options: ChildOptions): Promise<ChildExit>
  /** Ends the host with everything that it started. */
  close(): void
}

export interface HostOptions {
  /** Path of dbt_host/host.py. */
  script: string
  /** Of the task, MiB: Python's garbage collector is off as long as little of it is used. */
  memory?: number | undefined
  /** Leave Python's garbage collector on: a tenth slower, less memory. */
  collect?: boolean
}

const plain = (command: DbtCommand, options: ChildOptions) => runChild({ file: 'dbt', ...command }, options)

/** Every dbt command is a process of its own. */
export const plainDbt: Dbt = { run: plain, close: () => {} }

/** Starts the host at once, so that Python and dbt load while the repository is fetched. */
export function warmDbt(options: HostOptions, env: Environment, cwd: string): Dbt {
  const python = pythonOf(env.PATH ?? '')
  if (!python || !existsSync(options.script)) return plainDbt
  const { script, collect, memory } = options
  const size = memory === undefined ? [] : [`--memory=${memory * 1024 ** 2}`]
  let host: Host | undefined = startHost(python, [script, ...(collect ? ['--collect'] : []), ...size], env, cwd)
  return {
    async run(command, given) {
      const exit = host && (await host.run(command, given))
      if (!host?.usable()) host = undefined
      return exit ?? plain(command, given)
    },
    close: () => host?.close(),
  }
}

/** The interpreter that runs `dbt`: they lie side by side in a Python environment. */
function pythonOf(path: string): string | undefined {
  const folder = path.split(':').find(each => existsSync(join(each, 'dbt')))
  const python = folder && join(folder, 'python')
  return python && existsSync(python) ? python : undefined
}

/** Python and dbt load in 2 to 6 s; a host that takes longer than this hangs. */
const START_MILLISECONDS = 60_000

interface Host {
  /** Undefined: the command was not started. */
  run(command: DbtCommand, options: ChildOptions): Promise<ChildExit | undefined>
  usable(): boolean
  close(): void
}

interface CurrentCommand {
  line: ChildOptions['line']
  ended(code: number): void
  heardAt: number
}

function startHost(python: string, args: string[], env: Environment, cwd: string): Host {
  const child = spawn(python, args, { cwd, env: { ...env }, stdio: ['pipe', 'pipe', 'pipe', 'pipe'], detached: true })
  const exited = exitOf(child)
  let current: CurrentCommand | undefined
  let usable = true
  let ready = () => {}
  const isReady = new Promise<void>(resolve => {
    ready = resolve
  })
  const hear = (source: 'stdout' | 'stderr') => (text: string) => current?.line(text, source)
  const reading = Promise.all([
    readLines(child.stdio[3] as Readable, take),
    readLines(child.stdout as Readable, hear('stdout')),
    readLines(child.stderr as Readable, hear('stderr')),
  ])
  const gone = exited.then(async exit => {
    usable = false
    await Promise.race([reading, new Promise(resolve => setTimeout(resolve, 5_000).unref())])
    return exit
  })
  // A request to a host that has just ended.
  child.stdin?.on('error', () => {})

  async function take(line: string): Promise<void> {
    const text = line.slice(1)
    if (line.startsWith('R')) return ready()
    if (current) current.heardAt = performance.now()
    if (!line.startsWith('X')) return current?.line(text, 'stdout')
    const end = endOf(text)
    if (!end) return current?.line(text, 'stdout')
    if (end.last) usable = false
    current?.ended(end.code)
  }

  function kill(): void {
    usable = false
    signalGroup(child, 'SIGKILL')
  }

  return {
    async run(command, options) {
      const late = new AbortController()
      const patience = wait(START_MILLISECONDS, AbortSignal.any([late.signal, options.stop])).then(() => 'late' as const)
      // Nothing to interrupt yet: a plain dbt takes the interrupt better than Python while it loads.
      if ((await Promise.race([isReady, gone, patience])) === 'late') kill()
      late.abort()
      if (!usable) return undefined
      let heard = false
      const ended = new AbortController()
      const end = new Promise<Omit<ChildExit, 'killed'>>(resolve => {
        current = {
          heardAt: 0,
          line(text, source) {
            heard = true
            return options.line(text, source)
          },
          ended: code => resolve({ code, signal: null }),
        }
      })
      if (child.pid !== undefined) options.started?.(child.pid)
      child.stdin?.write(`${JSON.stringify(command)}\n`)
      const heardAt = () => current?.heardAt ?? 0
      const stopping = stopGroup(child, { ...options, heardAt, ended: ended.signal })
      const exit = await Promise.race([end, gone])
      ended.abort()
      const killed = await stopping
      current = undefined
      if (!usable) kill()
      return heard || killed || options.stop.aborted || child.exitCode === null ? { ...exit, killed } : undefined
    },
    usable: () => usable,
    close: () => closeHost(child),
  }
}

/** Undefined for a line that something else has written there. */
function endOf(text: string): { code: number; last: boolean } | undefined {
  try {
    const { code, last } = recordOf(JSON.parse(text))
    return typeof code === 'number' ? { code, last: last === true } : undefined
  } catch {
    return undefined
  }
}

function closeHost(child: ChildProcess): void {
  signalGroup(child, 'SIGKILL')
  for (const stream of child.stdio) stream?.destroy()
}

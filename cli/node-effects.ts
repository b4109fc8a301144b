/** The effects of a real process; `bin/` gives them to the program. */
import { type StdioOptions, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { homedir } from 'node:os'
import { text } from 'node:stream/consumers'
import { promises as timers } from 'node:timers'
import { makeAsk } from './ask.ts'
import type { Clock, Effects, Executed, ExecuteOptions, Sink } from './effects.ts'

/**
 * `packageRoot`: the folder of package.json. `patient`: the program has something to take down, so neither a second
 * Ctrl-C nor SIGTERM ends it before that is done.
 */
export function makeNodeEffects(packageRoot: string, { patient }: { patient: boolean }): Effects {
  const interrupt = new AbortController()
  process.on('SIGINT', () => {
    // The second time at once: whatever still waits is not worth waiting for.
    if (interrupt.signal.aborted && !patient) process.exit(130)
    interrupt.abort()
  })
  if (patient) for (const name of ['SIGTERM', 'SIGHUP'] as const) process.on(name, () => interrupt.abort())
  // Nobody reads any more (`| head`), or the terminal is gone: a patient program still takes down what it started.
  const onGone = (code: number) => (patient ? interrupt.abort() : process.exit(code))
  return {
    stdout: makeSink(process.stdout, onGone),
    stderr: makeSink(process.stderr, onGone),
    clock,
    env: process.env,
    cwd: process.cwd(),
    zone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
    homeDir: homedir(),
    interrupt: interrupt.signal,
    packageRoot,
    ask:
      process.stdin.isTTY && process.stdout.isTTY
        ? makeAsk(process.stdin, text => void process.stdout.write(text), interrupt.signal)
        : undefined,
    readInput: process.stdin.isTTY ? undefined : () => text(process.stdin),
    randomKey: () => `cli-${randomUUID()}`,
    execute,
    connect: async target => {
      const { connectToAws } = await import('./aws.ts')
      return connectToAws(target, process.env, clock)
    },
  }
}

function makeSink(stream: NodeJS.WriteStream, onGone: (code: number) => void): Sink {
  // `tidemill runs | head -1`: who reads no more wants no more.
  stream.on('error', (error: NodeJS.ErrnoException) => onGone(error.code === 'EPIPE' ? 0 : 3))
  return {
    write: text => void stream.write(text),
    isTTY: stream.isTTY === true,
    get columns() {
      return stream.isTTY ? stream.columns || 80 : Number.POSITIVE_INFINITY
    },
  }
}

const clock: Clock = {
  now: () => new Date(),
  sleep: (milliseconds, signal) => timers.setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined),
  every: (milliseconds, tick) => {
    const timer = setInterval(tick, milliseconds)
    timer.unref()
    return () => clearInterval(timer)
  },
}

const STREAMS: Record<ExecuteOptions['stdio'], StdioOptions> = {
  pipe: ['ignore', 'pipe', 'pipe'],
  inherit: 'inherit',
  stderr: ['inherit', 2, 2],
}

/** Never throws: a program that is not there answers with code 127, one that took too long with 124. */
function execute(command: string, args: string[], { cwd, env, stdio, timeout }: ExecuteOptions): Promise<Executed> {
  return new Promise(resolve => {
    const child = spawn(command, args, {
      cwd,
      env: env ?? process.env,
      stdio: STREAMS[stdio],
    })
    let late = false
    const timer =
      timeout === undefined
        ? undefined
        : setTimeout(() => {
            late = true
            child.kill('SIGTERM')
          }, timeout)
    const output = { stdout: '', stderr: '' }
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
    child.on('error', error => {
      clearTimeout(timer)
      resolve({ code: 127, stdout: '', stderr: error.message })
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: late ? 124 : (code ?? (signal === 'SIGINT' ? 130 : 1)), ...output })
    })
  })
}

/** Everything a command may do to the world, passed in by `bin/tidemill.ts`: nothing in `cli/` reads `process`. */
import type { Connection, Target } from './connection.ts'

export interface Sink {
  write(text: string): void
  isTTY: boolean
  /** Width of the terminal, characters; Infinity without one, so that nothing is cut. */
  columns: number
}

export interface Clock {
  now(): Date
  /** Resolves early, without an error, when the signal is aborted. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>
  /** Calls `tick` again and again until the returned function is called; keeps no process alive. */
  every(milliseconds: number, tick: () => void): () => void
}

export interface ExecuteOptions {
  cwd: string
  env?: Record<string, string | undefined>
  /** `inherit`: the program talks to the terminal itself (prompts of cdk); `stderr`: the same, and stdout is left to us. */
  stdio: 'pipe' | 'inherit' | 'stderr'
  /** Milliseconds, then it is killed. */
  timeout?: number
}
export interface Executed {
  code: number
  stdout: string
  stderr: string
}

export interface Effects {
  stdout: Sink
  stderr: Sink
  clock: Clock
  env: Record<string, string | undefined>
  cwd: string
  /** IANA name of the user's own time zone. */
  zone: string
  homeDir: string
  /** Aborted by Ctrl-C. */
  interrupt: AbortSignal
  /** Folder of package.json, with `dist/` in it. */
  packageRoot: string
  /** An answer typed by the user; only where stdin is a terminal. */
  ask: ((question: string) => Promise<string>) | undefined
  /** All that comes on stdin; undefined where that is a terminal. */
  readInput: (() => Promise<string>) | undefined
  /** A new idempotency key. */
  randomKey(): string
  execute(command: string, args: string[], options: ExecuteOptions): Promise<Executed>
  connect(target: Target): Promise<Connection>
}

/** One JSON object a line. Never a whole event, a secret or a signature: callers name the fields they log. */
export type Log = (message: string, fields?: LogFields) => void
export interface LogFields {
  runId?: string
  error?: unknown
  [name: string]: unknown
}

/** An exception is kept as name and message: request objects that SDK errors carry are left out. */
export const makeLog =
  (write: (line: string) => void, fixed: Record<string, string>): Log =>
  (message, { error, ...fields } = {}) =>
    write(JSON.stringify({ message, ...fixed, ...fields, ...(error !== undefined && { error: describeError(error) }) }))

export function describeError(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}`.slice(0, 2000) : String(error).slice(0, 2000)
}

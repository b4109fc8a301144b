/** dbt's events, one JSON object a line. Read by name, and only the fields we use: 1.x and 2.x differ in the rest. */
import { plainText } from './lines.ts'

export interface DbtEvent {
  name: string
  level: 'debug' | 'info' | 'warn' | 'error'
  /** Readable text without colours; may hold several lines. */
  text: string
  data: Record<string, unknown>
}

/** Anything that is not an event of dbt is text that a person should see: a usage error, a Python traceback, a print. */
export function parseEvent(line: string): DbtEvent {
  const asText = (): DbtEvent => ({ name: 'Text', level: 'info', text: plainText(line), data: {} })
  if (!line.startsWith('{')) return asText()
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch {
    return asText()
  }
  const event = recordOf(parsed)
  const info = recordOf(event.info)
  if (typeof info.name !== 'string' || typeof info.msg !== 'string') return asText()
  return { name: info.name, level: levelOf(info.level), text: withoutFrames(plainText(info.msg)), data: recordOf(event.data) }
}

/** dbt 2.x ends each error with the addresses of its own program, which tell nobody anything. */
const withoutFrames = (text: string) =>
  /^\[(error|warning)\] \[/.test(text)
    ? text.replace(/^\[\w+\] /, '').replace(/\n +0: [^\n]*(\n +(\d+: |at )[^\n]*)*\s*$/, '')
    : text

function levelOf(level: unknown): DbtEvent['level'] {
  if (level === 'debug' || level === 'info' || level === 'warn' || level === 'error') return level
  return level === 'critical' ? 'error' : level === 'trace' || level === 'test' ? 'debug' : 'info'
}

export const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {}
export const stringOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)
export const numberOf = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

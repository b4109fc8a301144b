import { RUN_ID_PATTERN } from './contract.ts'
import { fieldsOf, parseJson } from './fields.ts'

/** Content of a `current.json`: the run whose artifacts count. */
export interface Pointer {
  schemaVersion: number
  run: string
  /** Of docs: the attempt that made them. Absent where the version before stored them, in the folder of the run itself. */
  attempt?: number
  job: string
  commit: string | null
  /** When the commit was resolved; a pointer moves only to a later one. ISO 8601, UTC. */
  resolvedAt: string
  /** Names of the objects in the folder of the run, or of the attempt. */
  files: string[]
}

/** Undefined for what names no run, and for text that is no JSON. */
export function parsePointer(text: string): Pointer | undefined {
  const value = fieldsOf(parseJson(text))
  const { run, attempt, resolvedAt } = value
  const named = typeof run === 'string' && RUN_ID_PATTERN.test(run) && typeof resolvedAt === 'string'
  const counted = attempt === undefined || (typeof attempt === 'number' && isAttempt(String(attempt)))
  return named && counted ? (value as unknown as Pointer) : undefined
}
/** Whether a part of a path can be the number of an attempt. */
export const isAttempt = (part: string) => /^[1-9]\d{0,3}$/.test(part)

/** A task as ECS describes it, in an event or in an answer; only what we read. */
import { parseStartedBy } from '../../shared/contract.ts'
import { fieldsOf } from '../../shared/fields.ts'
import type { EcsEnd } from '../../shared/outcome.ts'
import { CONTAINER } from '../../shared/resource-names.ts'

export interface TaskFacts {
  taskArn: string
  /** Whose task it is; undefined: not ours. */
  owner: { run: string; attempt: number } | undefined
  lastStatus: string
  version: number
  startedAt?: string
  stoppedAt?: string
  imageDigest?: string
  end: EcsEnd
}

/** Undefined: not a task. Unknown fields and other containers are ignored. */
export function parseTask(value: unknown): TaskFacts | undefined {
  const task = fieldsOf(value)
  const taskArn = text(task.taskArn)
  const lastStatus = text(task.lastStatus)
  if (!taskArn || !lastStatus) return undefined
  const containers = Array.isArray(task.containers) ? task.containers.map(fieldsOf) : []
  const container = containers.find(each => each.name === CONTAINER) ?? {}
  const startedAt = isoTime(task.startedAt)
  const stoppedAt = isoTime(task.stoppedAt) ?? isoTime(task.executionStoppedAt)
  const exitCode = typeof container.exitCode === 'number' ? container.exitCode : undefined
  return {
    taskArn,
    owner: parseStartedBy(text(task.startedBy)),
    lastStatus,
    version: typeof task.version === 'number' ? task.version : 0,
    ...(startedAt && { startedAt }),
    ...(stoppedAt && { stoppedAt }),
    ...optional('imageDigest', text(container.imageDigest)),
    end: {
      ...optional('stopCode', text(task.stopCode)),
      ...optional('stoppedReason', text(task.stoppedReason)),
      ...optional('containerReason', text(container.reason)),
      ...optional('exitCode', exitCode),
      started: startedAt !== undefined || exitCode !== undefined,
    },
  }
}

/** AWS's words may be long; a record keeps so many characters. */
const TEXT = 1500
const text = (value: unknown) => (typeof value === 'string' && value ? value.slice(0, TEXT) : undefined)
const optional = <K extends string, V>(name: K, value: V | undefined) =>
  (value === undefined ? {} : { [name]: value }) as Partial<Record<K, V>>

function isoTime(value: unknown): string | undefined {
  const date = value instanceof Date ? value : typeof value === 'string' ? new Date(value) : undefined
  return date && !Number.isNaN(date.getTime()) ? date.toISOString() : undefined
}

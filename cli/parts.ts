/** The parts of an attempt's log and ledger (shared/plan.ts), which come from a container and are read with care. */
import { gunzipSync } from 'node:zlib'
import { KEY } from '../shared/contract.ts'
import type { LogLine, NodeLine, PartLine, Progress } from '../shared/plan.ts'
import { NODE_STATUSES } from '../shared/run.ts'
import type { Bucket } from './connection.ts'

export type PartEvent = PartLine | { type: 'gap'; text: string }

/** Reads on where the last call ended; one of these for each attempt. */
export interface PartReader {
  /** Everything new. `complete`: nothing more will be written, so that a hole is a hole. */
  read(complete: boolean): Promise<PartEvent[]>
}

/** Times a hole is waited for: the part after it may have overtaken it. */
const PATIENCE = 5

export function makePartReader(bucket: Bucket, attemptPrefix: string): PartReader {
  let next = 1
  let waited = 0
  let tailRead = false
  return {
    async read(complete) {
      const keys = new Set((await bucket.list(`${attemptPrefix}parts/`)).map(object => object.key))
      const last = Math.max(0, ...[...keys].map(numberOfPart))
      const events: PartEvent[] = []
      while (next <= last) {
        const key = KEY.part(attemptPrefix, next)
        if (keys.has(key)) {
          events.push(...(await readPart(bucket, key)))
        } else if (complete || waited >= PATIENCE) {
          events.push({ type: 'gap', text: `part ${next} of the log is missing` })
        } else {
          waited += 1
          return events
        }
        waited = 0
        next += 1
      }
      if (complete && !tailRead && keys.has(KEY.tail(attemptPrefix))) {
        tailRead = true
        events.push(...(await readPart(bucket, KEY.tail(attemptPrefix))))
      }
      return events
    },
  }
}

const numberOfPart = (key: string) => Number(/\/(\d+)\.ndjson\.gz$/.exec(key)?.[1] ?? 0)

async function readPart(bucket: Bucket, key: string): Promise<PartEvent[]> {
  const name = key.split('/').at(-1)
  const bytes = await bucket.get(key)
  if (!bytes) return [{ type: 'gap', text: `${name} of the log is missing` }]
  let text: string
  try {
    // The bucket may have undone the compression already, if it was stored as an encoding.
    text = Buffer.from(bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString('utf8')
  } catch {
    return [{ type: 'gap', text: `${name} of the log cannot be read` }]
  }
  const lines = text.split('\n').filter(line => line !== '')
  const events = lines.map(parseLine)
  const bad = events.filter(event => event === undefined).length
  return [
    ...events.flatMap(event => event ?? []),
    ...(bad > 0 ? [{ type: 'gap' as const, text: `${bad} lines of ${name} cannot be read` }] : []),
  ]
}

/** Undefined for a line that is none of ours. */
export function parseLine(line: string): PartLine | undefined {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return undefined
  }
  if (typeof value !== 'object' || value === null) return undefined
  const field = (key: string): unknown => Reflect.get(value, key)
  if (field('type') === 'log' && typeof field('text') === 'string' && typeof field('step') === 'number') return value as LogLine
  if (
    field('type') === 'node' &&
    typeof field('uniqueId') === 'string' &&
    NODE_STATUSES.some(status => status === field('status'))
  )
    return value as NodeLine
  if (field('type') === 'progress' && Array.isArray(field('steps')) && isNodes(field('nodes'))) return value as Progress
  return undefined
}

const isNodes = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  typeof Reflect.get(value, 'done') === 'number' &&
  typeof Reflect.get(value, 'total') === 'number' &&
  Array.isArray(Reflect.get(value, 'running'))

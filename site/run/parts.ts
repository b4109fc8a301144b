/** Parts of an attempt's log and ledger. A container wrote them: every line is parsed and bounded. */
import { parsePartLine } from '../../shared/parse-result.ts'
import type { LogLine, NodeLine, Progress } from '../../shared/plan.ts'
import { unpackText } from '../../shared/unpack.ts'
import { askData, listParts } from '../server.ts'

export interface Part {
  progress?: Progress
  log: LogLine[]
  nodes: NodeLine[]
}

export async function readPart(key: string, signal?: AbortSignal): Promise<Part> {
  const response = await askData(key, signal ? { signal } : {})
  const bytes = new Uint8Array(await response.arrayBuffer())
  return parsePart(await unpackText(bytes))
}

export function parsePart(text: string): Part {
  const part: Part = { log: [], nodes: [] }
  for (const row of text.split('\n')) {
    const line = row ? parsePartLine(row) : undefined
    if (line?.type === 'log') part.log.push(line)
    else if (line?.type === 'node') part.nodes.push(line)
    else if (line) part.progress = line
  }
  return part
}

/** 0 for the end that came by CloudWatch. */
export const numberOfPart = (key: string) => Number(/\/(\d+)\.ndjson\.gz$/.exec(key)?.[1] ?? 0)

/** An answer holds a thousand. */
const MOST_ANSWERS = 50

/** Keys of all parts behind one. */
export async function listAllParts(id: string, attempt: number, after: number, signal?: AbortSignal): Promise<string[]> {
  const keys: string[] = []
  let last = after
  for (let answers = 0; answers < MOST_ANSWERS; answers++) {
    const more = await listParts(id, attempt, last, signal)
    const fresh = more.filter(key => !keys.includes(key))
    keys.push(...fresh)
    const reached = Math.max(last, ...fresh.map(numberOfPart))
    if (reached === last) break
    last = reached
  }
  return keys
}

/** Parts of an attempt's log. A container wrote them: every line is parsed. */
import { parseLog } from '../../shared/parse-result.ts'
import type { LogLine } from '../../shared/plan.ts'
import { unpackText } from '../../shared/unpack.ts'
import { askData, listParts } from '../server.ts'

export async function readPart(key: string): Promise<LogLine[]> {
  const bytes = new Uint8Array(await (await askData(key)).arrayBuffer())
  return (await unpackText(bytes)).split('\n').flatMap(line => (line && parseLog(line)) || [])
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

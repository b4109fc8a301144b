/** What an attempt has done so far, out of the parts that its container wrote: every line is parsed, every part bounded. */
import { KEY } from './contract.ts'
import { PARTS_PER_ANSWER, type RunProgress } from './page-api.ts'
import type { PageReads } from './page-reads.ts'
import { parsePartLine } from './parse-result.ts'
import type { PartLine } from './plan.ts'
import type { RunRecord } from './run.ts'
import { unpackText } from './unpack.ts'

/** Of a long run that is opened late: results of the newest parts are enough to see what goes on. */
const MOST_PARTS = 150
const AT_ONCE = 10
/** Bytes of a part, as it is stored and unpacked: the runner ends one at a megabyte. */
const MOST_BYTES = 8 * 1024 * 1024

/** 0 for the end that came by CloudWatch. */
const numberOf = (key: string) => Number(/\/(\d+)\.ndjson\.gz$/.exec(key)?.[1] ?? 0)

export async function readProgress(reads: PageReads, run: RunRecord, attempt: number, after: number): Promise<RunProgress> {
  const keys = await listParts(reads, run, attempt, after)
  const wanted = keys.slice(-MOST_PARTS)
  const found: RunProgress = { nodes: [], last: Math.max(after, ...keys.map(numberOf)), leftOut: keys.length - wanted.length }
  const nodes = new Map<string, RunProgress['nodes'][number]>()
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const parts = await Promise.all(wanted.slice(from, from + AT_ONCE).map(key => readPart(reads, key)))
    for (const part of parts) {
      if (!part) found.leftOut++
      for (const line of part ?? [])
        if (line.type === 'progress') found.progress = line
        else if (line.type === 'node') {
          const { type: _, ...node } = line
          // Later results of a node take the place of earlier ones, at the end.
          nodes.delete(node.uniqueId)
          nodes.set(node.uniqueId, { ...node, attempt })
        }
    }
  }
  return { ...found, nodes: [...nodes.values()] }
}

async function listParts(reads: PageReads, run: RunRecord, attempt: number, after: number): Promise<string[]> {
  const prefix = KEY.attempt(run, attempt)
  const keys: string[] = []
  for (let last = KEY.part(prefix, after); ; last = keys.at(-1) ?? '') {
    const page = await reads.keys(`${prefix}parts/`, last, PARTS_PER_ANSWER)
    keys.push(...page)
    if (page.length < PARTS_PER_ANSWER) return keys
  }
}

/** Undefined where it cannot be read. */
async function readPart(reads: PageReads, key: string): Promise<PartLine[] | undefined> {
  const found = await reads.bytes(key, { start: 0, end: MOST_BYTES - 1 })
  if (!found || found.size > MOST_BYTES) return undefined
  const text = await unpackText(new Uint8Array(found.bytes), MOST_BYTES).catch(() => undefined)
  return text?.split('\n').flatMap(line => (line && parsePartLine(line)) || [])
}

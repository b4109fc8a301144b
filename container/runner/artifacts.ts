/** dbt's artifacts: proven to be of this step, read within bounds, and copied out with secrets masked. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { NodeResult } from '../../shared/run.ts'
import { recordOf } from './dbt-events.ts'
import { STAMP_KEY } from './environment.ts'
import { nodeOfArtifact } from './node-result.ts'
import type { Redactor } from './redact.ts'

/** Files kept of each step, if dbt wrote them. */
export const KEPT = ['manifest.json', 'run_results.json', 'sources.json', 'catalog.json'] as const

/** A larger result file is not read (it would cost several times its size in memory); the ledger then tells the status. */
const READ_BYTES = 64 * 1024 * 1024

/** Results of the step from its own artifact; undefined if there is none, it is broken, or it bears another step's stamp. */
export async function readResults(folder: string, name: string, stamp: string): Promise<NodeResult[] | undefined> {
  const path = join(folder, name)
  try {
    if ((await stat(path)).size > READ_BYTES) return undefined
    const artifact = recordOf(JSON.parse(await readFile(path, 'utf8')))
    const env = recordOf(recordOf(artifact.metadata).env)
    if (env[STAMP_KEY] !== stamp || !Array.isArray(artifact.results)) return undefined
    return artifact.results.flatMap(entry => nodeOfArtifact(entry) ?? [])
  } catch {
    return undefined
  }
}

/** Writes a masked, gzip-compressed copy; memory does not grow with the file. */
export async function copyMasked(from: string, to: string, redact: Redactor): Promise<void> {
  await pipeline(createReadStream(from), redact.stream(), createGzip(), createWriteStream(to))
}

/** The same of a file that holds nothing to mask. */
export async function copyPacked(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createGzip(), createWriteStream(to))
}

/** Whether masking would change the file. Piece by piece: it grows with the project, the memory of the runner must not. */
export async function holdsSecret(file: string, redact: Pick<Redactor, 'text'>): Promise<boolean> {
  let held = ''
  for await (const chunk of createReadStream(file, { encoding: 'utf8', highWaterMark: 512 * 1024 })) {
    const text = held + chunk
    if (redact.text(text) !== text) return true
    // Longer than any form of a secret that is one line.
    held = text.slice(-8192)
  }
  return false
}

/** What neither events nor results tell of nodes, by unique id: their paths in the project, and what a test is about. */
export interface NodeFacts {
  paths: Map<string, string>
  tested: Map<string, string>
}

/** No fact and the id before it are longer, in characters. */
const LONGEST_FACT = 4096

/**
 * A manifest may be too large to parse, but what a test is about stands behind its `unique_id`, and 1.x writes that beside
 * `original_file_path`, so a scan finds them.
 */
export async function readNodeFacts(manifest: string): Promise<NodeFacts> {
  const facts: NodeFacts = { paths: new Map(), tested: new Map() }
  const text = '"((?:[^"\\\\]|\\\\.)*)"'
  const fact = new RegExp(`(?:"original_file_path": ?${text}, ?)?"unique_id": ?${text}|"attached_node": ?${text}`, 'g')
  let held = ''
  let newest = ''
  try {
    for await (const chunk of createReadStream(manifest, { encoding: 'utf8' })) {
      held += chunk
      let end = 0
      for (const match of held.matchAll(fact)) {
        const [whole, path, id, about] = match
        end = match.index + whole.length
        if (id !== undefined) {
          newest = copyOf(id)
          if (path !== undefined) facts.paths.set(newest, copyOf(path))
        } else if (about) facts.tested.set(newest, copyOf(about))
      }
      // One may lie across two chunks; what was found is not looked at again.
      held = held.slice(Math.max(end, held.length - LONGEST_FACT))
    }
  } catch {
    // No manifest: nodes go without.
  }
  return facts
}

/** What a pattern finds is a view into the text that it searched, and would keep all of that in memory. */
const copyOf = (text: string) => Buffer.from(text).toString()

/** Artifacts of steps, which may be of any size: read up to a bound, or handed to the browser to store. */
import { KEY, type RunPlace } from '../../shared/contract.ts'
import { formatBytes } from '../../shared/format.ts'
import type { RunNode } from '../../shared/history-index.ts'
import type { StepResult } from '../../shared/run.ts'
import { faultError } from '../fault.ts'
import { askData } from '../server.ts'

/** A manifest of some thousand models has 30 MB; beyond this a page would stand still for seconds. */
const MOST_BYTES = 80 * 1024 * 1024

export const stepKey = (place: RunPlace, attempt: number, step: Pick<StepResult, 'index' | 'name'>) =>
  KEY.step(KEY.attempt(place, attempt), step.index, step.name)

/** Undefined: more than the bound. */
async function readBounded(key: string): Promise<string | undefined> {
  const response = await askData(key)
  const reader = response.body?.getReader()
  if (!reader) return response.text()
  const decoder = new TextDecoder()
  const pieces: string[] = []
  let bytes = 0
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.length
    if (bytes > MOST_BYTES) {
      await reader.cancel()
      return undefined
    }
    pieces.push(decoder.decode(next.value, { stream: true }))
  }
  return pieces.join('') + decoder.decode()
}

let newest: { key: string; value: Promise<Record<string, unknown>> } | undefined
/** JSON of an artifact; the newest one is kept, as the next question is mostly about the same. */
export function readArtifact(key: string): Promise<Record<string, unknown>> {
  if (newest?.key === key) return newest.value
  const value = readBounded(key).then(text => {
    if (text !== undefined) return JSON.parse(text) as Record<string, unknown>
    throw faultError({
      status: 0,
      message: `${key.split('/').at(-1)} has more than ${formatBytes(MOST_BYTES)}.`,
      hint: 'Download it under Artifacts.',
    })
  })
  newest = { key, value }
  value.catch(() => {
    newest = undefined
  })
  return value
}

/** What each node needs, by the manifest of a step. */
export async function readParents(key: string): Promise<Record<string, string[]>> {
  const map = fieldsOf((await readArtifact(key)).parent_map)
  return Object.fromEntries(
    Object.entries(map).map(([id, list]) => [id, Array.isArray(list) ? list.filter(each => typeof each === 'string') : []]),
  )
}

/** Compiled SQL of a node; undefined where dbt left none. */
export async function readCompiled(prefix: string, step: StepResult, node: RunNode): Promise<string | undefined> {
  const artifacts = step.artifacts ?? []
  if (artifacts.includes('run_results.json')) {
    const { results } = await readArtifact(`${prefix}run_results.json`)
    const found = Array.isArray(results) ? results.find(each => fieldsOf(each).unique_id === node.uniqueId) : undefined
    const code = fieldsOf(found).compiled_code
    if (typeof code === 'string' && code) return code
  }
  if (!artifacts.includes('manifest.json')) return undefined
  const { nodes } = await readArtifact(`${prefix}manifest.json`)
  const code = fieldsOf(fieldsOf(nodes)[node.uniqueId]).compiled_code
  return typeof code === 'string' && code ? code : undefined
}

const fieldsOf = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}

/** A link cannot carry the token, so the page fetches the file and hands it on. Its type keeps a browser from showing it. */
export async function download(key: string, name: string): Promise<void> {
  const blob = new Blob([await (await askData(key)).blob()], { type: 'application/octet-stream' })
  const link = document.createElement('a')
  link.href = URL.createObjectURL(blob)
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000)
}

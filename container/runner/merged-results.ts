/** run_results.json of a step that several attempts did: dbt's own of the last one, and before it what the record knows of the rest. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { NodeResult } from '../../shared/run.ts'
import { STAMP_KEY } from './environment.ts'
import { isTest } from './node-result.ts'
import { leftResults } from './resume-words.ts'

/** In `metadata.env`: how many of the results are not dbt's own words, but were made from the record of earlier attempts. */
export const MERGED_KEY = 'TIDEMILL_FROM_EARLIER_ATTEMPTS'

/** `results` come after the metadata, which is short. */
const HEAD_BYTES = 64 * 1024

/**
 * Writes the whole of the step's results into `folder` and gives the path; throws where dbt's file has another form than the
 * known ones. The file is not parsed: with the compiled code of some thousand nodes it would cost hundreds of megabytes.
 */
export async function mergeResults(own: string, folder: string, done: readonly NodeResult[]): Promise<string> {
  const handle = await open(own)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0).finally(() => handle.close())
  const head = buffer.subarray(0, bytesRead).toString('latin1')
  // Inside of a text a quotation mark has a backslash before it, so these are keys.
  const env = /"env": ?\{/.exec(head)
  const results = /"results": ?\[\s*(\])?/.exec(head)
  if (!env || !results || results.index < env.index) throw new Error('what dbt left has another form than expected')
  const entries = entriesOf(done.filter(node => node.resourceType !== 'operation'))
  const [afterEnv, afterResults] = [env.index + env[0].length, results.index + results[0].length - (results[1] ? 1 : 0)]
  const isEmpty = head[afterEnv] === '}'
  const stamp = `"${MERGED_KEY}": "${entries.length}"${isEmpty ? '' : ', '}`
  const text = entries.map(entry => JSON.stringify(entry)).join(', ')
  const to = join(folder, 'merged-run_results.json')
  await pipeline(async function* () {
    yield Buffer.from(head.slice(0, afterEnv), 'latin1')
    yield stamp
    yield Buffer.from(head.slice(afterEnv, afterResults), 'latin1')
    yield `${text}${text && !results[1] ? ', ' : ''}`
    yield* createReadStream(own, { start: afterResults })
  }, createWriteStream(to))
  return to
}

/** Results of a step of which an attempt found nothing left to do, beside the manifest that it listed the nodes from. */
export async function writeDoneResults(
  target: string,
  done: readonly NodeResult[],
  facts: { version: string; stamp: string; args: Record<string, unknown>; now: Date },
): Promise<void> {
  const results = entriesOf(done)
  const file = leftResults([], facts.version, facts.now)
  const env = { [STAMP_KEY]: facts.stamp, [MERGED_KEY]: String(results.length) }
  const whole = { ...file, metadata: { ...file.metadata, env }, results, args: facts.args }
  await writeFile(join(target, 'run_results.json'), JSON.stringify(whole))
}

/** dbt has no results of ephemeral models. */
const entriesOf = (done: readonly NodeResult[]) => done.filter(node => node.materialized !== 'ephemeral').map(entryOf)

function entryOf(node: NodeResult) {
  const { status, startedAt, endedAt } = node
  return {
    status: status === 'success' && isTest(node) ? 'pass' : status,
    timing: startedAt && endedAt ? [{ name: 'execute', started_at: startedAt, completed_at: endedAt }] : [],
    thread_id: 'earlier attempt',
    execution_time: node.executionSeconds ?? 0,
    adapter_response: node.rowsAffected === undefined ? {} : { rows_affected: node.rowsAffected },
    message: node.message ?? null,
    failures: node.failures ?? (isTest(node) ? 0 : null),
    unique_id: node.uniqueId,
    compiled: null,
    compiled_code: null,
    relation_name: node.relation ?? null,
    batch_results: null,
  }
}

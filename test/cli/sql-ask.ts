/** Asks `tidemill sql` over the objects of a bucket in memory. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import type { GlobalOptions } from '../../cli/command.ts'
import type { Effects } from '../../cli/effects.ts'
import { sqlCommand } from '../../cli/sql.ts'
import { UserError } from '../../shared/errors.ts'
import { fakeConnection, fakeContext, type fakeSink, input } from './fakes.ts'

export const root = mkdtempSync(join(tmpdir(), 'tidemill-sql-'))
after(() => rmSync(root, { recursive: true, force: true }))

export type Objects = Record<string, Uint8Array>
interface Options {
  cache?: string
  options?: Record<string, unknown>
  globals?: Partial<GlobalOptions>
  effects?: Partial<Effects>
  /** Before an object is read. */
  onRead?(key: string): void
}

let caches = 0
/** Asks, and says which reads that took. */
export async function ask(
  objects: Objects,
  question: string | undefined,
  { cache, options, globals, effects, onRead }: Options = {},
) {
  const connection = fakeConnection({ objects })
  const reads: { key: string; bytes: number }[] = []
  const { read } = connection.bucket
  connection.bucket.read = async (key, part, ifMatch) => {
    onRead?.(key)
    const answer = await read(key, part, ifMatch)
    reads.push({ key, bytes: answer?.bytes.length ?? 0 })
    return answer
  }
  const env = { TIDEMILL_CACHE: cache ?? join(root, String(++caches)) }
  const context = fakeContext(connection, { globals: globals ?? {}, effects: { env, ...effects } })
  const outcome = await sqlCommand.run(context, input({ question }, options ?? {}))
  const document = outcome.document as {
    columns: { name: string; type: string }[]
    rows: Record<string, unknown>[]
    cut: boolean
  }
  return { ...document, lines: outcome.lines, reads, stderr: (context.effects.stderr as ReturnType<typeof fakeSink>).text }
}

export const refusal = async (objects: Objects, question: string): Promise<UserError> => {
  const error = await ask(objects, question).then(
    () => assert.fail('it was answered'),
    error => error,
  )
  if (error instanceof UserError) return error
  throw error
}

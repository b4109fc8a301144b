/** The record of an attempt as it grows: log lines, finished nodes and progress, one object a flush. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { LogLine, NodeLine, Plan, Progress } from '../../shared/plan.ts'
import type { Redactor } from './redact.ts'
import type { Uploads } from './uploads.ts'

const compress = promisify(gzip)

/** A fuller buffer is flushed at once: it bounds memory and the size of a part. */
const FULL_BYTES = 1024 * 1024

export interface Parts {
  add(line: LogLine | NodeLine): void
  /** Progress has changed although no line was added. */
  touch(): void
  /** Writes a part if anything changed since the last one. */
  flush(): Promise<void>
  /** Waits while a full buffer is being written, so that a fast program does not outrun the disk. */
  ready(): Promise<void>
  count(): number
}

/** Parts wait for their upload as files in `folder`, so that an outage of the bucket costs disk and no memory. */
export function createParts(deps: {
  plan: Pick<Plan, 'run' | 'attempt' | 'prefixes'>
  folder: string
  uploads: Uploads
  redact: Redactor
  now(): Date
  progress(): Pick<Progress, 'steps' | 'nodes' | 'commit'>
}): Parts {
  let lines: string[] = []
  let bytes = 0
  let changed = false
  let count = 0
  let writing: Promise<void> = Promise.resolve()

  function flush(): Promise<void> {
    if (!changed) return writing
    const content = lines
    lines = []
    bytes = 0
    changed = false
    const part = ++count
    const { plan } = deps
    const first: Progress = {
      type: 'progress',
      schemaVersion: SCHEMA_VERSION,
      run: plan.run.id,
      attempt: plan.attempt,
      part,
      at: deps.now().toISOString(),
      ...deps.progress(),
    }
    const text = `${[deps.redact.text(JSON.stringify(first)), ...content].join('\n')}\n`
    writing = writing.then(() => store(part, text))
    return writing
  }

  async function store(part: number, text: string): Promise<void> {
    const file = join(deps.folder, `${part}.ndjson.gz`)
    const content = await compress(text)
    const onDisk = await writeFile(file, content).then(
      () => true,
      () => false,
    )
    void deps.uploads.add('parts', {
      key: KEY.part(deps.plan.prefixes.attempt, part),
      // The log is worth most when the disk is full.
      body: onDisk ? { file } : { content },
      contentType: 'application/x-ndjson',
      // No Content-Encoding: the key says gzip, and clients that unpack by themselves would surprise the readers.
    })
  }

  return {
    add(line) {
      // Log lines come masked; of a node the message may hold anything.
      const json = JSON.stringify(line)
      const text = line.type === 'node' ? deps.redact.text(json) : json
      lines.push(text)
      bytes += text.length
      changed = true
      if (bytes >= FULL_BYTES) void flush()
    },
    touch() {
      changed = true
    },
    flush,
    ready: () => writing,
    count: () => count,
  }
}

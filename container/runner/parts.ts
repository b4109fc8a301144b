/** The record of an attempt as it grows: log lines, finished nodes and progress, one object a flush. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { createGzip } from 'node:zlib'
import { KEY, SCHEMA_VERSION } from '../../shared/contract.ts'
import type { LogLine, NodeLine, Plan, Progress } from '../../shared/plan.ts'
import type { Redactor } from './redact.ts'
import type { Uploads } from './uploads.ts'

/** Lines beyond it go into a part of their own: it bounds memory and the size of a part. */
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
  const pages = createPages()
  let page = pages.take(0)
  let changed = false
  let count = 0
  let writing: Promise<void> = Promise.resolve()

  function flush(): Promise<void> {
    if (!changed) return writing
    const content = page
    page = pages.take(0)
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
    const head = `${deps.redact.text(JSON.stringify(first))}\n`
    writing = writing.then(() => store(part, head, content))
    return writing
  }

  async function store(part: number, head: string, page: Page): Promise<void> {
    const file = join(deps.folder, `${part}.ndjson.gz`)
    const gzip = createGzip()
    gzip.write(head)
    gzip.end(page.bytes.subarray(0, page.length))
    const content = await buffer(gzip)
    pages.giveBack(page)
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
      const text = `${line.type === 'node' ? deps.redact.text(json) : json}\n`
      // A character of a string is three bytes of UTF-8 at most.
      const most = 3 * text.length
      if (page.length + most > page.bytes.length) {
        if (page.length > 0) void flush()
        if (most > page.bytes.length) page = pages.take(most)
      }
      page.length += page.bytes.write(text, page.length)
      changed = true
    },
    touch() {
      changed = true
    },
    flush,
    ready: () => writing,
    count: () => count,
  }
}

interface Page {
  bytes: Buffer
  length: number
}

/** Lines wait as bytes in memory that is used again: strings would grow old and stay in the heap as garbage for long. */
function createPages() {
  const free: Page[] = []
  return {
    /** An empty page with room for so many bytes at least. */
    take(bytes: number): Page {
      const found = bytes <= FULL_BYTES ? free.pop() : undefined
      return found ?? { bytes: Buffer.allocUnsafeSlow(Math.max(bytes, FULL_BYTES)), length: 0 }
    },
    giveBack(page: Page): void {
      page.length = 0
      // The one that a huge line needed is not kept.
      if (page.bytes.length === FULL_BYTES) free.push(page)
    },
  }
}

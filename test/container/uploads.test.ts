import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { createOutput } from '../../container/runner/output.ts'
import { createParts } from '../../container/runner/parts.ts'
import { createRedactor } from '../../container/runner/redact.ts'
import type { Upload } from '../../container/runner/store.ts'
import { createUploads } from '../../container/runner/uploads.ts'
import type { PartLine } from '../../shared/plan.ts'

const RUN = { project: 'shop', environment: 'prod', job: 'nightly', id: '20261122T010000-00000000000a' }
const upload = (key: string): Upload => ({ key, body: { content: key }, contentType: 'text/plain' })

/** A store that fails so many times; `wait` passes the time at once, but only counts it. */
function setUp(failures: number) {
  const stored: string[] = []
  const waited: number[] = []
  let left = failures
  const uploads = createUploads({
    store: {
      async put({ key }) {
        if (left-- > 0) throw new Error('503')
        stored.push(key)
      },
    },
    async wait(milliseconds, signal) {
      waited.push(milliseconds)
      await new Promise(resolve => setTimeout(resolve, milliseconds >= 1_000_000 ? 50 : 1))
      void signal
    },
    failed: () => {},
  })
  return { uploads, stored, waited }
}

test('fault 26: refused uploads are tried again, later and later, in their order', async () => {
  const { uploads, stored, waited } = setUp(4)
  void uploads.add('parts', upload('1'))
  const second = uploads.add('parts', upload('2'))
  assert.equal(await second, true)
  assert.equal(await uploads.finish(1_000_000), true)
  assert.deepEqual(stored, ['1', '2'])
  assert.deepEqual(waited.slice(0, 4), [1000, 2000, 4000, 8000])
})

test('fault 26: uploads that are refused for good are given up at the end, and said to be missing', async () => {
  const { uploads, stored } = setUp(Number.POSITIVE_INFINITY)
  const first = uploads.add('parts', upload('1'))
  assert.equal(await uploads.finish(1_000_000), false)
  assert.equal(await first, false)
  assert.deepEqual(stored, [])
})

function makeParts(t: { after(fn: () => void): void }, secrets: string[] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'parts-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const sent: { key: string; lines: PartLine[] }[] = []
  const parts = createParts({
    plan: { run: RUN, attempt: 1, prefixes: { attempt: 'a/', cache: '', docs: '' } },
    folder,
    uploads: {
      async add(_lane, { key, body }) {
        const bytes = 'file' in body ? readFileSync(body.file) : body.content
        sent.push({
          key,
          lines: gunzipSync(bytes)
            .toString()
            .trimEnd()
            .split('\n')
            .map(line => JSON.parse(line)),
        })
        return true
      },
      finish: async () => true,
    },
    redact: createRedactor(secrets),
    now: () => new Date(0),
    progress: () => ({ steps: [], nodes: { done: 1, total: 2, running: ['orders'] } }),
  })
  const log = (text: string) => parts.add({ type: 'log', at: '', step: 0, text })
  return { parts, sent, log }
}

test('a part begins with progress; parts are numbered without gaps; nothing changed, nothing written', async t => {
  const { parts, sent, log } = makeParts(t)
  await parts.flush()
  log('one')
  await parts.flush()
  await parts.flush()
  parts.touch()
  await parts.flush()
  assert.deepEqual(
    sent.map(part => part.key),
    ['a/parts/000001.ndjson.gz', 'a/parts/000002.ndjson.gz'],
  )
  assert.deepEqual(
    sent.map(part => part.lines.map(line => line.type)),
    [['progress', 'log'], ['progress']],
  )
  const first = sent[0]?.lines[0]
  assert.ok(first?.type === 'progress' && first.part === 1 && first.nodes.total === 2)
})

test('fault 29: a full buffer becomes a part at once, and no line is lost', async t => {
  const { parts, sent, log } = makeParts(t)
  for (let i = 0; i < 5000; i++) log(`${i} ${'x'.repeat(1000)}`)
  await parts.ready()
  assert.ok(sent.length >= 4)
  await parts.flush()
  const texts = sent.flatMap(part => part.lines).flatMap(line => (line.type === 'log' ? [Number.parseInt(line.text, 10)] : []))
  assert.deepEqual(
    texts,
    Array.from({ length: 5000 }, (_, i) => i),
  )
})

test('fault 29: a line larger than a part and letters of several bytes come whole and in order', async t => {
  const { parts, sent, log } = makeParts(t)
  const texts = ['before', 'ü€😀'.repeat(400_000), 'after', 'ä'.repeat(1000)]
  for (const text of texts) log(text)
  await parts.flush()
  const found = sent.flatMap(part => part.lines).flatMap(line => (line.type === 'log' ? [line.text] : []))
  assert.equal(found.length, texts.length)
  assert.ok(found.every((text, i) => text === texts[i]))
})

test('fault 28: the message of a node is masked', async t => {
  const { parts, sent } = makeParts(t, ['secret "word"'])
  parts.add({
    type: 'node',
    step: 1,
    uniqueId: 'model.a',
    name: 'a',
    resourceType: 'model',
    status: 'error',
    message: 'login with secret "word" failed',
  })
  await parts.flush()
  const line = sent[0]?.lines[1]
  assert.ok(line?.type === 'node')
  assert.equal(line.message, 'login with *** failed')
})

test('fault 46: output that nobody reads is dropped beyond its bound and counted once somebody reads', async () => {
  const pipe = new PassThrough({ highWaterMark: 10 })
  const output = createOutput(pipe, 1000)
  for (let i = 0; i < 500; i++) output.write(`line ${i}`)
  assert.ok(pipe.writableLength <= 1000)
  const read: string[] = []
  pipe.setEncoding('utf8').on('data', chunk => read.push(chunk))
  await new Promise(resolve => setTimeout(resolve, 20))
  output.write('later')
  await output.drain(100)
  const lines = read.join('').split('\n').filter(Boolean)
  const kept = lines.filter(line => /^line \d+$/.test(line)).length
  assert.ok(kept > 50 && kept < 500)
  assert.match(lines.at(-2) ?? '', new RegExp(`^… ${500 - kept} lines are missing here`))
  assert.equal(lines.at(-1), 'later')
})

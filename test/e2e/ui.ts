/** The program `tidemill ui` on the installation of the end-to-end test: real runs, real docs, the api behind its actions. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { KEY } from '../../shared/contract.ts'
import type { RunNodes } from '../../shared/history-index.ts'
import { type NodeHistory, type RunAnswer, type SourceHistory, TOKEN_HEADER } from '../../shared/page-api.ts'
import { openBrowser } from '../browser.ts'
import { get } from '../cli/http.ts'
import { skipWithout } from '../need.ts'
import type { Installation } from './installation.ts'
import { missingFile } from './project.ts'
import { bucketOf } from './table.ts'

const program = join(import.meta.dirname, '../../dist/bin/tidemill.mjs')
const limit = { timeout: 120_000 }
const MB = 1024 * 1024

/** Until the test (or who else asks for it) ends. */
export async function openUi(t: { after(end: () => unknown): void }, folder: string, ...options: string[]) {
  const child = spawn(process.execPath, [program, 'ui', '--local', ...options], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => endOf(child))
  let said = ''
  const address = await new Promise<URL>((resolve, reject) => {
    child.stderr.on('data', chunk => {
      said += chunk
    })
    child.stdout.on('data', chunk => {
      said += chunk
      const found = /http:\S+/.exec(said)
      if (found) resolve(new URL(found[0]))
    })
    child.on('close', () => reject(new Error(`tidemill ui ended: ${said}`)))
  })
  const token = new URLSearchParams(address.hash.replace(/^[^?]*/, '')).get('token') ?? ''
  const ask = (path: string, headers: Record<string, string> = {}) =>
    get(address.origin, path, { [TOKEN_HEADER]: token, ...headers })
  return { child, address: address.href, origin: address.origin, ask }
}

/** Ctrl-C ends it. */
async function endOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode
  const closed = new Promise<number | null>(resolve => child.once('close', resolve))
  child.kill('SIGINT')
  return closed
}

export function uiChecks(chain: () => Installation) {
  test('tidemill ui shows the runs there are, and its actions are those of the command line', limit, async t => {
    const { json } = await chain().tidemill('runs', '--job', 'good')
    const run = json.runs[0]
    const { ask, origin, address, child } = await openUi(t, chain().folder, '--run', run.id, '--port', '4892')
    assert.match(address, new RegExp(`^http://127\\.0\\.0\\.1:4892/#/runs/${run.id}\\?token=`))
    const me = (await ask('/api/me')).json
    assert.deepEqual([me.installation, me.role, me.command], ['chain', 'admin', 'tidemill --local'])
    assert.match(me.actor, /^local:/)
    const { run: record, deeds } = (await ask(`/api/runs/${run.id}`)).json as RunAnswer
    assert.equal(deeds[0]?.command, `tidemill --local run ${record.project}/${record.job}`)
    assert.deepEqual([record.status, record.commit?.sha], ['success', run.commit.sha])
    const { keys } = (await ask(`/api/parts/${run.id}/1`)).json
    assert.ok(keys.length > 0)
    assert.equal((await ask(`/data/${keys[0]}`)).status, 200)
    assert.equal((await ask(`/data/${me.config}`)).json.installation, 'chain')
    const { nodes } = (await ask(`/data/${KEY.nodes(record)}`)).json as RunNodes
    const [node] = nodes
    assert.ok(node)
    const past = await ask(`/api/nodes/${record.project}/${record.environment}?id=${encodeURIComponent(node.uniqueId)}`)
    const seen = (past.json as NodeHistory).runs.find(each => each.run === run.id)
    assert.deepEqual([seen?.name, seen?.status], [node.name, node.status])
    assert.ok(Array.isArray(((await ask('/api/sources')).json as SourceHistory).sources))
    const act = (body: object) => ask('/api/actions', { method: 'POST', origin, body: JSON.stringify(body) })
    const paused = await act({ operation: 'pause', job: 'good' })
    assert.equal(paused.json.ok, true, paused.text)
    assert.equal((await chain().tidemill('run', 'good')).code, 3)
    assert.equal((await act({ operation: 'resume', job: 'good' })).json.ok, true)
    const { entries } = (await chain().tidemill('audit', '--job', 'good')).json
    assert.deepEqual(
      entries.slice(0, 3).map((each: Record<string, string>) => [each.operation, each.actor === me.actor]),
      [
        ['resume', true],
        ['run', true],
        ['pause', true],
      ],
    )
    assert.equal((await act({ operation: 'retry', run: run.id })).status, 409)
    assert.equal(await endOf(child), 0)
  })

  test('fault 29: docs of a very large project pass through the program in little memory', limit, async t => {
    const { cloud, folder } = chain()
    // As the runner stores it.
    const text = manifestOf(200 * MB)
    const stored = gzipSync(text, { level: 1 })
    const place = 'chain/prod/20200101T000000-000000000000/1/manifest.json'
    const bucket = await bucketOf(cloud)
    await bucket.write(`docs/${place}`, stored, { type: 'application/json', encoding: 'gzip' })
    const { ask, child } = await openUi(t, folder)
    const { docs } = (await ask('/api/me')).json
    const before = peakOf(child)
    const packed = await get(docs, `/${place}`, { 'accept-encoding': 'gzip' })
    const plain = await get(docs, `/${place}`)
    const grown = (peakOf(child) - before) / MB
    t.diagnostic(`${text.length / MB} MB, ${Math.round(stored.length / MB)} stored: ${grown.toFixed(1)} MB more memory`)
    assert.ok(packed.body.equals(stored) && plain.body.equals(text))
    assert.ok(grown < 64, `${grown} MB more`)
    const part = await get(docs, `/${place}`, { range: 'bytes=-5', 'accept-encoding': 'gzip' })
    assert.deepEqual([part.status, part.body], [206, stored.subarray(-5)])
    const behind = await get(docs, `/${place}`, { range: `bytes=${stored.length}-`, 'accept-encoding': 'gzip' })
    assert.equal(behind.status, 416)
    const again = await get(docs, `/${place}`, { 'accept-encoding': 'gzip', 'if-none-match': packed.headers.etag ?? '' })
    assert.deepEqual([again.status, again.text], [304, ''])
    assert.equal((await get(docs, '/chain/prod/current/', { 'if-none-match': '"x"' })).status, 302)
  })

  test('fault 37: docs that are open stay what they were while their run is retried; then its address leads to the new ones', {
    ...limit,
    skip: skipWithout('chromium'),
  }, async t => {
    const { folder, tidemill } = chain()
    const first = await tidemill('run', 'mended', '--wait')
    const run = first.json.run.id
    assert.deepEqual([first.code, first.json.run.status], [1, 'error'])
    const { ask } = await openUi(t, folder)
    const { docs } = (await ask('/api/me')).json
    const browser = await openBrowser()
    t.after(() => browser.close())
    const page = await browser.newPage()
    const address = `/chain/prod/${run}/`
    const open = async () => {
      await page.goto(`${docs}${address}#!/model/model.chain.from_file`)
      await page.getByText('read_csv').first().waitFor({ timeout: 20_000 })
      return new URL(page.url()).pathname
    }
    assert.equal(await open(), `${address}1/`)
    writeFileSync(missingFile(folder), 'id,fee\n1,2\n')
    let over = false
    const retried = tidemill('retry', run, '--wait').finally(() => {
      over = true
    })
    const seen = { open: new Set<string>(), anew: new Set<string>() }
    while (!over) {
      seen.open.add(await attemptsOf(name => page.evaluate(readInPage, name)))
      const { headers } = await get(docs, address)
      seen.anew.add(await attemptsOf(async name => (await get(docs, headers.location + name)).text))
    }
    assert.equal((await retried).json.run.status, 'success')
    assert.deepEqual([[...seen.open], [...seen.anew].filter(each => !/^(1 1|2 2)$/.test(each))], [['1 1'], []])
    assert.equal(await open(), `${address}2/`)
    assert.equal(await attemptsOf(name => page.evaluate(readInPage, name)), '2 2')
  })
}

const readInPage = async (name: string) => (await fetch(name, { cache: 'no-store' })).text()

/** Which attempt has made each of the files that dbt's page reads: dbt writes our stamp into them. */
async function attemptsOf(read: (name: string) => Promise<string>): Promise<string> {
  const texts = await Promise.all(['manifest.json', 'catalog.json'].map(read))
  return texts.map(text => JSON.parse(text).metadata.env.TIDEMILL.split('/')[1]).join(' ')
}

/** Nodes with the words of descriptions and code, until there are so many bytes. */
function manifestOf(bytes: number): Buffer {
  const node = (i: number) =>
    `"model.chain.model_${i}":{"raw_code":"select ${i * 7919} as id from {{ ref('model_${i - 1}') }}"},\n`
  const text = Array.from({ length: 20_000 }, (_, i) => node(i)).join('')
  return Buffer.alloc(bytes, text)
}

/** Bytes of resident memory, the most it had so far. */
const peakOf = ({ pid }: ChildProcess) =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024

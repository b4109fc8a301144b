/** dbt's docs, read all the time while their run goes on: by new readers, and by a page that has been open since before. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { serveDocs } from '../../cli/docs-server.ts'
import { retryRun } from '../../lambda/api/retry.ts'
import { finish } from '../../lambda/finisher/finish.ts'
import { KEY } from '../../shared/contract.ts'
import type { Plan } from '../../shared/plan.ts'
import type { FakeCloud } from '../fakes/cloud.ts'
import { stopOf, taskEvent } from '../fakes/ecs.ts'
import { ID, result, started, startNext } from '../lambda/finisher-fixture.ts'
import { fakeBucket } from './fakes.ts'
import { get } from './http.ts'

const OPTIONS = { timeout: 60_000 }
/** The page first, as an upload may begin with anything. */
const FILES = ['index.html', 'manifest.json', 'catalog.json', 'assets/app.js', 'index/nodes.parquet']
const ADDRESSES = ['/shop/prod/current/', `/shop/prod/${ID}/`]
const failed = { outcome: 'error', reason: 'node_failures', message: '2 of 9 models failed' } as const

/** What the task stores where its plan says, one file after the other, each with the number of the attempt in it. */
async function upload(cloud: FakeCloud, names: readonly string[], turn: () => Promise<void>) {
  const attempt = (await cloud.run(ID)).attempts.at(-1)
  const { prefixes } = cloud.json(attempt?.planKey ?? '') as Plan
  for (const name of names) {
    cloud.put(prefixes.docs + name, gzipSync(`attempt ${attempt?.number}`))
    await turn()
  }
}

async function end(cloud: FakeCloud, attempt: number, docsUploaded: boolean) {
  const task = [...cloud.ecs.tasks.values()].at(-1) ?? assert.fail()
  const prefix = KEY.attempt(await cloud.run(ID), attempt)
  cloud.put(KEY.result(prefix), result({ ...failed, attempt, docsUploaded }))
  await finish(cloud.deps, taskEvent(task, stopOf(1)))
}

async function goOn(cloud: FakeCloud) {
  const answer = await retryRun(cloud.deps, 'local:ana', ID)
  assert.ok(answer.ok, answer.ok ? '' : answer.message)
  await startNext(cloud)
}

/** Reads until it is told to stop; what it gives are the pieces of each site that was opened. */
function read(t: TestContext, origin: string) {
  let stopped = false
  const sites: string[][] = []
  const text = async (path: string) => {
    const { status, text: body } = await get(origin, path)
    return status === 200 ? body : `${status} ${path}`
  }
  const openSite = async (address: string) => {
    const { status, headers } = await get(origin, address)
    const base = status === 302 ? (headers.location ?? '') : address
    const pieces: string[] = []
    for (const name of ['', ...FILES.slice(1)]) pieces.push(await text(base + name))
    sites.push(pieces)
  }
  const reader = async (address: string) => {
    while (!stopped) await openSite(address)
  }
  const readers = ADDRESSES.map(reader)
  const stop = async () => {
    stopped = true
    await Promise.all(readers)
    return sites
  }
  t.after(stop)
  /** Until each reader has opened and read a site that it began after this. */
  const turn = async () => {
    for (const enough = sites.length + 2 * readers.length; sites.length < enough; ) await sleep(5)
  }
  return { stop, text, turn }
}

test('fault 37: who reads docs while their run is retried sees one attempt, all of it, at every moment', OPTIONS, async t => {
  const { cloud } = await started()
  const objects = new Proxy<Record<string, Uint8Array>>({}, { get: (_, key) => cloud.objects.get(String(key))?.body })
  const server = await serveDocs({ bucket: fakeBucket(objects) }, { port: 0 })
  t.after(() => server.close())
  await upload(cloud, FILES, async () => {})
  await end(cloud, 1, true)
  const { headers } = await get(server.origin, '/shop/prod/current/')
  const open = headers.location ?? ''
  const { stop, text, turn } = read(t, server.origin)

  await goOn(cloud)
  await upload(cloud, FILES.slice(0, 3), turn)
  await end(cloud, 2, false)
  await turn()
  await goOn(cloud)
  await upload(cloud, FILES, turn)
  await end(cloud, 3, true)
  await turn()
  await goOn(cloud)
  await upload(cloud, FILES.slice(1), turn)
  for (const name of FILES.slice(1)) assert.equal(await text(open + name), 'attempt 1', 'a page that is open stays what it was')

  const sites = await stop()
  const seen = new Set(sites.map(pieces => [...new Set(pieces)].join(' | ')))
  assert.deepEqual([...seen], ['attempt 1', 'attempt 3'])
})

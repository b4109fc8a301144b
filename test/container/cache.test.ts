import assert from 'node:assert/strict'
import { existsSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { createCache, hashOf } from '../../container/runner/cache.ts'
import { createS3Store } from '../../container/runner/store.ts'
import { startBucket } from './bucket.ts'
import { makeFolder } from './project.ts'

/** The client of the product against a server on loopback. */
function storeAt(endpoint: string) {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
  })
  return createS3Store('data')
}

async function setUp(t: { after(fn: () => void): void }, server?: { endpoint: string }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const said: string[] = []
  const store = storeAt(server?.endpoint ?? bucket.endpoint)
  const cache = createCache({ store, prefix: 'cache/shop/prod/', say: text => said.push(text) })
  return { folder, bucket, said, cache, store }
}

test('what was put comes back byte for byte, below the prefix of the environment', { timeout: 10_000 }, async t => {
  const { folder, bucket, cache, said } = await setUp(t)
  const bytes = Buffer.from([0, 255, 10, 13, 31, 139])
  writeFileSync(join(folder, 'in'), bytes)
  assert.equal(await cache.put('packages/a.tar.gz', join(folder, 'in')), true)
  assert.deepEqual(bucket.keys(''), ['cache/shop/prod/packages/a.tar.gz'])
  assert.equal(await cache.get('packages/a.tar.gz', join(folder, 'out')), true)
  assert.deepEqual(readFileSync(join(folder, 'out')), bytes)
  assert.deepEqual(said, [])
})

for (const status of [403, 404])
  test(`an answer of ${status} means that nothing is kept, without a word`, { timeout: 10_000 }, async t => {
    const server = createServer((_, response) => response.writeHead(status).end())
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    t.after(() => void server.close())
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { folder, said, cache } = await setUp(t, { endpoint })
    assert.equal(await cache.get('git/x.pack', join(folder, 'out')), false)
    assert.equal(existsSync(join(folder, 'out')), false)
    assert.deepEqual(said, [])
  })

test('fault 26: a bucket that refuses costs a line of the log, not the run', { timeout: 20_000 }, async t => {
  const { folder, bucket, said, cache } = await setUp(t)
  bucket.refuse(() => true)
  writeFileSync(join(folder, 'in'), 'x')
  assert.equal(await cache.put('parse/x.gz', join(folder, 'in')), false)
  assert.equal(await cache.get('parse/x.gz', join(folder, 'out')), false)
  assert.equal(existsSync(join(folder, 'out.part')), false)
  assert.match(said.join('\n'), /parse\/x\.gz could not be kept[\s\S]*parse\/x\.gz could not be read/)
  assert.ok(bucket.refused >= 2)
})

test('a file that breaks off halfway is no file', { timeout: 20_000 }, async t => {
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-length': '1000' })
    response.write('half', () => response.destroy())
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => void server.close())
  const { folder, cache } = await setUp(t, { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  assert.equal(await cache.get('git/x.pack', join(folder, 'out')), false)
  assert.equal(existsSync(join(folder, 'out')), false)
})

test('a file larger than the bound is not kept', { timeout: 10_000 }, async t => {
  const { folder, bucket, said, cache } = await setUp(t)
  writeFileSync(join(folder, 'in'), '')
  truncateSync(join(folder, 'in'), 257 * 1024 * 1024)
  assert.equal(await cache.put('packages/a.tar.gz', join(folder, 'in')), false)
  assert.match(said[0] ?? '', /257 MB, more than is kept \(256 MB\)/)
  assert.deepEqual(bucket.keys(''), [])
})

test('what is put in the background is there once settled; a name cannot leave the prefix', { timeout: 10_000 }, async t => {
  const { folder, bucket, cache } = await setUp(t)
  writeFileSync(join(folder, 'in'), 'x')
  cache.later('git/x.pack', join(folder, 'in'))
  await cache.settle(5_000)
  assert.deepEqual(bucket.keys(''), ['cache/shop/prod/git/x.pack'])
  await assert.rejects(cache.get('../../docs/shop/prod/current.json', join(folder, 'out')), /cannot name/)
})

test('a name by content keeps its parts apart', () => {
  assert.equal(hashOf('a', 'bc'), hashOf('a', 'bc'))
  assert.notEqual(hashOf('a', 'bc'), hashOf('ab', 'c'))
})

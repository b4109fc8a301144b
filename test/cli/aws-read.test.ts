import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { Sha256 } from '@aws-crypto/sha256-js'
import { S3Client } from '@aws-sdk/client-s3'
import { SignatureV4 } from '@smithy/signature-v4'
import { makeReader, signGet } from '../../cli/aws-read.ts'

const KEYS = { accessKeyId: 'AKEXAMPLE', secretAccessKey: 'not a secret' }

test('a GET is signed as the SDK signs it, with and without a session', async () => {
  const at = new Date('2026-11-22T01:02:03.456Z')
  for (const credentials of [KEYS, { ...KEYS, sessionToken: 'of a session' }]) {
    const signed = signGet({ host: 'b.s3.example', path: '/a/day%3D1/x%20y.parquet', region: 'eu-north-1', credentials, at })
    const signer = new SignatureV4({ service: 's3', region: 'eu-north-1', credentials, sha256: Sha256, uriEscapePath: false })
    const { headers } = await signer.sign(
      {
        method: 'GET',
        protocol: 'https:',
        hostname: 'b.s3.example',
        path: '/a/day%3D1/x%20y.parquet',
        query: {},
        headers: { host: 'b.s3.example' },
      },
      { signingDate: at },
    )
    assert.equal(signed.authorization, headers.authorization)
  }
})

test('the SDK goes first and takes what is not plainly answered', { timeout: 20_000 }, async t => {
  const agents: string[] = []
  let refused = false
  const server = createServer((request, response) => {
    const sdk = /aws-sdk/.test(request.headers['user-agent'] ?? '')
    agents.push(sdk ? 'sdk' : 'plain')
    const key = request.url?.split('?')[0]
    if (key?.endsWith('gone')) return response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')
    if (request.headers['if-match'] === '"old"')
      return response.writeHead(412).end('<Error><Code>PreconditionFailed</Code></Error>')
    // Once: the plain request breaks in the middle.
    if (!sdk && key?.endsWith('broken') && !refused) {
      refused = true
      response.writeHead(200, { 'content-length': 10, etag: '"e"' })
      response.write('01234')
      setTimeout(() => response.destroy(), 20)
      return
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    const body = from === undefined ? '0123456789' : '0123456789'.slice(Number(from), Number(to) + 1)
    const range = from === undefined ? {} : { 'content-range': `bytes ${from}-${to}/10` }
    response.writeHead(from === undefined ? 200 : 206, { 'content-length': body.length, etag: '"e"', ...range })
    response.end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  t.after(() => server.closeAllConnections())
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new S3Client({ endpoint, region: 'eu-north-1', credentials: KEYS, forcePathStyle: true })
  const read = makeReader(client, 'data')
  const told = async (...of: Parameters<typeof read>) => {
    const before = agents.length
    const object = await read(...of)
    const text = object && `${Buffer.from(object.bytes).toString()} at ${object.start} of ${object.size} ${object.etag}`
    return [text, ...agents.slice(before)]
  }
  assert.deepEqual(await told('day=1/a', 'all'), ['0123456789 at 0 of 10 "e"', 'sdk'])
  assert.deepEqual(await told('day=1/b', 'all'), ['0123456789 at 0 of 10 "e"', 'plain'])
  assert.deepEqual(await told('day=1/b', { start: 2, end: 4 }, '"e"'), ['234 at 2 of 10 "e"', 'plain'])
  assert.deepEqual(await told('gone', 'all'), [undefined, 'plain', 'sdk'])
  assert.deepEqual(await told('b', 'all', '"old"'), [undefined, 'plain', 'sdk'])
  assert.deepEqual(await told('broken', 'all'), ['0123456789 at 0 of 10 "e"', 'plain', 'sdk'])
})

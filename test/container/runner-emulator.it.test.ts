import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { CreateBucketCommand, GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { build } from 'esbuild'
import { ENV, KEY } from '../../shared/contract.ts'
import { startTestCloud } from '../local/fixture.ts'
import { makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, step, VENV } from './runner.ts'

test('the bundle against an S3 of the emulator', { timeout: 180_000 }, async t => {
  const folder = makeFolder(fn => t.after(fn))
  const bundle = join(folder, 'runner.cjs')
  const entryPoints = [join(import.meta.dirname, '../../container/runner/main.ts')]
  await build({
    entryPoints,
    outfile: bundle,
    bundle: true,
    platform: 'node',
    target: 'node20',
    minify: true,
    logLevel: 'warning',
  })
  const { cloud, close } = await startTestCloud()
  t.after(close)
  const { accessKeyId, secretAccessKey, region, endpoint } = cloud
  const s3 = new S3Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey } })
  t.after(() => s3.destroy())
  const Bucket = 'runner-test'
  await s3.send(new CreateBucketCommand({ Bucket }))
  const plan = makePlan(makeRepository(folder, SHOP), folder, {
    steps: [step(0, 'checkout'), step(1, 'dbt', ['build']), step(2, 'docs')],
  })
  const text = JSON.stringify(plan)
  const planKey = KEY.plan(plan.run, 1)
  await s3.send(new PutObjectCommand({ Bucket, Key: planKey, Body: text }))

  let output = ''
  const child = spawn(process.execPath, [bundle], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: `${VENV}/bin:${process.env.PATH}`,
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      [ENV.bucket]: Bucket,
      [ENV.planKey]: planKey,
      [ENV.planSha256]: createHash('sha256').update(text).digest('hex'),
      [ENV.workDir]: join(folder, 'work'),
    },
  })
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', chunk => {
      output += chunk
    })
  t.after(() => child.kill('SIGKILL'))
  assert.equal(await new Promise(resolve => child.once('close', resolve)), 0, output)
  assert.ok(!/AWS SDK for JavaScript/.test(output), 'the SDK tells users nothing of Node versions')

  const get = (Key: string) => s3.send(new GetObjectCommand({ Bucket, Key }))
  const result = JSON.parse((await (await get(KEY.result(plan.prefixes.attempt))).Body?.transformToString()) ?? '')
  assert.equal(result.outcome, 'success')
  assert.equal(result.docsUploaded, true)
  const listed = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `${plan.prefixes.attempt}parts/` }))
  assert.equal(listed.KeyCount, result.parts)
  const manifest = await get(`${plan.prefixes.attempt}steps/1-build/manifest.json`)
  assert.equal(manifest.ContentEncoding, 'gzip')
  assert.equal(manifest.ContentType, 'application/json')
  const bytes = (await manifest.Body?.transformToByteArray()) ?? new Uint8Array()
  assert.ok(JSON.parse(gunzipSync(bytes).toString()).nodes['model.shop.totals'])
})

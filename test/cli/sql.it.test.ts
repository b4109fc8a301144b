import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { CloudFormationClient, CreateStackCommand, waitUntilStackCreateComplete } from '@aws-sdk/client-cloudformation'
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { build } from 'esbuild'
import { HISTORY_KEY } from '../../shared/history-index.ts'
import { OUTPUT } from '../../shared/resource-names.ts'
import { startTestCloud, type TestCloud } from '../local/fixture.ts'
import { makeHistory, runRow } from './sql-history.ts'

const ROOT = join(import.meta.dirname, '../..')
const cache = mkdtempSync(join(tmpdir(), 'tidemill-sql-it-'))
let installed: TestCloud

before(
  async () => {
    installed = await startTestCloud()
    const { accessKeyId, secretAccessKey, region, endpoint } = installed.cloud
    const options = { endpoint, region, credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true }
    const [s3, stacks] = [new S3Client(options), new CloudFormationClient(options)]
    const Bucket = 'history-of-sql'
    const outputs = { [OUTPUT.bucket]: { Value: Bucket }, [OUTPUT.table]: { Value: 'none' } }
    const template = { Resources: { Topic: { Type: 'AWS::SNS::Topic' } }, Outputs: outputs }
    await stacks.send(new CreateStackCommand({ StackName: 'asked', TemplateBody: JSON.stringify(template) }))
    await waitUntilStackCreateComplete({ client: stacks, minDelay: 1, maxDelay: 1, maxWaitTime: 30 }, { StackName: 'asked' })
    await s3.send(new CreateBucketCommand({ Bucket }))
    for (const [key, body] of Object.entries(history())) {
      // As the compactor stores it.
      const index = key === HISTORY_KEY.index
      const how = index ? { Body: gzipSync(body), ContentEncoding: 'gzip', ContentType: 'application/json' } : { Body: body }
      await s3.send(new PutObjectCommand({ Bucket, Key: key, ...how }))
    }
    s3.destroy()
    stacks.destroy()
    writeFileSync(join(installed.folder, 'tidemill.yml'), 'installation: asked\n')
  },
  { timeout: 120_000 },
)
after(async () => {
  await installed?.close()
  rmSync(cache, { recursive: true, force: true })
})

/** Files of a month of 600 KB and of single runs. */
function history() {
  const runs = Array.from({ length: 33 }, (_, i) => runRow(new Date(Date.UTC(2026, 8, 1 + i, 2)).toISOString()))
  const nodes = runs.flatMap(run =>
    Array.from({ length: 300 }, (_, i) => ({
      ...run,
      unique_id: `model.shop.m${i}`,
      seconds: i / 7,
      message: Buffer.from(`${Math.sin(i * 7 + Number(run.run_id.slice(6, 8)))}`).toString('base64'),
    })),
  )
  return makeHistory({ runs, nodes }, { months: ['2026-09'] })
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

async function run(
  program: string[],
  question: string,
  options: { args?: string[]; interruptAfter?: number } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [...program, 'sql', '--local', ...(options.args ?? [])], {
    cwd: installed.folder,
    env: { PATH: process.env.PATH, HOME: cache, TIDEMILL_CACHE: join(cache, 'cache') },
    timeout: 60_000,
  })
  const ended = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ended.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ended.stderr += text))
  child.stdin.end(question)
  if (options.interruptAfter !== undefined) {
    await sleep(options.interruptAfter)
    child.kill('SIGINT')
  }
  const code = await new Promise<number | null>(resolve => child.once('close', resolve))
  return { code, ...ended }
}
const PROGRAM = ['--import', 'tsx', join(ROOT, 'bin/tidemill.ts')]

test('tidemill sql over the bucket of the emulator: cold, warm, and several at once', { timeout: 120_000 }, async () => {
  const question = "select count(distinct unique_id) as ids, count(*) as n from nodes where day >= '2026-09-10'"
  const asked = await Promise.all([1, 2, 3].map(() => run(PROGRAM, question, { args: ['--json'] })))
  for (const { code, stdout, stderr } of [...asked, await run(PROGRAM, question, { args: ['--json'] })]) {
    assert.equal(code, 0, stderr)
    assert.deepEqual((JSON.parse(stdout) as { rows: unknown }).rows, [{ ids: 300, n: 24 * 300 }])
  }
  const csv = await run(PROGRAM, 'select max(message) is not null as told, count(*) as n from nodes;\n', { args: ['--csv'] })
  assert.deepEqual([csv.code, csv.stdout], [0, 'told,n\ntrue,9900\n'])
})

test('Ctrl-C ends it with 130 and leaves nothing that works on', { timeout: 60_000 }, async () => {
  const question = 'select count(*) from runs, range(10000000) a, range(10000000) b where a.range + b.range = 3'
  const { code, stderr } = await run(PROGRAM, question, { interruptAfter: 6000 })
  assert.deepEqual([code, stderr], [130, '✗ Interrupted.\n'])
})

test('without DuckDB it says what to install', { timeout: 60_000 }, async () => {
  const outfile = join(cache, 'bin', 'tidemill.mjs')
  const banner = { js: "import { createRequire as __cr } from 'node:module'; const require = __cr(import.meta.url);" }
  await build({
    entryPoints: [join(ROOT, 'bin/tidemill.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    external: ['@duckdb/node-api'],
    banner,
    logLevel: 'error',
  })
  writeFileSync(join(cache, 'package.json'), '{"version": "0.0.0"}')
  const { code, stderr } = await run([outfile], 'select 1')
  assert.equal(code, 3)
  assert.match(stderr, /needs DuckDB, which is not installed[\s\S]*npm install @duckdb\/node-api@/)
})

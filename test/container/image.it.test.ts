/** The image itself: the product's Dockerfile built by podman, and the runner inside it under the limits of a Fargate task. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { ENV, KEY } from '../../shared/contract.ts'
import type { Plan, RunnerResult } from '../../shared/plan.ts'
import { skipWithout } from '../need.ts'
import { type Bucket, startBucket } from './bucket.ts'
import { buildImage, layersOf, runInImage, startContainer, stopContainer } from './image.ts'
import { DUCKDB_PROFILE, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, step } from './runner.ts'

const skip =
  process.platform === 'linux' && process.getuid?.() === 0 ? skipWithout('podman') : 'needs root on Linux, to make a base image'
let bucket: Bucket

before(
  async () => {
    bucket = await startBucket()
    if (!skip) buildImage('core-1.11', 'duckdb postgres')
  },
  { timeout: 600_000 },
)
after(() => bucket.close())

interface Started {
  plan: Plan
  output(): string
  said(text: string): Promise<void>
  end: Promise<{ code: number | null; result: RunnerResult | undefined }>
}

/** The runner in a container, with a plan for the project made of `files`. */
function start(
  t: { after(fn: () => void): void },
  name: string,
  files: Record<string, string>,
  options: { memory?: string; engine?: string } = {},
): Started {
  const folder = makeFolder(fn => t.after(fn))
  const repository = makeRepository(folder, files)
  // git reads only a repository of its own user.
  execFileSync('chown', ['-R', '1000:1000', folder])
  const steps = [step(0, 'checkout'), step(1, 'deps'), step(2, 'dbt', ['build']), step(3, 'docs')]
  const dbt = {
    engine: options.engine ?? 'core-1.11',
    target: 'prod',
    profiles: DUCKDB_PROFILE.replace('threads', 'schema: main, threads'),
  }
  const plan = makePlan(repository, folder, { steps, dbt })
  const text = JSON.stringify(plan)
  const planKey = KEY.plan(plan.run, plan.attempt)
  bucket.objects.clear()
  bucket.put(planKey, text)
  const env = {
    AWS_ENDPOINT_URL: bucket.endpoint,
    AWS_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    [ENV.bucket]: 'data',
    [ENV.planKey]: planKey,
    [ENV.planSha256]: createHash('sha256').update(text).digest('hex'),
  }
  const child = startContainer(name, env, [folder], options)
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', chunk => {
      output += chunk
    })
  const end: Started['end'] = new Promise(resolve =>
    child.once('close', code => {
      const key = KEY.result(plan.prefixes.attempt)
      resolve({ code, result: bucket.objects.has(key) ? JSON.parse(bucket.text(key)) : undefined })
    }),
  )
  const said = async (wanted: string) => {
    let over = false
    end.then(() => {
      over = true
    })
    while (!output.includes(wanted)) {
      if (over) throw new Error(`the container ended without saying "${wanted}":\n${output}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }
  return { plan, output: () => output, said, end }
}

test('a dbt build in the image: no root, read-only root file system, no capabilities', { skip, timeout: 120_000 }, async t => {
  const container = start(t, 'tidemill-test-good', SHOP)
  const { code, result } = await container.end
  assert.equal(code, 0, container.output())
  assert.equal(result?.outcome, 'success')
  assert.equal(result.counts.success, 3)
  assert.ok(result.docsUploaded)
  assert.ok((result.peakMemoryBytes ?? 0) > 50 * 1024 * 1024)
})

test('fault 22: SIGTERM to PID 1 stops dbt, and the rest is stored before the container ends', {
  skip,
  timeout: 120_000,
}, async t => {
  const slow = 'select count(sleep_ms(300000)) as n'
  const container = start(t, 'tidemill-test-stop', { ...SHOP, 'models/slow.sql': slow })
  await container.said('OK created sql table model main.orders')
  await container.said('START sql table model main.slow')
  const began = performance.now()
  stopContainer('tidemill-test-stop', 110)
  const { code, result } = await container.end
  // ECS kills after 120 s.
  assert.ok(performance.now() - began < 60_000, `took ${performance.now() - began} ms`)
  assert.notEqual(code, 0)
  assert.deepEqual([result?.outcome, result?.reason], ['cancelled', 'user_cancelled'])
  assert.ok((result?.counts.success ?? 0) >= 1)
})

test('fault 45: the kernel kills dbt for the memory of the container; the runner in it tells so, and a failing run has its code', {
  skip,
  timeout: 120_000,
}, async t => {
  const hog = `
def model(dbt, session):
    dbt.ref("orders")
    held = [b"x" * 2**20 for _ in range(700)]
    return session.sql(f"select {len(held)} as held")
`
  const container = start(t, 'tidemill-test-memory', { ...SHOP, 'models/hog.py': hog }, { memory: '600m' })
  const { code, result } = await container.end
  assert.ok(result, container.output())
  assert.deepEqual([code, result.outcome, result.reason], [3, 'error', 'out_of_memory'], container.output())
  assert.match(result.message ?? '', /dbt build was stopped for lack of memory.*\(peak \d+ MB of 600 MB\)/)
  assert.equal(result.artifactsIncomplete, false)
  const failing = start(t, 'tidemill-test-fail', { ...SHOP, 'models/broken.sql': "select cast('forty' as integer) as n" })
  assert.deepEqual([(await failing.end).code, (await failing.end).result?.reason], [1, 'node_failures'], failing.output())
})

test('the image of dbt 2 has the library of its driver in it: a build downloads nothing', { skip, timeout: 300_000 }, async t => {
  buildImage('oss-2.0', 'duckdb')
  const container = start(t, 'tidemill-test-v2', SHOP, { engine: 'oss-2.0' })
  const { code, result } = await container.end
  assert.deepEqual([code, result?.outcome, result?.counts.success], [0, 'warn', 3], container.output())
  // The docs that this release cannot make.
  assert.deepEqual(
    result?.steps.map(each => each.status),
    ['success', 'skipped', 'success', 'warn'],
  )
  const layer = layersOf('oss-2.0').find(({ command }) => /COPY.*\/opt\/dbt/.test(command))
  assert.ok(layer && layer.size < 260e6, `${layer?.size}`)
})

test('the image holds no compiler, no package cache and no lock-free package; its layers stay within their budget', {
  skip,
  timeout: 60_000,
}, () => {
  const found = runInImage(
    'sh',
    '-c',
    'command -v gcc cc make pip; find /var/lib/apt/lists /root/.cache /work /tmp -type f 2>/dev/null; id -u; echo end',
  )
  assert.equal(found, '1000\nend')
  // Megabytes. The bases are not ours.
  const budget: [RegExp, number][] = [
    [/COPY.*\/opt\/dbt/, 350],
    [/apt-get install/, 120],
    [/runner\.cjs/, 2],
  ]
  const layers = layersOf()
  for (const [pattern, megabytes] of budget) {
    const layer = layers.find(({ command }) => pattern.test(command))
    assert.ok(layer, `no layer like ${pattern} among ${layers.map(({ command }) => command).join('\n')}`)
    assert.ok(layer.size < megabytes * 1e6, `${pattern}: ${layer.size / 1e6} MB, at most ${megabytes}`)
  }
})

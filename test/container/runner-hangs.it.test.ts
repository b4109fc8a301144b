/** Others that answer late, half or never: the git host, the bucket, whoever reads stdout, a program that a model has started. */
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Plan } from '../../shared/plan.ts'
import { startBucket } from './bucket.ts'
import { makeDbt, writeResults } from './in-process.ts'
import { type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

type Context = { after(fn: () => void): void }

async function setUp(t: Context, changes: Partial<Plan> = {}, files: (folder: string) => Files = () => SHOP) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const plan = makePlan(makeRepository(folder, files(folder)), folder, changes)
  const start = (env: Record<string, string> = {}) => {
    const runner = startRunner(bucket, plan, folder, env)
    t.after(() => runner.child.kill('SIGKILL'))
    return runner
  }
  return { folder, bucket, plan, start }
}

async function startHost(t: Context, answer: RequestListener) {
  let asked = 0
  const server = createServer((request, response) => {
    asked++
    answer(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/acme/shop.git`, asked: () => asked }
}

describe('what hangs or breaks off', { concurrency: 3 }, () => {
  test('fault 14: a host whose name is not known is tried again, and its name told', { timeout: 120_000 }, async t => {
    const { plan, start } = await setUp(t)
    plan.repository.url = 'https://git.invalid/acme/shop.git'
    const end = await start().end
    assert.equal(end.result?.reason, 'source_unavailable', end.output)
    assert.match(end.result?.message ?? '', /git\.invalid\/acme\/shop\.git could not be reached in 5 tries/)
  })

  test('fault 14: a host that breaks off in the middle of an answer is tried again', { timeout: 120_000 }, async t => {
    const { plan, start } = await setUp(t)
    const host = await startHost(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement', 'content-length': '100000' })
      response.write('001e# service=git-upload-pack\n0000')
      setTimeout(() => response.destroy(), 100)
    })
    plan.repository.url = host.url
    const end = await start().end
    assert.equal(end.result?.reason, 'source_unavailable', end.output)
    assert.ok(host.asked() >= 5, `${host.asked()} requests`)
  })

  test('fault 25: the time limit passes while the git host does not answer', { timeout: 120_000 }, async t => {
    const { plan, start, bucket } = await setUp(t, { timeoutSeconds: 5 })
    const host = await startHost(t, () => {})
    plan.repository.url = host.url
    const began = Date.now()
    const end = await start().end
    assert.equal(end.result?.reason, 'timeout', end.output)
    assert.ok(host.asked() > 0)
    assert.ok(Date.now() - began < 90_000, `took ${Date.now() - began} ms`)
    assert.ok(bucket.objects.has(`${plan.prefixes.attempt}steps/0-checkout/log.txt`))
  })

  test('fault 26: the bucket takes connections and never answers: the end comes in time, and on stdout', {
    timeout: 150_000,
  }, async t => {
    const { plan, start, bucket } = await setUp(t, { steps: [step(0, 'checkout'), step(1, 'dbt', ['run'])] })
    let hanging = 0
    bucket.hang((method, key) => method === 'PUT' && !key.startsWith('plans/') && ++hanging > 0)
    const runner = start()
    await runner.said('Done. PASS=2')
    runner.child.kill('SIGTERM')
    const stoppedAt = Date.now()
    const end = await runner.end
    // ECS kills after 120 s.
    assert.ok(Date.now() - stoppedAt < 110_000, `took ${Date.now() - stoppedAt} ms`)
    assert.ok(hanging > 0)
    const word = JSON.parse(end.output.trimEnd().split('\n').at(-1) ?? '{}')
    assert.deepEqual([word.run, word.artifactsIncomplete], [plan.run.id, true], end.output)
  })

  test('fault 26: an upload that hangs is given up and repeated, and all is stored', { timeout: 150_000 }, async t => {
    const { plan, start, bucket } = await setUp(t, { steps: [step(0, 'checkout')] })
    let hanging = 0
    bucket.hang((method, key) => method === 'PUT' && key.includes('/parts/') && hanging < 1 && ++hanging > 0)
    const end = await start().end
    assert.equal(hanging, 1)
    assert.equal(end.result?.outcome, 'success', end.output)
    assert.equal(end.result?.artifactsIncomplete, false)
    assert.equal(bucket.keys(`${plan.prefixes.attempt}parts/`).length, end.result?.parts)
  })

  test('fault 46: nobody reads the output: steps, uploads and signals go on, and what is lost is counted', {
    timeout: 120_000,
  }, async t => {
    const { folder, plan, bucket, start } = await setUp(t, { steps: [step(0, 'checkout'), step(1, 'dbt', ['run'])] })
    const lines = 40_000
    const line = 'a line of more than a hundred characters, so that forty thousand of them are more than any pipe will hold'
    const script = `yes '${line}' | head -n ${lines}; touch ${folder}/printed; while [ ! -e ${folder}/go-on ]; do sleep 0.2; done
echo last words; ${writeResults({ orders: 'success' })}
exit 0`
    const runner = start({ PATH: makeDbt(folder, script) })
    runner.child.stdout?.pause()
    // dbt is not held up.
    await until(() => existsSync(join(folder, 'printed')))
    const stored = () =>
      bucket
        .keys(`${plan.prefixes.attempt}parts/`)
        .map(key => bucket.text(key).split(line).length - 1)
        .reduce((sum, n) => sum + n, 0)
    await until(() => stored() === lines)
    // With a reader again the next line comes behind a count of what is missing.
    runner.child.stdout?.resume()
    await new Promise(resolve => setTimeout(resolve, 1_000))
    writeFileSync(join(folder, 'go-on'), '')
    const end = await runner.end
    assert.equal(end.result?.outcome, 'success', end.output.slice(-2000))
    const missing = Number(/… (\d+) lines are missing here because nobody read this output/.exec(end.output)?.[1])
    assert.equal(end.output.split(line).length - 1 + missing, lines)
    assert.match(end.output, /last words/)
  })

  test('fault 46: SIGTERM while nobody reads the output: stored and ended in time', { timeout: 120_000 }, async t => {
    const { folder, start } = await setUp(t, { steps: [step(0, 'checkout'), step(1, 'dbt', ['run'])] })
    const script = `yes 'a line of fifty characters that nobody ever reads.' | head -n 100000; touch ${folder}/printed; sleep 600`
    const runner = start({ PATH: makeDbt(folder, script) })
    runner.child.stdout?.pause()
    await until(() => existsSync(join(folder, 'printed')))
    const stoppedAt = Date.now()
    runner.child.kill('SIGTERM')
    await new Promise(resolve => runner.child.once('exit', resolve))
    assert.ok(Date.now() - stoppedAt < 60_000, `took ${Date.now() - stoppedAt} ms`)
    runner.child.stdout?.resume()
    const end = await runner.end
    assert.equal(end.result?.reason, 'user_cancelled')
    assert.equal(end.result?.artifactsIncomplete, false)
  })

  test('fault 22: SIGTERM ends the programs that a model in Python has started', { timeout: 120_000 }, async t => {
    const model = (folder: string) => `
import subprocess

def model(dbt, session):
    child = subprocess.Popen(["sh", "-c", "trap '' INT TERM; while :; do sleep 0.3; done"])
    open("${folder}/child", "w").write(str(child.pid))
    child.wait()
    return session.sql("select 1 as done")
`
    const files = (folder: string) => ({ ...SHOP, 'models/starts.py': model(folder) })
    const { folder, start } = await setUp(t, { steps: [step(0, 'checkout'), step(1, 'dbt', ['run'])] }, files)
    const runner = start()
    await until(() => existsSync(join(folder, 'child')) && readFileSync(join(folder, 'child'), 'utf8') !== '')
    const child = Number(readFileSync(join(folder, 'child'), 'utf8'))
    const stoppedAt = Date.now()
    runner.child.kill('SIGTERM')
    const end = await runner.end
    assert.equal(end.result?.reason, 'user_cancelled', end.output)
    assert.ok(Date.now() - stoppedAt < 60_000, `took ${Date.now() - stoppedAt} ms`)
    assert.ok(!/^\d+ \(.*\) [^Z]/.test(existsSync(`/proc/${child}/stat`) ? readFileSync(`/proc/${child}/stat`, 'utf8') : ''))
  })
})

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise(resolve => setTimeout(resolve, 100))
}

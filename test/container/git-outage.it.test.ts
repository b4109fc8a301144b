import assert from 'node:assert/strict'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { startGitServer } from '../e2e/git-server.ts'
import { startBucket } from './bucket.ts'
import { type Files, makeFolder, makeRepository, type Repository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 180_000 }
const TOKEN = 'token-of-the-outage-test'

async function setUp(t: { after(fn: () => void): void }, files: Files) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const repository = makeRepository(folder, files)
  repository.git('clone', '-q', '--bare', repository.dir, join(folder, 'shop.git'))
  repository.git('-C', join(folder, 'shop.git'), 'config', 'uploadpack.allowFilter', 'true')
  const host = await startGitServer(folder, TOKEN)
  t.after(() => host.close())
  const plan = makePlan({ url: `${host.url}/shop.git` }, folder)
  plan.repository.credentials = 'token'
  plan.repository.onOutage = 'last_commit'
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build'])]
  const run = () => startRunner(bucket, plan, folder, { [ENV.gitToken]: TOKEN })
  return { folder, bucket, repository, host, plan, run }
}

/** Processes whose arguments or environment hold the text, and how many of git, of the warm dbt and of the runner were looked at. */
function scan(text: string) {
  const found: string[] = []
  const seen = { git: 0, warm: 0, runner: 0 }
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name)))
    for (const file of ['cmdline', 'environ'])
      try {
        const content = readFileSync(`/proc/${pid}/${file}`, 'utf8')
        if (file === 'cmdline' && /^(\/\S*\/)?git/.test(content)) seen.git++
        if (file === 'cmdline' && content.includes('dbt_host/host.py')) seen.warm++
        if (file === 'cmdline' && content.includes('container/runner/main.ts')) seen.runner++
        if (content.includes(text)) found.push(`${pid}/${file}`)
      } catch {
        // It has ended.
      }
  return { found, seen }
}

function contentOf(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch {
    return Buffer.alloc(0)
  }
}

describe('a git host that is down', { concurrency: true }, () => {
  test('fault 14: the last known commit is run, with a warning, where the environment allows it', OPTIONS, async t => {
    const { bucket, repository, host, run } = await setUp(t, SHOP)
    const first = await run().end
    assert.equal(first.result?.outcome, 'success', first.output)
    const packs = bucket.keys('cache/shop/prod/git/')
    assert.equal(packs.length, 2, packs.join())
    host.close()
    const second = await run().end
    const sha = repository.git('rev-parse', 'HEAD')
    assert.equal(second.result?.outcome, 'warn', second.output)
    assert.equal(second.result?.commit?.sha, sha)
    assert.equal(second.result?.commit?.subject, 'first')
    assert.equal(second.result?.steps[0]?.status, 'warn')
    const warning = new RegExp(`last commit known here, ${sha.slice(0, 7)}, .*could not be reached in 5 tries`)
    assert.match(second.result?.message ?? '', warning)
    assert.match(second.output, warning)
    assert.equal(second.result?.counts.success, 3)
  })

  test('fault 14: a project in a folder, of which not all files are in the clone', OPTIONS, async t => {
    const files = Object.fromEntries(Object.entries(SHOP).map(([path, text]) => [`dbt/${path}`, text]))
    const { bucket, host, plan, run } = await setUp(t, { ...files, 'other/large.bin': 'x'.repeat(500_000) })
    plan.repository.folder = 'dbt'
    const first = await run().end
    assert.equal(first.result?.outcome, 'success', first.output)
    assert.ok(bucket.keys('cache/shop/prod/git/').every(key => (bucket.objects.get(key)?.body.length ?? 0) < 100_000))
    host.close()
    const second = await run().end
    assert.equal(second.result?.outcome, 'warn', second.output)
    assert.equal(second.result?.counts.success, 3)
  })

  test('fault 14: a project with submodules, one in another, is kept with them', OPTIONS, async t => {
    const { folder, bucket, repository, host, plan, run } = await setUp(t, SHOP)
    const bare = (name: string, from: { dir: string; git(...args: string[]): string }) => {
      from.git('clone', '-q', '--bare', from.dir, join(folder, `${name}.git`))
      from.git('-C', join(folder, `${name}.git`), 'config', 'uploadpack.allowAnySHA1InWant', 'true')
    }
    const addModule = (to: Repository, path: string, name: string, sha: string) => {
      writeFileSync(join(to.dir, '.gitmodules'), `[submodule "${name}"]\n\tpath = ${path}\n\turl = ../${name}.git\n`)
      to.git('add', '.gitmodules')
      to.git('update-index', '--add', '--cacheinfo', `160000,${sha},${path}`)
      to.git('commit', '-q', '-m', name)
    }
    const deep = makeRepository(join(folder, 'deep'), { 'deep.sql': 'select 9 as nine' })
    const part = makeRepository(join(folder, 'part'), { 'inner.sql': 'select 5 as five' })
    addModule(part, 'below', 'deep', deep.git('rev-parse', 'HEAD'))
    addModule(repository, 'models/part', 'part', part.git('rev-parse', 'HEAD'))
    bare('deep', deep)
    bare('part', part)
    repository.git('push', '-q', join(folder, 'shop.git'), 'HEAD:main')
    plan.repository.submodules = true
    const first = await run().end
    assert.equal(first.result?.outcome, 'success', first.output)
    assert.equal(first.result?.counts.success, 5)
    host.close()
    const second = await run().end
    assert.equal(second.result?.outcome, 'warn', second.output)
    assert.equal(second.result?.counts.success, 5)
    // Another commit for a submodule than the one that the project names is not taken.
    const key = bucket.keys('cache/shop/prod/git/').find(name => name.endsWith('.pack')) ?? ''
    const body = bucket.objects.get(key)?.body ?? Buffer.alloc(0)
    const end = body.indexOf(10)
    const facts = body.subarray(0, end).toString().replaceAll(part.git('rev-parse', 'HEAD'), '0'.repeat(40))
    const changed = Buffer.concat([Buffer.from(facts), body.subarray(end)])
    bucket.objects.set(key, { body: changed, contentType: undefined, contentEncoding: undefined })
    plan.steps = [step(0, 'checkout')]
    const third = await run().end
    assert.equal(third.result?.reason, 'source_unavailable', third.output)
  })

  test('fault 14: a pack that was changed is refused, and the outage stays the reason', OPTIONS, async t => {
    const { bucket, host, plan, run } = await setUp(t, SHOP)
    plan.steps = [step(0, 'checkout')]
    await run().end
    const key = bucket.keys('cache/shop/prod/git/').find(name => name.endsWith('.pack')) ?? ''
    const body = Buffer.from(bucket.objects.get(key)?.body ?? '')
    body[body.length - 40] = (body[body.length - 40] ?? 0) ^ 0xff
    bucket.objects.set(key, { body, contentType: undefined, contentEncoding: undefined })
    host.close()
    const second = await run().end
    assert.equal(second.result?.reason, 'source_unavailable', second.output)
    assert.match(second.output, /the kept commit cannot be used/)
  })
})

test('fault 49: while git fetches, no process shows the token; afterwards no file does', OPTIONS, async t => {
  const { host, run, folder, plan } = await setUp(t, SHOP)
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['run-operation', 'look'])]
  const runner = run()
  await runner.said('▸ git checkout')
  const looked = { git: 0, warm: 0, runner: 0 }
  const found: string[] = []
  const look = setInterval(() => {
    const scanned = scan(TOKEN)
    for (const kind of ['git', 'warm', 'runner'] as const) looked[kind] += scanned.seen[kind]
    found.push(...scanned.found)
  }, 5)
  await runner.said('dbt run-operation')
  clearInterval(look)
  const work = join(folder, 'work', 'attempt')
  for (const entry of readdirSync(work, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const file = join(entry.parentPath, entry.name)
      // Files that wait for their upload come and go.
      assert.ok(!contentOf(file).includes(TOKEN), file)
    }
  const end = await runner.end
  assert.ok(looked.git > 0 && looked.warm > 0 && looked.runner > 0, JSON.stringify(looked))
  assert.ok(
    host.requests.some(each => each.token === 'right'),
    end.output,
  )
  assert.deepEqual(found, [])
  assert.ok(!end.output.includes(TOKEN))
})

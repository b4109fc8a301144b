import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ENV } from '../../shared/contract.ts'
import { startGitServer } from '../e2e/git-server.ts'
import { startBucket } from './bucket.ts'
import { type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, step } from './runner.ts'

const OPTIONS = { timeout: 90_000 }
const TOKEN = 'token-of-the-hostile-test'

/** A host with the repository `shop`, and with `part`, which it may have as a submodule. */
async function setUp(t: { after(fn: () => void): void }, files: Files) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  const served = join(folder, 'served')
  mkdirSync(served)
  const host = await startGitServer(served, TOKEN)
  const foreign = await startGitServer(served, 'another-token')
  t.after(() => {
    host.close()
    foreign.close()
  })
  const part = makeRepository(join(folder, 'part'), { 'inner.sql': 'select 5 as five' })
  writeFileSync(join(folder, 'outside.sql'), 'select 6 as six')
  symlinkSync(join(folder, 'outside.sql'), join(part.dir, 'outside.sql'))
  part.commit({}, 'a link')
  part.git('clone', '-q', '--bare', part.dir, join(served, 'part.git'))
  const shop = makeRepository(folder, files)
  const publish = () => {
    shop.git('clone', '-q', '--bare', shop.dir, join(served, 'shop.git'))
    shop.git('-C', join(served, 'shop.git'), 'config', 'uploadpack.allowAnySHA1InWant', 'true')
    shop.git('-C', join(served, 'part.git'), 'config', 'uploadpack.allowAnySHA1InWant', 'true')
  }
  const addSubmodule = (url: string) => {
    const sha = part.git('rev-parse', 'HEAD')
    writeFileSync(join(shop.dir, '.gitmodules'), `[submodule "part"]\n\tpath = models/part\n\turl = ${url}\n`)
    shop.git('add', '.gitmodules')
    shop.git('update-index', '--add', '--cacheinfo', `160000,${sha},models/part`)
    shop.git('commit', '-q', '-m', 'submodule')
    publish()
  }
  const plan = makePlan({ url: `${host.url}/shop.git` }, folder)
  plan.repository.credentials = 'token'
  const start = () => startRunner(bucket, plan, folder, { [ENV.gitToken]: TOKEN })
  const run = () => start().end
  return { folder, host, foreign, plan, start, run, addSubmodule, publish }
}

test('fault 30: submodules come only when asked for, with the host’s token; links out of them are left out', OPTIONS, async t => {
  const { host, plan, run, addSubmodule } = await setUp(t, SHOP)
  addSubmodule('../part.git')
  const without = await run()
  assert.equal(without.result?.outcome, 'success', without.output)
  assert.ok(!host.requests.some(each => each.url.startsWith('/part.git')))
  assert.equal(without.result?.counts.success, 3)
  plan.repository.submodules = true
  const asked = await run()
  assert.equal(asked.result?.outcome, 'success', asked.output)
  assert.equal(asked.result?.counts.success, 4)
  assert.match(asked.output, /models\/part\/outside\.sql is a link that leads out of the repository/)
})

test('fault 30: a submodule on another host gets no token, one in the file system of the task is refused', OPTIONS, async t => {
  const { foreign, folder, plan, run, addSubmodule } = await setUp(t, SHOP)
  plan.steps = [step(0, 'checkout')]
  plan.repository.submodules = true
  addSubmodule(`${foreign.url}/part.git`)
  const elsewhere = await run()
  assert.equal(elsewhere.result?.reason, 'source_auth', elsewhere.output)
  assert.ok(foreign.requests.length > 0 && foreign.requests.every(each => each.token === 'none'))
  assert.ok(!elsewhere.output.includes(TOKEN))
  const second = await setUp(t, SHOP)
  second.plan.steps = plan.steps
  second.plan.repository.submodules = true
  second.addSubmodule(`file://${folder}/served/part.git`)
  const local = await second.run()
  assert.match(local.result?.message ?? '', /transport 'file' not allowed/, local.output)
})

test('fault 30: files in LFS stay pointers, and the address in .lfsconfig is not asked', OPTIONS, async t => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 12\n`
  const { folder, foreign, plan, start, publish } = await setUp(t, {
    ...SHOP,
    '.gitattributes': '*.parquet filter=lfs diff=lfs merge=lfs -text\n',
    'data/big.parquet': pointer,
  })
  writeFileSync(join(folder, 'repository', '.lfsconfig'), `[lfs]\n\turl = ${foreign.url}/shop.git/info/lfs\n`)
  publish()
  plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['run-operation', 'look'])]
  // As `git lfs install` leaves it on a machine.
  writeFileSync(join(folder, '.gitconfig'), `[filter "lfs"]\n\tsmudge = touch ${folder}/smudged; cat\n\trequired = true\n`)
  const runner = start()
  await runner.said('dbt run-operation')
  assert.equal(readFileSync(join(folder, 'work', 'attempt', 'clone/data/big.parquet'), 'utf8'), pointer)
  const end = await runner.end
  assert.equal(end.result?.steps[0]?.status, 'success', end.output)
  assert.ok(!existsSync(join(folder, 'smudged')))
  assert.deepEqual(foreign.requests, [])
})

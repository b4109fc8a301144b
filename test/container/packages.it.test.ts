import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { ENV } from '../../shared/contract.ts'
import { startGitServer } from '../e2e/git-server.ts'
import { startBucket } from './bucket.ts'
import { type Files, makeFolder, makeRepository, SHOP } from './project.ts'
import { makePlan, startRunner, VENV } from './runner.ts'

const OPTIONS = { timeout: 150_000 }
const TOKEN = 'token-of-the-package-test'

/** A package with one macro, which the project's model needs. */
const PACKAGE: Files = {
  'dbt_project.yml': "name: cents\nversion: '1.0'\nconfig-version: 2\n",
  'macros/cents.sql': '{% macro cents(x) %}({{ x }} * 100){% endmacro %}',
}
const PROJECT: Files = { ...SHOP, 'models/cents.sql': "select {{ cents.cents('amount') }} as c from {{ ref('orders') }}" }

/** The hub of dbt's packages: index, package and tarball. */
async function startHub(t: { after(fn: () => void): void }, folder: string) {
  const tarball = join(folder, 'cents.tar.gz')
  for (const [path, text] of Object.entries(PACKAGE)) {
    mkdirSync(join(folder, 'cents-1.2.0', path, '..'), { recursive: true })
    writeFileSync(join(folder, 'cents-1.2.0', path), text)
  }
  execFileSync('tar', ['-czf', tarball, '-C', folder, 'cents-1.2.0'])
  const asked: string[] = []
  let down = false
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (down) return void response.writeHead(503).end()
    if (request.url?.endsWith('.tar.gz')) return void response.end(readFileSync(tarball))
    const version = {
      id: 'acme/cents/1.2.0',
      name: 'cents',
      packages: [],
      version: '1.2.0',
      downloads: { tarball: `${url}cents.tar.gz` },
    }
    response.setHeader('content-type', 'application/json')
    response.end(
      JSON.stringify(
        request.url?.endsWith('index.json')
          ? ['acme/cents']
          : { name: 'cents', namespace: 'acme', versions: { '1.2.0': version } },
      ),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  t.after(() => void server.close())
  return {
    url,
    asked,
    stop() {
      down = true
    },
  }
}

async function setUp(t: { after(fn: () => void): void }) {
  const folder = makeFolder(fn => t.after(fn))
  const bucket = await startBucket()
  t.after(() => bucket.close())
  return { folder, bucket }
}

const stepOf = (end: { result: { steps: { name: string }[] } | undefined }, name: string) =>
  end.result?.steps.find(step => step.name === name) as { status: string; message?: string; reason?: string } | undefined

describe('packages', { concurrency: 2 }, () => {
  test('fault 17: the hub is down: what an earlier run installed is used, with a warning', OPTIONS, async t => {
    const { folder, bucket } = await setUp(t)
    const hub = await startHub(t, folder)
    const packages = 'packages:\n  - package: acme/cents\n    version: ">=1.0.0"\n'
    const repository = makeRepository(folder, { ...PROJECT, 'packages.yml': packages })
    const plan = makePlan(repository, folder)
    plan.variables.DBT_PACKAGE_HUB_URL = hub.url
    const first = await startRunner(bucket, plan, folder).end
    assert.equal(first.result?.outcome, 'success', first.output)
    assert.equal(bucket.keys('cache/shop/prod/packages/').length, 1)
    hub.stop()
    const second = await startRunner(bucket, plan, folder).end
    assert.equal(second.result?.outcome, 'warn', second.output)
    assert.equal(stepOf(second, 'deps')?.status, 'warn')
    assert.match(stepOf(second, 'deps')?.message ?? '', /Packages that an earlier run had installed.*503/s)
    assert.equal(second.result?.counts.success, 4)
    // Another packages.yml has nothing in the cache.
    repository.commit({ 'packages.yml': packages.replace('1.0.0', '1.1.0') }, 'other packages')
    const third = await startRunner(bucket, plan, folder).end
    assert.equal(third.result?.reason, 'deps_failed', third.output)
  })

  test('a pinned lock file: the second run asks nobody and has the same packages', OPTIONS, async t => {
    const { folder, bucket } = await setUp(t)
    const hub = await startHub(t, folder)
    const repository = makeRepository(folder, {
      ...PROJECT,
      'packages.yml': 'packages:\n  - package: acme/cents\n    version: 1.2.0\n',
      'profiles.yml': 'shop: { target: prod, outputs: { prod: { type: duckdb, path: ":memory:" } } }',
    })
    const env = { PATH: `${VENV}/bin:${process.env.PATH}`, HOME: folder, DBT_PACKAGE_HUB_URL: hub.url }
    // Not the blocking form: the hub is in this process.
    await promisify(execFile)('dbt', ['deps', '--lock'], { cwd: repository.dir, env, timeout: 60_000 })
    repository.commit({}, 'lock')
    assert.match(repository.git('ls-files'), /package-lock\.yml/)
    const plan = makePlan(repository, folder)
    plan.variables.DBT_PACKAGE_HUB_URL = hub.url
    const first = await startRunner(bucket, plan, folder).end
    assert.equal(first.result?.outcome, 'success', first.output)
    hub.asked.length = 0
    const second = await startRunner(bucket, plan, folder).end
    assert.equal(second.result?.outcome, 'success', second.output)
    assert.match(stepOf(second, 'deps')?.message ?? '', /from the cache/)
    assert.deepEqual(hub.asked, [])
    assert.equal(second.result?.counts.success, 4)
  })

  test('fault 30: an archive with a link in it is not installed', OPTIONS, async t => {
    const { folder, bucket } = await setUp(t)
    const hub = await startHub(t, folder)
    const repository = makeRepository(folder, {
      ...PROJECT,
      'packages.yml': 'packages:\n  - package: acme/cents\n    version: 1.2.0\n',
    })
    const plan = makePlan(repository, folder)
    plan.variables.DBT_PACKAGE_HUB_URL = hub.url
    await startRunner(bucket, plan, folder).end
    const [key = ''] = bucket.keys('cache/shop/prod/packages/')
    execFileSync('sh', ['-c', 'mkdir evil && ln -s /etc evil/cents && tar -czf evil.tar.gz -C evil .'], { cwd: folder })
    bucket.objects.set(key, {
      body: readFileSync(join(folder, 'evil.tar.gz')),
      contentType: undefined,
      contentEncoding: undefined,
    })
    hub.stop()
    const second = await startRunner(bucket, plan, folder).end
    assert.equal(second.result?.reason, 'deps_failed', second.output)
  })

  test('a private git package: the token goes to the project’s own host and nowhere else', OPTIONS, async t => {
    const { folder, bucket } = await setUp(t)
    const served = join(folder, 'served')
    mkdirSync(served)
    const own = await startGitServer(served, TOKEN)
    const foreign = await startGitServer(served, 'another-token')
    t.after(() => {
      own.close()
      foreign.close()
    })
    const cents = makeRepository(join(folder, 'package'), PACKAGE)
    cents.git('clone', '-q', '--bare', cents.dir, join(served, 'cents.git'))
    const asks = (url: string) => `packages:\n  - git: "${url}/cents.git"\n    revision: ${cents.git('rev-parse', 'HEAD')}\n`
    const repository = makeRepository(folder, { ...PROJECT, 'packages.yml': asks(own.url) })
    const bare = join(served, 'shop.git')
    repository.git('clone', '-q', '--bare', repository.dir, bare)
    const plan = makePlan({ url: `${own.url}/shop.git` }, folder)
    plan.repository.credentials = 'token'
    const first = await startRunner(bucket, plan, folder, { [ENV.gitToken]: TOKEN }).end
    assert.equal(first.result?.outcome, 'success', first.output)
    assert.ok(own.requests.some(each => each.url.startsWith('/cents.git') && each.token === 'right'))
    repository.commit({ 'packages.yml': asks(foreign.url) }, 'package elsewhere')
    repository.git('push', '-q', bare, 'HEAD:main')
    const second = await startRunner(bucket, plan, folder, { [ENV.gitToken]: TOKEN }).end
    assert.equal(second.result?.reason, 'deps_failed', second.output)
    assert.ok(foreign.requests.length > 0)
    assert.ok(foreign.requests.every(each => each.token === 'none'))
    assert.ok(!first.output.includes(TOKEN) && !second.output.includes(TOKEN))
    assert.equal(bucket.keys('').filter(key => bucket.objects.get(key)?.body.includes(TOKEN)).length, 0)
  })
})

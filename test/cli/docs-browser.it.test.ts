/** dbt's own docs pages in a real browser, under the policy that keeps each to its own folder. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Browser, Page } from 'playwright-core'
import { serveDocs } from '../../cli/docs-server.ts'
import type { LoopbackServer } from '../../cli/loopback.ts'
import { KEY } from '../../shared/contract.ts'
import { docsPath } from '../../shared/docs-site.ts'
import { openBrowser } from '../browser.ts'
import { startBucket } from '../container/bucket.ts'
import { makeCleanFolder, makeRepository, SHOP } from '../container/project.ts'
import { makePlan, startRunner, step } from '../container/runner.ts'
import { skipWithout } from '../need.ts'
import { makeApplication } from './docs-application.ts'
import { fakeBucket } from './fakes.ts'

const OPTIONS = { timeout: 120_000, skip: skipWithout('chromium') }
const RUN = '20261122T010000-00000000000a'
const objects: Record<string, Uint8Array> = {}
let server: LoopbackServer
let browser: Browser
const cleanUps: (() => void)[] = []

/** The second attempt has another model, and docs of another kind: one page that holds its artifacts. */
async function makeDocs(): Promise<void> {
  const { folder, later } = makeCleanFolder(fn => cleanUps.push(fn))
  const bucket = await startBucket()
  later(() => bucket.close())
  const repository = makeRepository(folder, SHOP)
  for (const [attempt, flags] of [
    [1, []],
    [2, ['--static']],
  ] as const) {
    if (attempt > 1)
      repository.commit({ 'models/refunds.sql': "select id, -amount as amount from {{ ref('orders') }}" }, 'refunds')
    const plan = makePlan(repository, folder, { attempt })
    plan.prefixes = { ...plan.prefixes, docs: KEY.docs('shop', 'prod', RUN, attempt) }
    plan.steps = [step(0, 'checkout'), step(1, 'dbt', ['build']), step(2, 'docs', ['docs', 'generate', ...flags])]
    const end = await startRunner(bucket, plan, folder).end
    assert.equal(end.result?.docsUploaded, true, end.output)
  }
  for (const [key, { body }] of bucket.objects) if (key.startsWith('docs/')) objects[key] = body
}

before(
  async () => {
    if (OPTIONS.skip) return
    await makeDocs()
    for (const [name, body] of Object.entries(await makeApplication(30_000)))
      objects[KEY.docs('shop', 'next', RUN, 1) + name] = body
    server = await serveDocs({ bucket: fakeBucket(objects) }, { port: 0 })
    browser = await openBrowser()
  },
  { timeout: 120_000 },
)
after(
  async () => {
    await browser?.close()
    await server?.close()
    for (const cleanUp of cleanUps) cleanUp()
  },
  { timeout: 20_000 },
)

const point = (attempt: number) => {
  const pointer = Buffer.from(JSON.stringify({ run: RUN, attempt, resolvedAt: '2026-11-22T01:00:10Z' }))
  for (const key of [KEY.docsPointer('shop', 'prod'), KEY.docsRunPointer('shop', 'prod', RUN)]) objects[key] = pointer
}

/** With all that the page or the browser complains of. */
async function openPage() {
  const page = await browser.newPage()
  const faults: string[] = []
  page.on('pageerror', error => faults.push(error.message))
  // dbt's own page asks for icons whose names it has not filled in.
  page.on('console', line => line.type() === 'error' && !line.text().includes('404') && faults.push(line.text()))
  return { page, faults }
}

async function findModel(page: Page, name: string, code: RegExp) {
  await page.getByPlaceholder('Search').fill(name)
  await page.locator(`.search-result[href$="model.shop.${name}"]`).click()
  await page.locator('pre', { hasText: code }).first().waitFor({ timeout: 10_000 })
}

test(
  'dbt 1.x: a model is searched and opened; a page that is open stays what it was while the run goes on',
  OPTIONS,
  async () => {
    point(1)
    const { page, faults } = await openPage()
    await page.goto(`${server.origin}/shop/prod/current/`)
    await findModel(page, 'totals', /sum\(amount\) as total/)
    point(2)
    await findModel(page, 'orders', /select 1 as id, 10 as amount/)
    assert.equal(await page.getByText('refunds').count(), 0)
    assert.equal(new URL(page.url()).pathname, docsPath('shop', 'prod', RUN, 1))
    await page.goto(`${server.origin}/shop/prod/${RUN}/`)
    await findModel(page, 'refunds', /-amount as amount/)
    assert.equal(new URL(page.url()).pathname, docsPath('shop', 'prod', RUN, 2))
    assert.deepEqual(faults, [])
    await page.close()
  },
)

test('the layout of dbt 2.x: scripts, a worker with WebAssembly, and Parquet by ranges', OPTIONS, async () => {
  const { page, faults } = await openPage()
  const ranges: number[] = []
  page.on('response', answer => answer.url().endsWith('.parquet') && ranges.push(answer.status()))
  await page.goto(`${server.origin}/shop/next/${RUN}/1/`)
  await page.locator('[data-ready]').waitFor()
  await findModel(page, 'model_29999', /from model_29999_source/)
  assert.deepEqual([faults, [...new Set(ranges)].sort()], [[], [200, 206]])
  await page.close()
})

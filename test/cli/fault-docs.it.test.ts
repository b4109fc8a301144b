/** Fault 48 in a real browser: the pages are open, and in another tab somebody's docs, or any page of the web, are after them. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { BrowserContext, Page } from 'playwright-core'
import { startUi } from '../../cli/ui.ts'
import { pageAddress } from '../../shared/page-api.ts'
import { openBrowser } from '../browser.ts'
import { skipWithout } from '../need.ts'
import { fakeConnection, fakeContext } from './fakes.ts'
import { hostilePage } from './hostile-page.ts'

const OPTIONS = { timeout: 120_000, skip: skipWithout('chromium') }
const RUN = '20261122T010004-9f3ac2d1b7e4'
const INDEX = { schemaVersion: 1, at: '2026-11-22T12:00:00Z', days: [], months: [], jobs: [], newest: [] }

/** The real pages and docs with a connection that counts, opened in a browser in which `evil.example` is this machine. */
async function setUp(t: TestContext) {
  const objects: Record<string, Uint8Array> = {
    'history/v1/index/current.json': gzipSync(JSON.stringify(INDEX)),
    'docs/shop/prod/current.json': Buffer.from(JSON.stringify({ run: RUN, attempt: 1, resolvedAt: '2026-11-22T01:00:10Z' })),
  }
  const connection = fakeConnection({ objects, api: () => ({ ok: true, actor: 'somebody', message: 'done' }) })
  const context = fakeContext(connection, { effects: { packageRoot: join(import.meta.dirname, '../..') } })
  const ui = await startUi(context, connection, { actions: true, pagePort: { port: 0 }, docsPort: { port: 0 } })
  t.after(() => ui.close())
  objects[`docs/shop/prod/${RUN}/1/index.html`] = gzipSync(hostilePage(ui.origin))
  const browser = await openBrowser('--host-resolver-rules=MAP evil.example 127.0.0.1')
  t.after(() => browser.close())
  const tabs = await browser.newContext()
  const page = await tabs.newPage()
  await page.goto(pageAddress(ui.origin, '/runs', ui.token))
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor()
  return { ui, connection, tabs, page }
}

/** What its attempts gave, after it has opened in a tab of its own. */
async function resultsOf(tab: Page): Promise<Record<string, string>> {
  const results = await tab.waitForFunction(() => Reflect.get(window, 'results'), undefined, { timeout: 60_000 })
  return (await results.jsonValue()) as Record<string, string>
}

async function requireHarmless({ ui, connection, page }: Awaited<ReturnType<typeof setUp>>, results: Record<string, string>) {
  assert.ok(Object.keys(results).length >= 20, JSON.stringify(results))
  assert.deepEqual(
    Object.entries(results).filter(([, result]) => !result.startsWith('failed: ')),
    [],
  )
  assert.deepEqual(connection.requests, [{ operation: 'whoami' }], 'an operation reached the api')
  const said = JSON.stringify(results)
  assert.ok(!said.includes(ui.token))
  // And the viewer works on.
  await page.reload()
  await page.getByRole('heading', { name: 'Runs', exact: true }).waitFor()
  assert.match(await page.locator('body').innerText(), /somebody/)
}

const openTab = async (tabs: BrowserContext, address: string) => {
  const tab = await tabs.newPage()
  await tab.goto(address)
  return tab
}

test('fault 48: a hostile docs page reaches neither the pages nor their token, and starts nothing', OPTIONS, async t => {
  const set = await setUp(t)
  await requireHarmless(set, await resultsOf(await openTab(set.tabs, `${set.ui.docs}/shop/prod/current/`)))
})

test('fault 48: nor do docs that a link of the pages has opened', OPTIONS, async t => {
  const set = await setUp(t)
  const [tab] = await Promise.all([
    set.tabs.waitForEvent('page'),
    // The worst link: one that forgot to keep its window to itself.
    set.page.evaluate(address => void open(address), `${set.ui.docs}/shop/prod/current/`),
  ])
  await requireHarmless(set, await resultsOf(tab))
})

for (const host of ['localhost', '127.0.0.1', 'evil.example'])
  test(`fault 48: nor does a page of ${host} with no policy of ours`, OPTIONS, async t => {
    const set = await setUp(t)
    const server = createServer((_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end(hostilePage(set.ui.origin)),
    )
    await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
    t.after(() => {
      server.closeAllConnections()
      server.close()
    })
    const { port } = server.address() as AddressInfo
    await requireHarmless(set, await resultsOf(await openTab(set.tabs, `http://${host}:${port}/`)))
  })

test('fault 48: a name that is made to point at this machine is refused by pages and docs', OPTIONS, async t => {
  const { ui, tabs, connection } = await setUp(t)
  for (const origin of [ui.origin, ui.docs])
    for (const path of ['/', '/api/me', '/shop/prod/current/']) {
      const tab = await tabs.newPage()
      const answer = await tab.goto(`http://evil.example:${new URL(origin).port}${path}`)
      assert.equal(answer?.status(), 403)
      assert.doesNotMatch(await tab.content(), /<script/)
    }
  assert.deepEqual(connection.requests, [{ operation: 'whoami' }])
})

/** The docs of all projects share an origin: one project's page is after the docs of another one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { serveDocs } from '../../cli/docs-server.ts'
import { KEY } from '../../shared/contract.ts'
import { docsPath } from '../../shared/docs-site.ts'
import { openBrowser } from '../browser.ts'
import { skipWithout } from '../need.ts'
import { fakeBucket } from './fakes.ts'
import { hostileDocs } from './hostile-docs.ts'

const OPTIONS = { timeout: 120_000, skip: skipWithout('chromium') }
const RUN = '20261122T010004-9f3ac2d1b7e4'
const SECRET = 'what only the other project knows'

/** Those of one project, of the hostile one, and of that one as the version before has stored them. */
function makeObjects(): Record<string, Uint8Array> {
  const theirs = KEY.docs('shop', 'prod', RUN, 1)
  const objects: Record<string, Uint8Array> = {
    [KEY.docsPointer('shop', 'prod')]: Buffer.from(JSON.stringify({ run: RUN, attempt: 1, resolvedAt: '2026-11-22T01:00:10Z' })),
    [`${theirs}index.html`]: gzipSync(`<html><body>${SECRET}`),
    [`${theirs}manifest.json`]: gzipSync(JSON.stringify(SECRET)),
    [`${theirs}assets/app.js`]: gzipSync(`export const found = ${JSON.stringify(SECRET)}`),
    [`${theirs}assets/app.css`]: gzipSync('body { color: red }'),
    [`${theirs}assets/logo.svg`]: gzipSync('<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>'),
  }
  const page = gzipSync(hostileDocs(docsPath('shop', 'prod', RUN, 1)))
  for (const own of [KEY.docs('evil', 'prod', RUN, 1), KEY.docsRun('evil', 'old', RUN)])
    Object.assign(objects, {
      [`${own}index.html`]: page,
      [`${own}manifest.json`]: gzipSync('own'),
      [`${own}worker.js`]: gzipSync('onfetch = () => {}'),
    })
  return objects
}

for (const path of [docsPath('evil', 'prod', RUN, 1), docsPath('evil', 'old', RUN)])
  test(`fault 48: the docs at ${path} read no docs of another project`, OPTIONS, async t => {
    const server = await serveDocs({ bucket: fakeBucket(makeObjects()) }, { port: 0 })
    t.after(() => server.close())
    const browser = await openBrowser()
    t.after(() => browser.close())
    const tabs = await browser.newContext()
    // The other docs are open too, and in the browser's cache.
    const other = await tabs.newPage()
    await other.goto(`${server.origin}/shop/prod/current/`)
    await other.evaluate(() => fetch('manifest.json'))
    const page = await tabs.newPage()
    await page.goto(server.origin + path)
    await page.getByRole('button').click()
    const found = await page.waitForFunction(() => Reflect.get(window, 'results'), undefined, { timeout: 60_000 })
    const { own, ...results } = (await found.jsonValue()) as Record<string, string>
    assert.equal(own, 'own', 'it reads what is its own')
    assert.ok(Object.keys(results).length >= 20, JSON.stringify(results))
    assert.deepEqual(
      Object.entries(results).filter(([, result]) => !result.startsWith('failed: ')),
      [],
    )
    assert.equal(tabs.pages().length, 2, 'no window has opened')
    assert.match(await other.locator('body').innerText(), new RegExp(SECRET))
  })

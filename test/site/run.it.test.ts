/** The page of a run in a real browser. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Page } from 'playwright-core'
import type { ApiRequest } from '../../shared/api.ts'
import type { RunRecord } from '../../shared/run.ts'
import { skipWithout } from '../need.ts'
import { makeHistory, recordOf } from './history.ts'
import { makeNodes, putLog, putRun, stepsOf } from './run-files.ts'
import { makeStage, type Stage } from './stage.ts'

const limit = { timeout: 30_000, skip: skipWithout('chromium') }
const history = makeHistory({ runs: 400, now: new Date() })
const asked: ApiRequest[] = []
let stage: Stage
let failed: RunRecord
let live: RunRecord

before(
  async () => {
    if (limit.skip) return
    const row = history.runs.find(run => run.job === 'nightly' && run.startedAt)
    assert.ok(row)
    const plain = recordOf({ ...row, status: 'error', reason: 'node_failures', seconds: 300 }, history.config)
    const nodes = makeNodes(plain, { count: 120, bad: 3 })
    failed = {
      ...plain,
      steps: stepsOf(plain, nodes),
      failures: nodes.filter(node => node.status !== 'success'),
      docsAttempt: 1,
      counts: { success: 117, warn: 0, error: 2, fail: 1, skipped: 0, 'no-op': 0 },
    }
    putRun(history.objects, failed, nodes)
    const keys = putLog(history.objects, failed, nodes, { bytes: 3_000_000 })
    const { endedAt: _, ...open } = recordOf({ ...row, id: row.id.replace(/.$/, 'x') }, history.config)
    live = {
      ...open,
      id: '20991122T000000-aaaaaaaaaaaa',
      status: 'running',
      startedAt: new Date(Date.now() - 60_000).toISOString(),
    }
    delete live.reason
    delete live.counts
    const liveNodes = makeNodes(live, { count: 40 })
    const liveKeys = putLog(history.objects, live, liveNodes, { bytes: 20_000 })
    stage = await makeStage(history, plain => ({
      record: id => (id === failed.id ? failed : id === live.id ? live : plain.record(id)),
      open: () => [live],
      parts: id => (id === failed.id ? keys : id === live.id ? liveKeys : []),
      act: request => {
        asked.push(request)
        return { ok: true, message: 'The run goes on.', run: failed }
      },
    }))
  },
  { timeout: 60_000 },
)
after(() => stage?.close(), { timeout: 20_000 })

test('Run: what failed, in the words of the database, what to do, and since when', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}`)
  const { page } = view
  await page.getByText('Referenced column "amount_usd" not found').first().waitFor()
  await page.getByText('only what is left is built, on the same commit').first().waitFor()
  await page.getByRole('heading', { name: 'Since the last good run' }).waitFor()
  const docs = await page.getByRole('link', { name: 'docs of this run' }).getAttribute('href')
  assert.equal(docs, `${stage.backend.me.docs}/shop/prod/${failed.id}/`)
  await page.getByText('Commands').click()
  await page.getByText(`tidemill retry ${failed.id}`).waitFor()
  await view.axe()
  await view.look('run')
  await view.close()
})

test('Run: a button asks first, sends one request, and shows the answer', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}`)
  const { page } = view
  await page.getByRole('button', { name: 'Retry' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('only what is left is built').waitFor()
  assert.deepEqual(asked, [])
  await view.axe()
  await dialog.getByRole('button', { name: 'Retry' }).click()
  await dialog.getByText('The run goes on.').waitFor()
  assert.deepEqual(asked, [{ operation: 'retry', run: failed.id }])
  await view.close()
})

test('Run: nodes with message and compiled SQL on demand', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}?view=nodes`)
  const { page } = view
  await page.getByRole('row').nth(20).waitFor()
  const first = page.locator('tbody tr').first().getByRole('button')
  await first.click()
  await page.locator('pre').getByText('Candidate bindings').waitFor()
  await page.getByRole('button', { name: 'Compiled SQL' }).click()
  await page.getByText('-- <b>not bold</b>').waitFor()
  await view.axe()
  await view.look('run-nodes')
  await view.close()
})

test('Run: the log opens at the first failure, is searched, and shows colours', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}?view=log`)
  const { page } = view
  const marked = page.locator('.log-line.is-marked')
  await marked.waitFor()
  assert.match((await marked.textContent()) ?? '', /ERROR|FAIL/)
  await page.getByLabel('Search the log').fill('part 1: the adapter')
  await page.locator('.log-found', { hasText: /^[\d,]+$/ }).waitFor()
  await page.keyboard.press('Enter')
  await page.locator('.log-line.is-marked mark').waitFor()
  await view.axe()
  await view.look('run-log')
  await view.close()
})

/** Of the lines in sight: whether each begins where the one before ends, and none is cut. */
const seen = (page: Page) =>
  page.evaluate(() => {
    const lines = [...document.querySelectorAll('.log-line')].map(each => each.getBoundingClientRect())
    return {
      gaps: lines.filter((line, i) => i > 0 && Math.abs(line.top - (lines[i - 1]?.bottom ?? 0)) > 0.5).length,
      cut: [...document.querySelectorAll('.log-line')].filter(
        each => each.scrollHeight > each.clientHeight || each.scrollWidth > each.clientWidth + 1,
      ).length,
    }
  })

test('Run: the log wraps, at any width and place, and stays where it was', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}?view=log`)
  const { page } = view
  const marked = page.locator('.log-line.is-marked')
  await marked.waitFor()
  await page.getByRole('button', { name: 'Wrap' }).click()
  assert.ok(await marked.isVisible())
  await page.getByLabel('Search the log').fill('数据仓库')
  await page.locator('.log-found', { hasText: '4' }).waitFor()
  await page.keyboard.press('Enter')
  const wide = page.locator('.log-line.is-marked mark').first()
  await wide.waitFor()
  for (const width of [390, 900, 1280]) {
    await page.setViewportSize({ width, height: 800 })
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.log-line')].every(each => each.scrollHeight <= each.clientHeight),
    )
    assert.deepEqual(await seen(page), { gaps: 0, cut: 0 }, `${width}`)
    assert.ok(await wide.isVisible(), `${width}`)
    const rows = await page.locator('.log-line.is-marked').evaluate(each => each.clientHeight / 18)
    assert.ok(rows > 800 / (width / 7.5), `${rows} rows at ${width}`)
  }
  await view.axe()
  await page.getByRole('button', { name: 'End' }).click()
  const last = page.locator('.log-line').last()
  await page.waitForFunction(() => {
    const [box, line] = ['.log', '.log-line:last-child'].map(each => document.querySelector(each)?.getBoundingClientRect())
    return box && line && Math.abs(line.bottom - box.bottom) < 20
  })
  assert.match((await last.textContent()) ?? '', /part 4/)
  await view.close()
})

test('Run: the log by level and step, in the address; a time leads to what stood around it', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}?view=log`)
  const { page } = view
  await page.locator('.log-line.is-marked').waitFor()
  await page.getByLabel('Level').selectOption('error')
  await page.getByText('3 lines shown').waitFor()
  const lines = page.locator('.log-line')
  assert.equal(await lines.count(), 3)
  assert.ok((await lines.allTextContents()).every(text => /ERROR|FAIL/.test(text)))
  assert.match(page.url(), /level=error/)
  await view.look('run-log-errors')
  await page.getByLabel('Step').selectOption('0')
  await page.getByText('0 lines shown').waitFor()
  await page.getByLabel('Level').selectOption('')
  await page.getByText('1 line shown').waitFor()
  await page.goto(`${page.url().replace(/step=0/, 'level=error')}`)
  await page.getByText('3 lines shown').waitFor()
  const [time] = await page.locator('.log-time').nth(1).allTextContents()
  await page.locator('.log-time').nth(1).click()
  const marked = page.locator('.log-line.is-marked')
  await marked.getByText(/ERROR|FAIL/).waitFor()
  assert.equal(await marked.locator('.log-time').textContent(), time)
  assert.ok((await lines.count()) > 20, 'what stood around it')
  await view.close()
})

test('Run: timing in lanes, and the critical path by the manifest', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}?view=timing`)
  const { page } = view
  await page.getByText('on 4 threads').waitFor()
  await page.getByRole('button', { name: 'Show the critical path' }).click()
  await page.getByRole('heading', { name: 'Critical path' }).waitFor()
  assert.ok((await page.locator('.bar.on-path').count()) > 3)
  await view.axe()
  await view.look('run-timing')
  await view.close()
})

test('Run: artifacts are handed to the browser as files', limit, async () => {
  const view = await stage.open(`/runs/${failed.id}?view=artifacts`)
  const { page } = view
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download of 2 build: manifest.json' }).click()
  assert.equal((await waiting).suggestedFilename(), `${failed.id}-build-manifest.json`)
  await view.axe()
  await view.close()
})

test('Runs and Run: a run that goes on is on top, and shows node by node', limit, async () => {
  const view = await stage.open('/runs')
  const { page } = view
  await page.getByRole('heading', { name: 'Going on' }).waitFor()
  await view.look('runs-live')
  await page.getByRole('link', { name: `Run ${live.id}` }).click()
  await page.getByRole('link', { name: 'Nodes' }).click()
  await page.getByText('int_orders_16').waitFor()
  await view.close()
})

test('a page that nobody sees asks nothing; when it is shown again it asks at once', limit, async () => {
  const view = await stage.open('/runs')
  const { page } = view
  await page.clock.install()
  await page.reload()
  await page.getByRole('heading', { name: 'Going on' }).waitFor()
  let asked = 0
  page.on('request', request => {
    if (request.url().endsWith('/api/open')) asked += 1
  })
  const show = (hidden: boolean) =>
    page.evaluate(is => {
      Object.defineProperty(document, 'hidden', { configurable: true, value: is })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)
  await page.clock.runFor(60_000)
  assert.ok(asked > 0)
  await show(true)
  const before = asked
  await page.clock.runFor(300_000)
  assert.equal(asked, before)
  const next = page.waitForRequest(request => request.url().endsWith('/api/open'))
  await show(false)
  await next
  await view.close()
})

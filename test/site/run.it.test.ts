/** The page of a run in a real browser. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
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

test('hostile names and messages stay text: no markup, no turned direction, no link but to the web', limit, async () => {
  const row = history.runs.find(run => run.job === 'hourly_orders' && run.startedAt)
  assert.ok(row)
  const evil = '<img src=x onerror="globalThis.hit=1"><script>globalThis.hit=1</script>'
  const long = 'n'.repeat(10_000)
  const turned = '\u202egnp.exe\u2066'
  const record: RunRecord = {
    ...recordOf({ ...row, status: 'error', reason: 'node_failures' }, history.config),
    message: `${evil}${turned}`,
    commit: { sha: 'a'.repeat(40), author: evil, subject: `${turned} javascript:alert(1) ${long}`, committedAt: row.endedAt },
    dbtVersion: evil,
    cause: { kind: 'request', actor: `local:${evil}`, idempotencyKey: 'x' },
  }
  const nodes = makeNodes(record, { count: 6, bad: 2 }).map((node, i) => ({
    ...node,
    name: i % 2 ? evil : turned + long,
    uniqueId: `model.shop.${evil}.${i}`,
    message: `${evil}\n${turned}`,
    path: evil,
  }))
  const hostile: RunRecord = {
    ...record,
    steps: stepsOf(record, nodes).map(step => ({ ...step, command: evil, message: evil })),
    failures: nodes.filter(node => node.status !== 'success'),
  }
  putRun(history.objects, hostile, nodes)
  const keys = putLog(history.objects, hostile, nodes, { bytes: 5000 })
  const own = await makeStage(history, plain => ({
    record: id => (id === hostile.id ? hostile : plain.record(id)),
    parts: () => keys,
  }))
  try {
    for (const part of ['', 'nodes', 'log', 'timing', 'artifacts']) {
      const view = await own.open(`/runs/${hostile.id}?view=${part}`)
      const { page } = view
      await page.waitForFunction(() => document.querySelector('h1') && !document.querySelector('.loading'))
      await page.waitForTimeout(150)
      const found = await page.evaluate(() => ({
        hit: Reflect.get(globalThis, 'hit'),
        markup: document.querySelectorAll('main img, main script, main iframe').length,
        links: [...document.querySelectorAll('a')].map(a => a.href).filter(href => !/^https?:/.test(href)),
        turned: /[\u202a-\u202e\u2066-\u2069]/.test(document.body.innerText),
        wide: document.documentElement.scrollWidth - innerWidth,
        text: document.body.innerText.length,
      }))
      assert.deepEqual([found.hit, found.markup, found.links, found.turned], [undefined, 0, [], false], part)
      assert.ok(found.wide <= 0, `${part} is ${found.wide} pixels too wide`)
      assert.ok(found.text < 20_000, `${part} shows ${found.text} characters`)
      await view.close()
    }
  } finally {
    await own.close()
  }
})

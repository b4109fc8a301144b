/** The pages in a real browser, on a history of 10,000 runs: each of them, in both colour schemes and on a phone. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KEY } from '../../shared/contract.ts'
import type { Pause } from '../../shared/page-api.ts'
import { skipWithout } from '../need.ts'
import { makeHistory, recordOf } from './history.ts'
import { failedRun, makeNodes, putLog, putRun, stepsOf } from './run-files.ts'
import { makeStage, PAGES, type Stage, VIEWS } from './stage.ts'
import { putTables } from './tables.ts'

const limit = { timeout: 60_000, skip: skipWithout('chromium') }
const history = makeHistory({ runs: 10_000, now: new Date() })
const RUN = failedRun(history)
const PAUSED: Pause[] = [{ of: 'environment', name: 'shop/staging', at: history.index.at, actor: 'local:ana' }]
let stage: Stage
before(
  async () => {
    if (limit.skip) return
    putTables(history, 40)
    const pointer = {
      schemaVersion: 1,
      run: history.runs[0]?.id,
      job: 'shop/nightly',
      commit: '4f2c1ab',
      resolvedAt: new Date().toISOString(),
      files: [],
    }
    history.objects.set(KEY.docsPointer('shop', 'prod'), JSON.stringify(pointer))
    const nodes = makeNodes(RUN, { count: 60, bad: 2 })
    putRun(history.objects, RUN, nodes)
    const keys = putLog(history.objects, RUN, nodes, { bytes: 200_000 })
    stage = await makeStage(history, plain => ({
      record: id => (id === RUN.id ? RUN : plain.record(id)),
      parts: id => (id === RUN.id ? keys : []),
      paused: () => PAUSED,
    }))
  },
  { timeout: 60_000 },
)
after(() => stage?.close(), { timeout: 20_000 })

test('Runs: the newest of 10,000 runs, without reading more than the index', limit, async () => {
  const view = await stage.open('/runs')
  const { page } = view
  await page.getByRole('row').nth(50).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 100)
  assert.ok(!stage.server.asked.some(each => each.path.includes('/index/days/')), 'no page of a day was read')
  assert.equal(new URL(page.url()).hash, '#/runs', 'the token is not in the address')
  await view.look('runs')
  await view.close()
})

test('Runs: older pages, filters and search stand in the address; back leads back', limit, async () => {
  const view = await stage.open('/runs')
  const { page } = view
  const firstRun = () => page.locator('tbody a').first().getAttribute('href')
  await page.getByRole('row').nth(50).waitFor()
  const newest = await firstRun()
  await page.getByRole('link', { name: 'Older runs' }).click()
  await page.getByRole('heading', { name: 'Older runs' }).waitFor()
  await page.waitForFunction(before => document.querySelector('tbody a')?.getAttribute('href') !== before, newest)
  assert.match(page.url(), /before=\d{8}T/)
  await page.getByRole('link', { name: 'Older runs' }).click()
  await page.waitForTimeout(300)
  assert.equal(await page.locator('tbody tr').count(), 100)
  await page.goBack()
  await page.goBack()
  await page.waitForFunction(before => document.querySelector('tbody a')?.getAttribute('href') === before, newest)

  await page
    .locator('label', { hasText: /^Status/ })
    .locator('select')
    .selectOption('error')
  await page.locator('label', { hasText: /^Job/ }).locator('select').selectOption('shop/marketing_attribution')
  await page.getByLabel('Search').fill('amount_usd stg_payments')
  await page.waitForFunction(() => location.hash.includes('q='))
  await page.waitForTimeout(300)
  const expected = history.runs.filter(run => run.job === 'marketing_attribution' && run.status === 'error').length
  await page.getByText(`${expected} runs`).waitFor()
  const { hash } = new URL(page.url())
  await view.close()
  const again = await stage.open(hash.slice(1))
  await again.page.getByText(`${expected} runs`).waitFor()
  await again.close()
})

test('Job: trend, streak, next firings in local and job time', limit, async () => {
  const view = await stage.open('/jobs/shop/nightly')
  const { page } = view
  await page
    .getByText(/02:00 Europe\/Berlin/)
    .first()
    .waitFor()
  await page.getByRole('row').nth(10).waitFor()
  assert.match((await page.locator('main').textContent()) ?? '', /The (newest|last) .*(good|failed)/)
  assert.ok((await page.locator('svg .bar').count()) > 30)
  await view.look('job')
  await view.close()
})

test('Node: history out of Parquet files of days and of runs, and that a test is flaky', limit, async () => {
  const view = await stage.open('/nodes/shop/prod/test.shop.not_null_orders_id')
  const { page } = view
  await page.getByRole('row').nth(10).waitFor()
  await page.getByText('! Flaky').waitFor()
  const runs = history.runs.filter(
    run => run.job === 'nightly' && run.startedAt && Date.parse(run.startedAt) > Date.now() - 29 * 86_400_000,
  )
  const shown = (await page.locator('tbody tr').count()) - runs.length
  assert.ok(shown >= 0 && shown <= 2, `${shown} rows more than runs`)
  await view.look('node')
  await view.close()
})

test('Schedule: expected, observed, missed', limit, async () => {
  const last = new Date(Date.now() - 7 * 86_400_000).toISOString().slice(0, 10)
  const view = await stage.open(`/schedule?week=${last}`)
  const { page } = view
  await page.getByRole('rowheader').nth(2).waitFor()
  await page.getByText(/did not happen|Nothing is missing/).waitFor()
  await view.look('schedule')
  await view.close()
})

test('Cost: by job, and an estimate of the rest of the month', limit, async () => {
  const view = await stage.open('/cost')
  const { page } = view
  await page.getByText('The rest of the month will come to about').waitFor()
  await view.look('cost')
  await view.close()
})

test('Docs: of the runs that have them, and why one has none', limit, async () => {
  const view = await stage.open('/docs')
  const { page } = view
  await page.getByText('Of each run').click()
  const rows = history.runs.filter(run => run.job === 'nightly' && (run.docs || run.noDocs)).slice(0, 20)
  const items = page.locator('details li')
  assert.equal(await items.count(), rows.length)
  const addresses = await items
    .getByRole('link', { name: 'Docs of' })
    .evaluateAll(links => links.map(link => Reflect.get(link, 'href')))
  const withDocs = rows.filter(run => run.docs)
  assert.deepEqual(
    addresses,
    withDocs.map(run => `${stage.backend.me.docs}/shop/prod/${run.id}/`),
  )
  assert.equal(
    await items.getByText('There are no docs of this run: dbt left no catalog.json.').count(),
    rows.length - withDocs.length,
  )
  await view.look('docs')
  await view.axe()
  await view.close()
})

test('every page and every part of a run without a fault that axe-core finds', { ...limit, timeout: 120_000 }, async () => {
  const view = await stage.open('/runs')
  for (const route of [...PAGES, ...VIEWS.map(part => `/runs/${RUN.id}?view=${part}`)]) {
    await view.go(route)
    await view.axe()
  }
  await view.close()
})

test('without a token nothing is shown but what to do; a second tab takes it from the first', limit, async () => {
  const context = await stage.browser.newContext()
  const alone = await context.newPage()
  await alone.goto(`${stage.server.origin}/#/runs`)
  await alone.getByText('valid token').first().waitFor()
  const first = await context.newPage()
  await first.goto(stage.server.address('/runs'))
  await first.getByRole('row').nth(5).waitFor()
  const second = await context.newPage()
  await second.goto(`${stage.server.origin}/#/jobs`)
  await second.getByRole('row').nth(3).waitFor()
  await context.close()
})

test('the keyboard alone: to the filter, to a run, through its parts', limit, async () => {
  const view = await stage.open('/runs')
  const { page } = view
  const [row] = history.index.newest
  assert.ok(row)
  const record = recordOf(row, history.config)
  putRun(history.objects, { ...record, steps: stepsOf(record, []) }, makeNodes(record, { count: 5 }))
  await page.getByRole('row').nth(50).waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'MAIN', 'the first stop leads past the navigation')
  const stopAt = async (wanted: (focus: string) => boolean) => {
    for (let stops = 0; stops < 60; stops++) {
      await page.keyboard.press('Tab')
      const focus = await page.evaluate(
        () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '',
      )
      if (wanted(focus)) return
    }
    assert.fail('never reached by Tab')
  }
  await stopAt(focus => focus.startsWith(`Run ${row.id}`))
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { level: 1, name: row.job }).waitFor()
  await stopAt(focus => focus.startsWith('Nodes'))
  await page.keyboard.press('Enter')
  await page.getByRole('row').nth(3).waitFor()
  await stopAt(focus => focus.includes('stg_'))
  await page.keyboard.press('Enter')
  await page.getByText('History of this node').waitFor()
  await view.close()
})

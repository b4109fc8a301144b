/** Every page in a browser, over what really ran in the end-to-end test, through the program `tidemill ui`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunRecord } from '../../shared/run.ts'
import { openBrowser } from '../browser.ts'
import { skipWithout } from '../need.ts'
import { looksAt } from '../site/stage.ts'
import type { Installation } from './installation.ts'
import { openUi } from './ui.ts'

export function pageChecks(chain: () => Installation) {
  test('every page and every part of a run shows what really ran, without an error', {
    timeout: 120_000,
    skip: skipWithout('chromium'),
  }, async t => {
    const { runs } = (await chain().tidemill('runs', '--count', '100')).json
    const newest = (job: string, status: string) => runs.find((run: RunRecord) => run.job === job && run.status === status)?.id
    const [good, bad] = [newest('good', 'success'), newest('failing_model', 'error')]
    assert.ok(good && bad, JSON.stringify(runs))
    const { address, ask } = await openUi(t, chain().folder)
    const browser = await openBrowser()
    t.after(() => browser.close())
    const page = await browser.newPage()
    const errors: string[] = []
    page.on('pageerror', error => errors.push(error.message))
    // Docs of environments that have none are looked for.
    page.on('console', line => line.type() === 'error' && !/404/.test(line.text()) && errors.push(line.text()))
    await page.goto(address)
    await page.getByRole('link', { name: 'good' }).first().waitFor()
    assert.doesNotMatch(page.url(), /token/)
    const { go, axe } = looksAt(page)
    const shows: [route: string, ...texts: (string | RegExp)[]][] = [
      ['/runs', 'job chain/every_minute paused since', /failing: /, 'error: models failed'],
      [`/runs/${bad}`, 'Could not convert string', /USD/, 'Since the last good run', 'dbt build'],
      [`/runs/${bad}?view=nodes`, /^(\d+) of \1 nodes/, 'below_broken'],
      [`/runs/${bad}?view=log`, /ERROR creating sql/],
      [`/runs/${bad}?view=log&level=error`, 'lines shown'],
      [`/runs/${good}?view=timing`, 'numbers', /nodes in .* on/],
      [`/runs/${good}?view=artifacts`, 'run_results.json'],
      [`/runs/${good}?view=nodes&q=doubled`, 'doubled'],
      ['/jobs', 'chain/failing_model', 'paused since'],
      ['/jobs/chain/every_minute', 'no new run starts', 'Resume', 'Asia/Kathmandu'],
      ['/jobs/chain/good', 'Run now', /good/],
      ['/nodes/chain/prod/model.chain.doubled', /runs were good|run was good/, 'models/doubled.sql'],
      ['/sources', 'As the checks of the last', 'raw.numbers', /^! ?warn$/],
      ['/schedule', 'every_minute', 'paused since'],
      ['/cost', 'chain/good', 'Dearest runs'],
      ['/docs', 'Current docs'],
    ]
    const missing: string[] = []
    for (const [route, ...texts] of shows) {
      await go(route)
      for (const text of texts) {
        const shown = page.locator('main').getByText(text).locator('visible=true').first()
        await shown.waitFor({ timeout: 5000 }).catch(() => missing.push(`${route}: ${text}`))
      }
      await axe()
    }
    await go(`/runs/${good}?view=timing`)
    await page.getByRole('button', { name: 'Show the critical path' }).click({ timeout: 10_000 })
    const path = page.locator('section[aria-labelledby=path] tbody tr')
    await path.first().waitFor()
    assert.match((await path.allTextContents()).join(), /numbers.*doubled/)
    const { docs } = (await ask('/api/me')).json
    await page.goto(`${docs}/chain/prod/current/#!/model/model.chain.doubled`)
    await page.getByText('select id * 2 as id').first().waitFor({ timeout: 20_000 })
    assert.match(page.url(), /\/chain\/prod\/\d{8}T\d{6}-[0-9a-f]{12}\/1\//)
    assert.deepEqual({ missing, errors }, { missing: [], errors: [] })
  })
}

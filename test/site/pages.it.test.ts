/** The pages in a real browser, on a generated history. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { skipWithout } from '../need.ts'
import { makeHistory } from './history.ts'
import { makeStage, type Stage } from './stage.ts'

const limit = { timeout: 30_000, skip: skipWithout('chromium') }
let stage: Stage
before(
  async () => {
    if (!limit.skip) stage = await makeStage(makeHistory({ runs: 10_000, now: new Date() }))
  },
  { timeout: 60_000 },
)
after(() => stage?.close(), { timeout: 20_000 })

test('Runs: the newest of 10,000 runs, without reading more than the index', limit, async () => {
  const view = await stage.open('/runs')
  await view.page.getByRole('row').nth(50).waitFor()
  assert.equal(await view.page.locator('h1').textContent(), 'Runs')
  assert.deepEqual(await view.page.locator('tbody tr').count(), 100)
  assert.ok(!stage.server.asked.some(each => each.path.includes('/index/days/')), 'no page of a day was read')
  assert.equal(new URL(view.page.url()).hash, '#/runs')
  await view.look('runs')
  await view.close()
})

/** What every page shows when there is nothing yet, when nothing comes, when it fails, and to whom may not look. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { KEY } from '../../shared/contract.ts'
import type { PageError } from '../../shared/page-api.ts'
import { hashOf, runOf } from '../fakes/records.ts'
import { skipWithout } from '../need.ts'
import { madeConfig, makeHistory } from './history.ts'
import { failedRun } from './run-files.ts'
import { makeStage, PAGES, type Stage, VIEWS } from './stage.ts'

const limit = { timeout: 90_000, skip: skipWithout('chromium') }
const history = makeHistory({ runs: 200, now: new Date() })
const RUN = failedRun(history)
const viewsOf = (id: string) => VIEWS.map(view => `/runs/${id}?view=${view}`)
/** Set by each test. */
let instead: (path: string) => PageError | 'wait' | undefined
let stage: Stage
let fresh: Stage

before(
  async () => {
    if (limit.skip) return
    stage = await makeStage(history, plain => ({
      record: id => (id === RUN.id ? RUN : plain.record(id)),
      instead: path => instead(path),
    }))
    const config = madeConfig()
    const objects = new Map([[KEY.config(hashOf(config)), JSON.stringify(config)]])
    const waiting = runOf(1, { config: hashOf(config) })
    fresh = await makeStage({ ...history, config, runs: [], objects }, () => ({ record: () => waiting }), stage.browser)
  },
  { timeout: 60_000 },
)
after(
  async () => {
    await fresh?.close()
    await stage?.close()
  },
  { timeout: 20_000 },
)

test('before the first run every page says so, and what comes next', limit, async () => {
  const view = await fresh.open('/runs')
  const { page } = view
  const WORDS: Record<string, string> = {
    '/runs': 'No run has ended yet.',
    '/jobs': 'never ran',
    '/jobs/shop/nightly': 'No run of this job has ended yet.',
    '/sources': 'No run has checked the freshness of a source.',
    '/nodes/shop/prod/model.shop.stg_payments': 'No run of the last 30 days built it.',
    '/cost': 'No run has ended yet.',
    '/docs': 'There are no docs yet.',
    [viewsOf(runOf(1).id)[2] ?? '']: 'No task was started, so there is no log.',
    [viewsOf(runOf(1).id)[4] ?? '']: 'Nothing was started, so there are no artifacts.',
  }
  for (const route of [...PAGES, ...viewsOf(runOf(1).id)]) {
    await view.go(route)
    await page
      .getByText(WORDS[route] ?? /./)
      .first()
      .waitFor()
    await view.axe()
  }
  await view.close()
})

test('when the server fails, every page says what did, and asks again on a button', limit, async () => {
  instead = () => undefined
  const view = await stage.open('/nowhere')
  const { page } = view
  await page.getByText('This address leads nowhere').waitFor()
  instead = path =>
    path === '/api/me' ? undefined : { status: 502, message: 'S3 does not answer.', hint: 'See its status page, then try again.' }
  for (const route of [...PAGES.slice(0, -1), `/runs/${RUN.id}`]) {
    await view.go(route)
    await page.getByRole('alert').getByText('S3 does not answer.').first().waitFor()
    await view.axe()
  }
  await view.close()
  const whole = await stage.open('/docs')
  await whole.page.getByRole('alert').getByText('S3 does not answer.').first().waitFor()
  await whole.axe()
  instead = () => undefined
  await whole.page.getByRole('button', { name: 'Try again' }).first().click()
  await whole.page.getByText('There are no docs yet.').first().waitFor()
  await whole.close()
})

test('a part that fails leaves the rest of a run: nodes, log and timing say what did', limit, async () => {
  instead = path => (/nodes.json|api.parts/.test(path) ? { status: 502, message: 'S3 does not answer.' } : undefined)
  const view = await stage.open(`/runs/${RUN.id}`)
  for (const route of viewsOf(RUN.id).slice(1, 4)) {
    await view.go(route)
    await view.page.getByRole('alert').getByText('S3 does not answer.').first().waitFor()
    await view.axe()
  }
  await view.close()
})

test('while nothing has come, the page says what it waits for', limit, async () => {
  instead = path => (path === '/api/me' ? 'wait' : undefined)
  const view = await stage.open('/runs')
  await view.page.getByText('Loading Tidemill').waitFor()
  await view.axe()
  await view.close()
  instead = path => (path === '/api/me' ? undefined : 'wait')
  const inside = await stage.open('/runs')
  for (const [route, what] of [
    ['/runs', 'the runs'],
    [`/runs/${RUN.id}`, 'the run'],
    ['/schedule', 'the schedules'],
    ['/cost', 'the months'],
  ] as const) {
    await inside.page.evaluate(hash => location.assign(hash), `#${route}`)
    await inside.page.getByText(`Loading ${what} …`).first().waitFor()
    await inside.axe()
  }
  await inside.close()
})

test('who may not look is told why and what to do; who may only look finds no button', limit, async () => {
  for (const refusal of [
    { status: 401, message: 'This page was not opened by the program that serves it.', hint: 'Open the address.' },
    { status: 403, message: 'You are in no group of this installation.', hint: 'Ask whoever runs it.' },
  ] as const) {
    instead = path => (path === '/api/me' ? refusal : undefined)
    const view = await stage.open('/runs')
    await view.page.getByText(refusal.message).waitFor()
    await view.page.getByText(refusal.hint).waitFor()
    assert.equal(await view.page.getByRole('navigation').count(), 0)
    await view.axe()
    await view.close()
  }
  instead = () => undefined
  const { me } = stage.backend
  me.role = 'viewer'
  const view = await stage.open(`/runs/${RUN.id}`)
  await view.page.getByText('Commands').waitFor()
  assert.equal(await view.page.getByRole('button', { name: /Retry|Run again/ }).count(), 0)
  await view.go('/jobs/shop/nightly')
  await view.page.getByText('Commands').waitFor()
  assert.equal(await view.page.getByRole('button', { name: /Run now|Pause/ }).count(), 0)
  me.role = 'operator'
  await view.close()
})

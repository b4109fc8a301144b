/** The hosted pages in a real browser: sign-in, what each group sees and may do, dbt's docs on their own origin, sign-out. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { ScanCommand } from '@aws-sdk/lib-dynamodb'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { KEY } from '../../shared/contract.ts'
import { docsPath } from '../../shared/docs-site.ts'
import { pageAddress, runRoute, TOKEN_HEADER } from '../../shared/page-api.ts'
import { openBrowser } from '../browser.ts'
import { get } from '../cli/http.ts'
import { skipWithout } from '../need.ts'
import { looksAt } from '../site/stage.ts'
import { type Hosted, startHosted } from './installation.ts'

const limit = { timeout: 90_000, skip: skipWithout('chromium') }
let hosted: Hosted
let browser: Browser

before(
  async () => {
    if (limit.skip) return
    hosted = await startHosted()
    for (const role of ['viewer', 'operator', 'admin']) hosted.cognito.users.set(role, [role])
    hosted.cognito.users.set('nobody', [])
    const { id } = hosted.failed
    await hosted.put(KEY.docsPointer('shop', 'prod'), JSON.stringify({ run: id, attempt: 1, resolvedAt: '2026-11-22T01:00:10Z' }))
    await hosted.put(`${KEY.docs('shop', 'prod', id, 1)}index.html`, '<!doctype html><title>dbt docs</title><h1>The docs</h1>')
    browser = await openBrowser()
  },
  { timeout: 120_000 },
)
after(
  async () => {
    await browser?.close()
    await hosted?.close()
  },
  { timeout: 30_000 },
)

const addressOf = (route: string) => pageAddress(hosted.pages, route)

/** Opens the page as somebody who is not signed in yet, and signs in. */
async function signIn(user: string, route: string): Promise<{ context: BrowserContext; page: Page }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Europe/Berlin' })
  const page = await context.newPage()
  await page.goto(addressOf(route))
  await page.getByRole('link', { name: user, exact: true }).click()
  return { context, page }
}

test('somebody who follows a link signs in and comes to what it names, without the token in the address', limit, async () => {
  const { context, page } = await signIn('operator', runRoute(hosted.failed.id))
  await page.getByText('Referenced column "amount_usd" not found').first().waitFor()
  assert.equal(page.url(), addressOf(runRoute(hosted.failed.id)))
  await page.getByText('operator@acme.example, operator').waitFor()
  const { look, axe } = looksAt(page)
  await axe()
  await look('hosted-run')
  await page.getByRole('link', { name: 'Runs', exact: true }).click()
  await page.getByRole('row').nth(30).waitFor()
  await axe()
  await look('hosted-runs')
  // A second tab has the token of the first; nothing of it is in a cookie of this origin.
  const second = await context.newPage()
  await second.goto(addressOf('/jobs'))
  await second.getByRole('link', { name: 'quarter_hourly' }).first().waitFor()
  assert.deepEqual(await context.cookies(hosted.pages), [])
  await context.close()
})

test('an operator runs the job again, and the audit trail has the name of the sign-in', limit, async () => {
  const { context, page } = await signIn('operator', runRoute(hosted.failed.id))
  await page.getByRole('button', { name: 'Run again', exact: true }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Run again', exact: true }).click()
  await dialog.getByRole('link', { name: /^Run \d{8}T/ }).waitFor()
  await looksAt(page).look('hosted-operator')
  const { Items = [] } = await hosted.table.send(new ScanCommand({ TableName: hosted.tableName }))
  assert.deepEqual(
    Items.filter(item => String(item.pk).startsWith('AUDIT#')).map(({ actor, operation }) => [actor, operation]),
    [['site:operator@acme.example', 'run']],
  )
  await context.close()
})

test('a viewer has no buttons; what is asked for all the same is refused, and said so', limit, async () => {
  const { context, page } = await signIn('viewer', runRoute(hosted.failed.id))
  await page.getByText('viewer@acme.example, viewer').waitFor()
  await page.getByText('Commands').waitFor()
  assert.equal(await page.getByRole('button', { name: /Retry|Run again|Cancel/ }).count(), 0)
  const { look } = looksAt(page)
  await look('hosted-viewer')
  const viewers = await page.evaluate(() => sessionStorage.getItem('tidemill-token'))
  await context.close()

  // The page of an operator who has become a viewer.
  const other = await signIn('operator', runRoute(hosted.failed.id))
  // Before that it is still on its way from the user pool, and the storage another one's.
  await other.page.getByText('operator@acme.example, operator').waitFor()
  await other.page.evaluate(token => sessionStorage.setItem('tidemill-token', token ?? ''), viewers)
  const me = (await get(hosted.pages, '/api/me', { [TOKEN_HEADER]: viewers ?? '' })).json
  await other.page.route('**/api/me', route => route.fulfill({ json: { ...me, role: 'operator' } }))
  await other.page.reload()
  await other.page.getByRole('button', { name: 'Run again', exact: true }).first().click()
  const dialog = other.page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Run again', exact: true }).click()
  await dialog.getByText('You look here as viewer, which does not include this operation.').waitFor()
  await looksAt(other.page).axe()
  await looksAt(other.page).look('hosted-refused')
  await other.context.close()
})

test('who is in no group is told so, and can come back after it was mended or as somebody else', limit, async () => {
  const { context, page } = await signIn('nobody', '/cost')
  await page.getByText('You are signed in as nobody@acme.example, who is in none of the groups').waitFor()
  const { look, axe } = looksAt(page)
  await axe()
  await look('hosted-no-group')
  hosted.cognito.users.set('nobody', ['viewer'])
  await page.getByRole('link', { name: 'Sign in again' }).click()
  await page.getByText('nobody@acme.example, viewer').waitFor()
  assert.equal(page.url(), addressOf('/cost'))
  hosted.cognito.users.set('nobody', [])
  await context.close()
})

test('a sign-out ends it in all tabs, for the docs too, and at the user pool', limit, async () => {
  const { context, page } = await signIn('viewer', '/runs')
  await page.getByText('viewer@acme.example, viewer').waitFor()
  const docs = await context.newPage()
  const at = `${hosted.docs}/shop/prod/current/`
  await docs.goto(at)
  await docs.getByRole('heading', { name: 'The docs' }).waitFor()
  assert.equal(docs.url(), hosted.docs + docsPath('shop', 'prod', hosted.failed.id, 1))
  const [cookie] = await context.cookies(hosted.docs)
  assert.deepEqual([cookie?.name, cookie?.httpOnly, cookie?.secure], ['__Host-tidemill-docs', true, true])
  const second = await context.newPage()
  await second.goto(addressOf('/jobs'))
  await second.getByText('viewer@acme.example, viewer').waitFor()

  await page.getByRole('button', { name: 'Sign out' }).click()
  for (const tab of [page, second]) {
    await tab.getByRole('heading', { name: 'You are signed out' }).waitFor()
    assert.equal(tab.url(), addressOf('/signed-out'))
    assert.equal(await tab.evaluate(() => sessionStorage.length), 0)
  }
  const { look, axe } = looksAt(page)
  await axe()
  await look('hosted-signed-out')
  assert.deepEqual(await context.cookies(hosted.docs), [])
  await docs.goto(at)
  assert.equal(await docs.title(), 'Sign in')
  await page.getByRole('link', { name: 'Sign in again' }).click()
  await page.getByRole('link', { name: 'viewer', exact: true }).click()
  await page.getByText('viewer@acme.example, viewer').waitFor()
  await context.close()
})

test('on a phone one can sign out too', limit, async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } })
  const page = await context.newPage()
  await page.goto(addressOf('/runs'))
  await page.getByRole('link', { name: 'viewer', exact: true }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await looksAt(page).look('hosted-phone')
  await context.close()
})

/** The pictures of the README, taken of the runs of a demo that is up: `npm run demo -- --keep`, then `npm run pictures`. Needs Chromium. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { RunRecord } from '../../shared/run.ts'
import { openBrowser } from '../browser.ts'
import { openUi } from '../e2e/ui.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'docs/images')
/** Bytes of a picture: a README is to open at once. */
const LARGEST = 150 * 1024
const WIDTH = 1280

const demos = join(root, '.cache/demo')
const newest = readdirSync(demos).sort().at(-1)
if (!newest) throw new Error('no demo is up: npm run demo -- --keep')
const cwd = join(demos, newest)
const tidemill = (...words: string[]) =>
  execFileSync(process.execPath, [join(root, 'dist/bin/tidemill.mjs'), '--local', ...words], { cwd, encoding: 'utf8' })
const { runs } = JSON.parse(tidemill('runs', '--job', 'nightly', '--json')) as { runs: RunRecord[] }
const [good, bad] = ['success', 'error'].map(status => runs.find(run => run.status === status)?.id)
const ends: (() => unknown)[] = []
try {
  const { address } = await openUi({ after: end => ends.push(end) }, cwd)
  const browser = await openBrowser()
  ends.push(() => browser.close())
  const page = await browser.newPage({ viewport: { width: WIDTH, height: 700 }, colorScheme: 'light', timezoneId: 'UTC' })
  await page.goto(address)
  const take = async (name: string, route: string, height: number, wait: string, button?: string) => {
    await page.setViewportSize({ width: WIDTH, height })
    await page.evaluate(hash => location.assign(hash), `#${route}`)
    if (button) await page.getByRole('button', { name: button }).click()
    await page.getByText(wait).first().waitFor()
    await page.waitForTimeout(500)
    mkdirSync(folder, { recursive: true })
    const path = join(folder, `${name}.png`)
    await page.screenshot({ path })
    const { size } = statSync(path)
    if (size > LARGEST) throw new Error(`${path} has ${size} bytes, more than ${LARGEST}`)
  }
  await take('runs', '/runs', 440, 'models failed')
  await take('run', `/runs/${bad}`, 680, 'Since the last good run')
  await take('timing', `/runs/${good}?view=timing`, 560, 'Critical path', 'Show the critical path')
} finally {
  for (const end of ends.reverse()) await end()
}

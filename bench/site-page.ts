/** The pages in Chromium, cold, from a server on loopback: bytes, and seconds until somebody can use them. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { readPageFiles } from '../cli/ui-files.ts'
import type { RunRecord } from '../shared/run.ts'
import { openBrowser } from '../test/browser.ts'
import { makeHistory, recordOf } from '../test/site/history.ts'
import { makeNodes, putLog, putRun, stepsOf } from '../test/site/run-files.ts'
import { type PageServer, SITE, servePages } from '../test/site/server.ts'
import { backendOf } from '../test/site/stage.ts'
import { type FigureSpec, figureOf } from './figures.ts'
import type { Part, Values } from './rounds.ts'

const ROOT = join(import.meta.dirname, '..')
const RUNS = 10_000
const NODES = 2000
const LOG_BYTES = 100_000_000

export const pagePart = (rounds: number): Part => ({
  name: 'page',
  rounds,
  async start(bench) {
    execFileSync(process.execPath, [join(ROOT, 'build.mjs')])
    const { server, run } = await serveRun()
    bench.atEnd(() => server.close())
    const browser = await openBrowser()
    bench.atEnd(() => browser.close())
    return () => measurePages(browser, server, run)
  },
  figures: all =>
    SPECS.flatMap(({ key, ...spec }) =>
      figureOf(
        spec,
        all.map(values => values[key] ?? Number.NaN),
      ),
    ),
})

const SPECS: (FigureSpec & { key: string })[] = [
  { key: 'applicationKb', name: 'application, all files, compressed (brotli)', unit: 'KB', target: 40 },
  { key: 'loadedKb', name: 'of it the list of runs loads', unit: 'KB', target: null },
  { key: 'firstKb', name: `first load of Runs, ${RUNS} runs, all bytes`, unit: 'KB', target: 120 },
  { key: 'runsSeconds', name: 'first load of Runs to usable, cold', unit: 's', target: 1 },
  { key: 'runSeconds', name: `Run with ${NODES} nodes to its results, cold`, unit: 's', target: 1.5 },
  { key: 'logSeconds', name: 'log of 100 MB opens at its first failure, cold', unit: 's', target: 2 },
  { key: 'scrollSeconds', name: 'the same: lines after a jump to elsewhere', unit: 's', target: 0.5 },
]

async function serveRun(): Promise<{ server: PageServer; run: string }> {
  const history = makeHistory({ runs: RUNS, now: new Date() })
  const row = history.runs.find(each => each.job === 'nightly' && each.startedAt)
  if (!row) throw new Error('the made history has no nightly run')
  const plain = recordOf({ ...row, status: 'error', reason: 'node_failures' }, history.config)
  const ended = new Date(Date.parse(row.startedAt ?? '') + 3_600_000).toISOString()
  const long: RunRecord = { ...plain, endedAt: ended }
  const nodes = makeNodes(long, { count: NODES, bad: 3 })
  const failures = nodes.filter(node => node.status !== 'success')
  const record: RunRecord = { ...long, failures, steps: stepsOf(long, nodes) }
  putRun(history.objects, record, nodes)
  const keys = putLog(history.objects, record, nodes, { bytes: LOG_BYTES })
  const backend = backendOf(history)
  const server = await servePages({
    ...backend,
    record: id => (id === record.id ? record : backend.record(id)),
    parts: () => keys,
  })
  return { server, run: record.id }
}

async function measurePages(browser: Browser, server: PageServer, run: string): Promise<Values> {
  const bytesOf = (wanted: (path: string) => boolean) =>
    server.asked.reduce((sum, { path, bytes }) => sum + (wanted(path) ? bytes : 0), 0) / 1000
  const isOurs = (path: string) => !path.startsWith('/data/') && !path.startsWith('/api/')
  server.asked.length = 0
  const runsSeconds = await timed(browser, server.address('/runs'), 'tbody tr:nth-child(50)')
  const sizes = { applicationKb: applicationKb(), loadedKb: bytesOf(isOurs), firstKb: bytesOf(() => true) }
  const runSeconds = await timed(browser, server.address(`/runs/${run}?view=nodes`), 'tbody tr:nth-child(200)')
  let scrollSeconds = Number.NaN
  const logSeconds = await timed(browser, server.address(`/runs/${run}?view=log`), '.log-line.is-marked', async page => {
    scrollSeconds = (await page.evaluate(JUMP)) as number
  })
  return { ...sizes, runsSeconds, runSeconds, logSeconds, scrollSeconds }
}

type Page = Awaited<ReturnType<Browser['newPage']>>

/** From the navigation to the element, in a profile that has seen nothing. */
async function timed(browser: Browser, address: string, selector: string, then?: (page: Page) => Promise<void>): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  try {
    const page = await context.newPage()
    const began = performance.now()
    await page.goto(address, { waitUntil: 'commit' })
    await page.locator(selector).first().waitFor({ timeout: 30_000 })
    const seconds = (performance.now() - began) / 1000
    await then?.(page)
    return seconds
  } finally {
    await context.close()
  }
}

/** Scrolls to a tenth of the log and waits until the lines there are shown. */
const JUMP = `(async () => {
  const log = document.querySelector('.log')
  const part = () => /of part (\\d+)/.exec(log.textContent)?.[1]
  const before = part()
  const began = performance.now()
  log.scrollTop = log.scrollHeight / 10
  await new Promise(resolve => requestAnimationFrame(resolve))
  const shown = () => {
    const lines = [...document.querySelectorAll('.log-line')]
    const middle = log.getBoundingClientRect()
    const inSight = lines.filter(line => line.getBoundingClientRect().top > middle.top && line.getBoundingClientRect().bottom < middle.bottom)
    return inSight.length > 10 && inSight.every(line => line.textContent !== '…') && part() !== before
  }
  while (!shown() && performance.now() - began < 20000) await new Promise(resolve => requestAnimationFrame(resolve))
  return (performance.now() - began) / 1000
})()`

/** Every file of dist/site as both servers send it to a browser that takes brotli. */
const applicationKb = () => [...readPageFiles(SITE).values()].reduce((sum, { br }) => sum + br.length, 0) / 1000

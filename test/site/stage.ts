/** A browser before the pages of a made history: looks at them, and checks what must hold on every page. */
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { ApiRequest, ApiResponse } from '../../shared/api.ts'
import { KEY } from '../../shared/contract.ts'
import type { RunRecord } from '../../shared/run.ts'
import { openBrowser } from '../browser.ts'
import { hashOf } from '../fakes/records.ts'
import { type MadeHistory, recordOf } from './history.ts'
import { type Backend, type PageServer, servePages } from './server.ts'

const root = join(import.meta.dirname, '../..')
const SHOTS = join(root, '.cache/screenshots')
const AXE = readFileSync(join(root, 'node_modules/axe-core/axe.min.js'), 'utf8')

/** One address of every page, and the parts of a run. */
export const PAGES = [
  '/runs',
  '/jobs',
  '/jobs/shop/nightly',
  '/nodes/shop/prod/model.shop.stg_payments',
  '/sources',
  '/schedule',
  '/cost',
  '/docs',
  '/nowhere',
]
export const VIEWS = ['', 'nodes', 'log', 'timing', 'artifacts']

export interface View {
  page: Page
  /** A picture for people, in .cache/screenshots. */
  look(name: string): Promise<void>
  /** axe-core finds nothing, and nothing is wider than the screen: on a desktop and a phone, light and dark. */
  axe(): Promise<void>
  /** To another page, until what it shows has come. */
  go(route: string): Promise<void>
  /** Fails if the page had an error of its own. */
  close(): Promise<void>
}
export interface Stage {
  server: PageServer
  backend: Backend
  browser: Browser
  open(route: string, options?: BrowserContextOptions): Promise<View>
  close(): Promise<void>
}

/** `shared`: the browser of another stage, which closes it. */
export async function makeStage(
  history: Pick<MadeHistory, 'runs' | 'config' | 'objects'>,
  over: (plain: Backend) => Partial<Backend> = () => ({}),
  shared?: Browser,
): Promise<Stage> {
  const plain = backendOf(history)
  const backend: Backend = { ...plain, ...over(plain) }
  const server = await servePages(backend)
  const browser = shared ?? (await openBrowser())
  return {
    server,
    backend,
    browser,
    open: (route, options) => openView(browser, server.address(route), options),
    async close() {
      if (!shared) await browser.close()
      await server.close()
    },
  }
}

export function backendOf(history: Pick<MadeHistory, 'runs' | 'config' | 'objects'>): Backend {
  const byId = new Map(history.runs.map(run => [run.id, run]))
  const record = (id: string): RunRecord | undefined => {
    const row = byId.get(id)
    return row && recordOf(row, history.config)
  }
  return {
    me: {
      installation: 'tidemill',
      actor: 'local:ana',
      role: 'operator',
      config: KEY.config(hashOf(history.config)),
      docs: 'http://127.0.0.1:9',
      command: 'tidemill',
      version: '0.1.0',
    },
    object: key => history.objects.get(key),
    keys: prefix => [...history.objects.keys()].filter(key => key.startsWith(prefix)).sort(),
    record,
    open: () => [],
    paused: () => [],
    parts: () => [],
    instead: () => undefined,
    act: (request: ApiRequest): ApiResponse => ({ ok: true, message: `did ${request.operation}` }),
  }
}

async function openView(browser: Browser, address: string, options: BrowserContextOptions = {}): Promise<View> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, timezoneId: 'Europe/Berlin', ...options })
  const page = await context.newPage()
  const errors: string[] = []
  page.on('pageerror', error => errors.push(error.message))
  // A refusal is an answer, which the browser tells as a fault.
  const isAnswer = (text: string, url: string) => text.includes('responded with a status of') && /\/(data|api)\//.test(url)
  page.on('console', message => {
    if (message.type() === 'error' && !isAnswer(message.text(), message.location().url)) errors.push(message.text())
  })
  await page.goto(address)
  return {
    page,
    ...looksAt(page),
    async close() {
      await context.close()
      assert.deepEqual([...new Set(errors)], [])
    },
  }
}

export const looksAt = (page: Page): Pick<View, 'look' | 'axe' | 'go'> => ({
  async look(name) {
    mkdirSync(SHOTS, { recursive: true })
    await page.screenshot({ path: join(SHOTS, `${name}.png`) })
  },
  axe: () => checkScreens(page),
  async go(route) {
    await page.evaluate(hash => location.assign(hash), `#${route}`)
    await settled(page)
  },
})

const settled = async (page: Page) => {
  await page.waitForFunction(
    () => document.querySelector('h1') && ![...document.querySelectorAll('.loading')].some(each => each.checkVisibility()),
  )
  // What is moving has come to rest.
  await page.waitForTimeout(100)
}

const DESKTOP = { width: 1280, height: 900 }
const PHONE = { width: 390, height: 780 }
/** The first of each size goes through all rules, the others through those that colours decide. */
const SCREENS = [
  { size: DESKTOP, colorScheme: 'light', rules: [] },
  { size: DESKTOP, colorScheme: 'dark', rules: ['color-contrast'] },
  { size: PHONE, colorScheme: 'dark', rules: [] },
  { size: PHONE, colorScheme: 'light', rules: ['color-contrast'] },
] as const

async function checkScreens(page: Page): Promise<void> {
  const before = page.viewportSize()
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(AXE)
  for (const { size, colorScheme, rules } of SCREENS) {
    await page.setViewportSize(size)
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const found = await page.evaluate(runAxe, [...rules])
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
    assert.deepEqual({ found, wide: Math.max(0, wide) }, { found: [], wide: 0 }, `${page.url()} ${size.width} ${colorScheme}`)
  }
  await page.setViewportSize(before ?? DESKTOP)
  await page.emulateMedia({ colorScheme: null })
}

/** In the page. */
async function runAxe(rules: string[]): Promise<string[]> {
  interface Violation {
    id: string
    nodes: { html: string; failureSummary?: string }[]
  }
  const { axe } = globalThis as unknown as { axe: { run(options: object): Promise<{ violations: Violation[] }> } }
  const { violations } = await axe.run(rules.length ? { runOnly: rules } : {})
  return violations.map(({ id, nodes }) =>
    [id, ...nodes.slice(0, 3).map(node => `${node.html.slice(0, 200)} ${node.failureSummary ?? ''}`)].join(' | '),
  )
}
